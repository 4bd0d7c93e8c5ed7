"""From a packet that the kernel has queued to one of the copy's, and back to what the kernel is told."""

from __future__ import annotations

from typing import Final

from pystack.device import Socket
from pystack.hooks.judge.answer import ACCEPT, Answer
from pystack.hooks.queue.packet import CSUM_NOT_READY, CSUM_NOT_VERIFIED, IS_GSO, Queued
from pystack.l2.devices import Link
from pystack.l2.offload import finish_checksum
from pystack.l3.groups import link_address
from pystack.netfilter.conntrack.tuples import IPPROTO_SCTP
from pystack.packet import PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST, Packet
from pystack.wire import ipv4, tcp, udp
from pystack.wire.crc32c import crc32c
from pystack.wire.ethernet import BROADCAST, ETH_ALEN, ETH_HLEN, ETH_P_IP
from pystack.wire.ipv4 import INADDR_BROADCAST, IPPROTO_TCP, IPPROTO_UDP, Ipv4Header, is_multicast
from pystack.wire.malformed import Malformed
from pystack.wire.virtio import DATA_VALID, GSO_NONE, GSO_TCPV4, GSO_UDP_L4, NEEDS_CSUM, NONE, Offload

_TYPE: Final = ETH_P_IP.to_bytes(2, "big")
_CHECK_AT: Final = {IPPROTO_TCP: tcp.CHECK_OFFSET, IPPROTO_UDP: udp.CHECK_OFFSET}
_CUT_AS: Final = {IPPROTO_TCP: GSO_TCPV4, IPPROTO_UDP: GSO_UDP_L4}
_SCTP_CHECK_AT: Final = 8
_VALID: Final = Offload(DATA_VALID)


class _Program(Socket):
    """Whose packet the kernel has queued."""

    __slots__ = ("gid", "uid")

    def __init__(self, uid: int, gid: int) -> None:
        self.uid = uid
        self.gid = gid


def packet_of(queued: Queued, dev: Link) -> Packet | None:
    """None for what is no whole IPv4 packet. Its octets are copied when the first rule writes into them."""
    if queued.protocol != ETH_P_IP or len(queued.payload) < queued.length:
        return None
    header = ipv4.parse(queued.payload, 0)
    if isinstance(header, Malformed):
        return None
    kind, station = _addressed(header, dev)
    link = station + queued.station.ljust(ETH_ALEN, b"\0") + _TYPE
    pkt = Packet(link + queued.payload, dev, _offload_of(queued, header, dev.mtu))
    pkt.network_header, pkt.transport_header = ETH_HLEN, ETH_HLEN + header.ihl
    pkt.protocol, pkt.ip, pkt.mark = ETH_P_IP, header, queued.mark
    pkt.pkt_type = kind
    pkt.sock = None if queued.owner is None else _Program(*queued.owner)
    return pkt


def answer_of(queued: Queued, pkt: Packet) -> Answer:
    """What has become of an accepted packet."""
    mark = None if pkt.mark == queued.mark else pkt.mark
    is_unwritten = isinstance(pkt.data, bytes)
    if is_unwritten or bytes(pkt.data[pkt.network_header :]) == queued.payload:
        return ACCEPT if mark is None else Answer(mark=mark)
    if queued.info & CSUM_NOT_READY and not _is_large_datagram(queued, pkt.ip):
        _make_sum(pkt)  # the kernel takes what it is given for complete
    return Answer(mark=mark, payload=bytes(pkt.data[pkt.network_header :]))


def _make_sum(pkt: Packet) -> None:
    if pkt.offload.needs_checksum:
        finish_checksum(pkt)
    elif pkt.ip is not None and pkt.ip.protocol == IPPROTO_SCTP:
        data, start = pkt.writable(), pkt.network_header + pkt.ip.ihl
        at = start + _SCTP_CHECK_AT
        data[at : at + 4] = bytes(4)
        data[at : at + 4] = crc32c(data[start:]).to_bytes(4, "little")


def _is_large_datagram(queued: Queued, header: Ipv4Header | None) -> bool:
    """The sums of its pieces are made out of its own, which is never complete, even where the kernel says so
    because it was given other octets. Linux: net/ipv4/udp_offload.c __udp_gso_segment()
    """
    return bool(queued.info & IS_GSO) and header is not None and header.protocol == IPPROTO_UDP


def _offload_of(queued: Queued, header: Ipv4Header, mtu: int) -> Offload:
    if not queued.info & CSUM_NOT_READY and not _is_large_datagram(queued, header):
        return NONE if queued.info & CSUM_NOT_VERIFIED else _VALID
    at = _CHECK_AT.get(header.protocol)
    if at is None:
        return NONE
    start = ETH_HLEN + header.ihl
    if not queued.info & IS_GSO:
        return Offload(NEEDS_CSUM, csum_start=start, csum_offset=at)
    inner = udp.HEADER_LENGTH
    if header.protocol == IPPROTO_TCP:
        inner = (queued.payload[header.ihl + 12] >> 4) * 4
    size = mtu - header.ihl - inner
    kind = _CUT_AS[header.protocol] if size > 0 else GSO_NONE
    return Offload(NEEDS_CSUM, kind, start + inner, max(size, 0), start, at)


def _addressed(header: Ipv4Header, dev: Link) -> tuple[int, bytes]:
    """To whom the frame that brought a packet went: the kernel does not say, but it was taken in."""
    if is_multicast(header.daddr):
        return PACKET_MULTICAST, link_address(header.daddr)
    if header.daddr == INADDR_BROADCAST:
        return PACKET_BROADCAST, BROADCAST
    return PACKET_HOST, dev.address
