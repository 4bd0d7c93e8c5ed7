"""A DHCP server (RFC 2131) on one device, over a UDP socket of the stack.

    DISCOVER -> OFFER        an address is kept for the client for a minute
    REQUEST  -> ACK or NAK   it is the client's for the lease time; a client that nobody knows (this host was
                             started anew) keeps what it has, if it is free
    INFORM   -> ACK          the parameters alone, to a client of the network
    RELEASE, DECLINE         no answer

One message in brings at most one out, no longer than it must be, and only to where it came from: the link
itself, or an address of its network. What is not answered is counted by its reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from struct import pack
from typing import Final

from pystack.errors import NetError
from pystack.l2.devices import Link
from pystack.l3.addresses import Address
from pystack.l3.fib_types import RTN_BROADCAST, RTN_LOCAL
from pystack.netns import Netns
from pystack.services.leases import OFFER_TIME, QUARANTINE, Lease, LeaseState, LeaseTable
from pystack.sock.inet import PacketInfo
from pystack.sock.receive_queue import Received
from pystack.wire import dhcp, ethernet, ipv4, udp
from pystack.wire.dhcp import CLIENT_PORT, SERVER_PORT, DhcpMessage
from pystack.wire.ipv4 import INADDR_BROADCAST, IPPROTO_UDP, Ipv4Header, netmask
from pystack.wire.malformed import Malformed

LONGEST_CLIENT_ID: Final = 128  # with the longest of all else, an answer still fits into 548 octets
LONGEST_HOST_NAME: Final = 64
_ETHERNET: Final = 1


class Refusal(Enum):
    """Why a message got no answer."""

    MALFORMED = "malformed"
    NOT_ETHERNET = "not from an Ethernet station"
    RELAYED = "relayed, which is not modelled"
    NO_REQUEST = "no request of a client's"
    BOOTP = "plain BOOTP, which is not modelled"
    CLIENT_ID = "a client identifier of an impossible length"
    FOREIGN = "from outside of the network"
    OTHER_SERVER = "for another server"
    UNKNOWN = "about an address that the client does not have"
    NO_ADDRESS = "the device has no address in the network"
    EXHAUSTED = "no address is free"
    UNSENT = "the answer could not be sent"


class _Refused(Exception):
    def __init__(self, why: Refusal) -> None:
        super().__init__(why.value)
        self.why = why


@dataclass(frozen=True)
class DhcpConfig:
    """What a server gives, and to whom."""

    device: str
    first: int
    last: int
    router: int | None = None  # None: the server itself; 0: none
    dns: tuple[int, ...] = ()
    domain: str = ""
    lease_time: int = 3600
    reserved: Mapping[bytes, int] = field(default_factory=dict)  # by hardware address


class DhcpServer:
    """Answers as soon as its socket is told of a message. Raises NetError if the port is taken."""

    def __init__(self, config: DhcpConfig, netns: Netns, dev: Link) -> None:
        self.config = config
        self.dev = dev
        self.refused: Counter[Refusal] = Counter()
        self.heeded = 0
        self.leases = LeaseTable(config.first, config.last, config.reserved, self._is_usable)
        self._clock = netns.clock
        self._ipv4 = netns.ipv4
        self._link = netns.packets.open(dev, protocol=0)  # only to send: it hears nothing
        self._socket = netns.udp.open()
        self._socket.bind_to_device(dev.name)
        self._socket.broadcast = True
        self._socket.bind(port=SERVER_PORT)
        self._socket.on_event = self._read

    def _is_usable(self, address: int) -> bool:
        own = self.own
        is_network = own is not None and address == own.local & netmask(own.prefixlen)
        return not is_network and self._ipv4.fib.address_type(address) not in (RTN_LOCAL, RTN_BROADCAST)

    @property
    def own(self) -> Address | None:
        """The address of the device whose network has the range: by it the server is known."""
        for address in self._ipv4.addresses.of(self.dev):
            if address.holds(self.config.first) and address.holds(self.config.last):
                return address
        return None

    def inherit(self, old: DhcpServer) -> None:
        """Take the place of another server of the same device: its leases hold, its counters go on."""
        self.leases.inherit(old.leases, self._clock.now)
        self.heeded += old.heeded
        self.refused += old.refused

    # -- in ------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            received = self._socket.recv()
        except NetError:  # an answer of ours has failed somewhere
            return
        if received is None:
            return
        try:
            self._answer(received)
            self.heeded += 1
        except _Refused as refused:
            self.refused[refused.why] += 1
        except NetError:
            self.refused[Refusal.UNSENT] += 1

    def _answer(self, received: Received) -> None:
        asked = dhcp.parse(received.data)
        if isinstance(asked, Malformed):
            raise _Refused(Refusal.MALFORMED)
        check(asked)
        own = self.own
        if own is None:
            raise _Refused(Refusal.NO_ADDRESS)
        if asked.address(dhcp.SERVER_ID) not in (None, own.local):
            raise _Refused(Refusal.OTHER_SERVER)
        if asked.type == dhcp.DISCOVER:
            self._offer(asked, own)
        elif asked.type == dhcp.REQUEST:
            self._grant(asked, own)
        elif asked.type == dhcp.INFORM:
            self._inform(asked, own, received.saddr)
        else:
            self._take_back(asked)

    def _offer(self, asked: DhcpMessage, own: Address) -> None:
        client, now = self._client(asked), self._clock.now
        address = self.leases.choose(client, asked.chaddr, asked.address(dhcp.REQUESTED_ADDRESS), now)
        if address is None:
            raise _Refused(Refusal.EXHAUSTED)
        known = self.leases.of(client)
        is_bound = known is not None and known.state is LeaseState.BOUND and known.expires > now
        if not is_bound or known is None or known.address != address:
            self._record(asked, address, LeaseState.OFFERED, now + OFFER_TIME)
        self._send(asked, own, dhcp.OFFER, address)

    def _grant(self, asked: DhcpMessage, own: Address) -> None:
        """SELECTING and INIT-REBOOT name the address in an option, RENEWING and REBINDING in ciaddr."""
        wanted = asked.ciaddr or asked.address(dhcp.REQUESTED_ADDRESS)
        if not wanted:
            raise _Refused(Refusal.UNKNOWN)
        client, now = self._client(asked), self._clock.now
        if not own.holds(wanted) or not self.leases.may_have(client, asked.chaddr, wanted, now):
            return self._refuse(asked, own)
        self._record(asked, wanted, LeaseState.BOUND, now + self.config.lease_time)
        self._send(asked, own, dhcp.ACK, wanted)

    def _inform(self, asked: DhcpMessage, own: Address, saddr: int) -> None:
        if asked.ciaddr != saddr or not own.holds(saddr):
            raise _Refused(Refusal.FOREIGN)
        self._send(asked, own, dhcp.ACK, 0)

    def _take_back(self, asked: DhcpMessage) -> None:
        is_declined = asked.type == dhcp.DECLINE
        address = asked.address(dhcp.REQUESTED_ADDRESS) if is_declined else asked.ciaddr
        lease, now = self.leases.of(self._client(asked)), self._clock.now
        if lease is None or lease.address != address or lease.expires <= now:
            raise _Refused(Refusal.UNKNOWN)
        if is_declined:
            self.leases.end(lease, LeaseState.DECLINED, now + QUARANTINE)
        else:
            self.leases.end(lease, LeaseState.RELEASED, now)

    def _client(self, asked: DhcpMessage) -> bytes:
        """By what the client is known. Who has a reserved address is known by its hardware address alone,
        whichever of a machine's systems asks.
        """
        by_hardware = bytes([_ETHERNET]) + asked.chaddr
        if asked.chaddr in self.config.reserved:
            return by_hardware
        return asked.options.get(dhcp.CLIENT_ID, by_hardware)

    def _record(self, asked: DhcpMessage, address: int, state: LeaseState, until: float) -> None:
        name = asked.options.get(dhcp.HOST_NAME, b"")[:LONGEST_HOST_NAME].decode("ascii", "replace")
        self.leases.put(Lease(address, self._client(asked), asked.chaddr, state, until, name))

    # -- out -----------------------------------------------------------------------------------------------

    def _refuse(self, asked: DhcpMessage, own: Address) -> None:
        """A NAK goes to all on the link: the client may have no address to reach it by (RFC 2131 4.1)."""
        options = {dhcp.MESSAGE_TYPE: bytes([dhcp.NAK]), dhcp.SERVER_ID: octets(own.local)}
        self._broadcast(self._reply(asked, 0, 0, options), own)

    def _send(self, asked: DhcpMessage, own: Address, type_: int, address: int) -> None:
        ciaddr = 0 if type_ == dhcp.OFFER else asked.ciaddr
        reply = self._reply(asked, ciaddr, address, self._options(asked, own, type_, address))
        if ciaddr:
            return self._socket.send_to(reply, (ciaddr, CLIENT_PORT), PacketInfo(spec_dst=own.local))
        if asked.flags & dhcp.FLAG_BROADCAST or not address:
            return self._broadcast(reply, own)
        self._send_to_station(reply, own, address, asked.chaddr)

    def _options(self, asked: DhcpMessage, own: Address, type_: int, address: int) -> dict[int, bytes]:
        config = self.config
        options = {dhcp.MESSAGE_TYPE: bytes([type_]), dhcp.SERVER_ID: octets(own.local)}
        if address:
            options[dhcp.LEASE_TIME] = octets(config.lease_time)
        mask = netmask(own.prefixlen)
        router = own.local if config.router is None else config.router
        parameters = {
            dhcp.SUBNET_MASK: octets(mask),
            dhcp.ROUTER: octets(router) if router else b"",
            dhcp.DNS: octets(*config.dns),
            dhcp.DOMAIN_NAME: config.domain.encode(),
            dhcp.BROADCAST_ADDRESS: octets(own.local | ~mask & INADDR_BROADCAST),
        }
        wanted = asked.options.get(dhcp.PARAMETERS) or bytes(parameters)
        return options | {number: value for number, value in parameters.items() if value and number in wanted}

    def _reply(self, asked: DhcpMessage, ciaddr: int, yiaddr: int, options: dict[int, bytes]) -> bytes:
        if dhcp.CLIENT_ID in asked.options:  # RFC 6842
            options[dhcp.CLIENT_ID] = asked.options[dhcp.CLIENT_ID]
        return dhcp.build(
            DhcpMessage(
                dhcp.BOOTREPLY,
                asked.xid,
                asked.chaddr,
                flags=asked.flags,
                ciaddr=ciaddr,
                yiaddr=yiaddr,
                options=options,
            )
        )

    def _broadcast(self, reply: bytes, own: Address) -> None:
        self._socket.send_to(reply, (INADDR_BROADCAST, CLIENT_PORT), PacketInfo(spec_dst=own.local))

    def _send_to_station(self, reply: bytes, own: Address, address: int, chaddr: bytes) -> None:
        """To a station that does not answer for its address yet: the frame is made here, without ARP."""
        datagram = udp.build(SERVER_PORT, CLIENT_PORT, reply, own.local, address)
        packet = ipv4.build(Ipv4Header(own.local, address, IPPROTO_UDP), len(datagram)) + datagram
        frame = ethernet.header(chaddr, self.dev.address, ethernet.ETH_P_IP) + packet
        self._link.send(self.dev, frame)


def check(asked: DhcpMessage) -> None:
    """What no client that can be served would say."""
    is_station = asked.htype == _ETHERNET and len(asked.chaddr) == ethernet.ETH_ALEN
    wrong = {
        Refusal.NO_REQUEST: asked.op != dhcp.BOOTREQUEST,
        Refusal.NOT_ETHERNET: not is_station or not ethernet.is_valid_unicast(asked.chaddr),
        Refusal.RELAYED: bool(asked.giaddr),
        Refusal.BOOTP: dhcp.MESSAGE_TYPE not in asked.options,
        Refusal.MALFORMED: asked.type not in ANSWERED,
        Refusal.CLIENT_ID: not 2 <= len(asked.options.get(dhcp.CLIENT_ID, b"..")) <= LONGEST_CLIENT_ID,
    }
    for why, is_so in wrong.items():
        if is_so:
            raise _Refused(why)


ANSWERED: Final = (dhcp.DISCOVER, dhcp.REQUEST, dhcp.DECLINE, dhcp.RELEASE, dhcp.INFORM)


def octets(*numbers: int) -> bytes:
    """Addresses or seconds, four octets each."""
    return pack(f"!{len(numbers)}I", *numbers)
