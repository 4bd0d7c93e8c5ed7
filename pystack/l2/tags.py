"""Tags of VLANs in a frame's bytes: taken off, put on; what is owed on the frame moves along."""

from __future__ import annotations

from pystack.packet import Packet
from pystack.wire.ethernet import ETH_ALEN, ETH_HLEN, ETH_P_802_2, ETH_P_802_3, ETH_P_802_3_MIN
from pystack.wire.virtio import NONE, Offload
from pystack.wire.vlan import TAG, TAG_LENGTH


def protocol_of_length(pkt: Packet) -> int:
    """Where a length stands for the type: raw 802.3 if the payload starts as Novell's did, else LLC."""
    raw = pkt.data[pkt.network_header : pkt.network_header + 2] == b"\xff\xff"
    return ETH_P_802_3 if raw else ETH_P_802_2


def take_tag_off(pkt: Packet) -> int:
    """Make a frame of it as if it never had that tag, whose second word is returned.

    Preconditions: the network header is at the tag, and a word follows it.
    Linux: net/core/skbuff.c skb_vlan_untag()
    """
    at = pkt.network_header
    tci, protocol = TAG.unpack_from(pkt.data, at)
    addresses_end = at - ETH_HLEN + 2 * ETH_ALEN
    pkt.data = bytes(pkt.data[at - ETH_HLEN : addresses_end]) + bytes(pkt.data[at + 2 :])
    pkt.shared = False
    pkt.mac_header, pkt.network_header = 0, ETH_HLEN
    pkt.offload = _moved(pkt.offload, -TAG_LENGTH)
    pkt.protocol = protocol if protocol >= ETH_P_802_3_MIN else protocol_of_length(pkt)
    return int(tci)


def put_tag_on(pkt: Packet, protocol: int, tci: int) -> None:
    """The tag behind the addresses; the packet's protocol is the tag's from now on."""
    _insert(pkt, protocol, tci)
    pkt.network_header = ETH_HLEN
    pkt.protocol = protocol
    pkt.ip = pkt.ip6 = None


def put_tag_back(pkt: Packet, protocol: int, tci: int) -> None:
    """The tag that was taken off, as part of a link header that is so much longer.

    Linux: include/linux/if_vlan.h vlan_insert_inner_tag()
    """
    _insert(pkt, protocol, tci)
    pkt.network_header = ETH_HLEN + TAG_LENGTH


def _insert(pkt: Packet, protocol: int, tci: int) -> None:
    frame = pkt.frame()
    addresses, rest = frame[: 2 * ETH_ALEN], frame[2 * ETH_ALEN :]
    pkt.data = bytearray(addresses) + TAG.pack(protocol, tci) + rest
    pkt.shared = False
    pkt.transport_header += TAG_LENGTH - pkt.mac_header
    pkt.mac_header = 0
    pkt.offload = _moved(pkt.offload, TAG_LENGTH)


def _moved(offload: Offload, octets: int) -> Offload:
    """The same work on a frame whose link header became so much longer."""
    if offload is NONE or (not offload.csum_start and not offload.hdr_len):
        return offload
    return Offload(
        offload.flags,
        offload.gso_type,
        offload.hdr_len and offload.hdr_len + octets,
        offload.gso_size,
        offload.csum_start and offload.csum_start + octets,
        offload.csum_offset,
        offload.vlan,
    )
