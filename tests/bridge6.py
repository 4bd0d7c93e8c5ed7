"""A bridge that IPv6 crosses while connections are tracked, in a test's hands."""

from itertools import pairwise

from pystack.applets.virtual import run_setup
from pystack.host import Host
from pystack.netfilter.conntrack.context import TrackContext
from pystack.netfilter.conntrack.info import state_bit
from pystack.netfilter.hooks import FORWARD, HookState
from pystack.netfilter.verdict import NF_ACCEPT
from pystack.packet import Packet
from pystack.wire import ipv6
from pystack.wire.checksum import transport_sum
from pystack.wire.ethernet import ETH_HLEN
from pystack.wire.ipv6 import NEXTHDR_FRAGMENT, Ipv6Header
from tests.frames import ALICE_MAC, BOB_MAC, ethernet

NETWORK = 0x20010DB8 << 96
ALICE, BOB = NETWORK | 0xA, NETWORK | 0xB
NAMES = ("left", "right")
CHECK_AT = {6: 16, 17: 6, 58: 2}
STATES = {1: "INVALID", 2: "ESTABLISHED", 4: "RELATED", 8: "NEW"}
SETUP = """
ip link add br0 type bridge
ip link set left master br0
ip link set right master br0
ip link set left up
ip link set right up
ip link set br0 up
ip6tables -A FORWARD -m conntrack --ctstate NEW
"""


def packet(
    body: bytes, kind: int, src: int = ALICE, dst: int = BOB, *, summed: bool = True, ttl: int = 64
) -> bytes:
    """An IPv6 packet; the sum of what it carries is worked out."""
    at = CHECK_AT.get(kind)
    if summed and at is not None and len(body) >= at + 2:
        body = body[:at] + bytes(2) + body[at + 2 :]
        check = 0xFFFF ^ transport_sum(src, dst, kind, body)
        body = body[:at] + check.to_bytes(2, "big") + body[at + 2 :]
    return ipv6.build(Ipv6Header(src, dst, kind, payload_len=len(body), ttl=ttl)) + body


def udp(payload: bytes = b"hello", sport: int = 1024, dport: int = 53) -> bytes:
    """A datagram, its sum still to be worked out."""
    ports = sport.to_bytes(2, "big") + dport.to_bytes(2, "big")
    return ports + (8 + len(payload)).to_bytes(2, "big") + bytes(2) + payload


def fragments(whole: bytes, *cuts: int, id: int = 1) -> list[bytes]:
    """A packet cut behind so many octets of what it carries."""
    header = ipv6.parse(whole, 0)
    assert isinstance(header, Ipv6Header)
    payload, places = whole[ipv6.HEADER_LENGTH :], (0, *cuts, len(whole) - ipv6.HEADER_LENGTH)
    pieces = []
    for start, end in pairwise(places):
        field = start | (end != places[-1])
        own = bytes((header.next_header, 0)) + field.to_bytes(2, "big") + id.to_bytes(4, "big")
        body = own + payload[start:end]
        pieces.append(packet(body, NEXTHDR_FRAGMENT, header.saddr, header.daddr))
    return pieces


class Bridge6:
    """Two ports, and what FORWARD saw of the last packet."""

    def __init__(self, rules: str = "") -> None:
        self.host = Host(seed=1)
        self.ports = [
            self.host.init.add_port(name, bytes((2, 0, 0, 0, 1, at))) for at, name in enumerate(NAMES)
        ]
        assert run_setup(self.host, SETUP + rules, "setup") == []
        self.state: str | None = None
        self.reasons: list[str] = []
        self.context.on_invalid = lambda _, text: self.reasons.append(text)
        self.host.init.hooks.ip6[FORWARD].register(self._look, 0, "look")

    @property
    def context(self) -> TrackContext:
        return self.host.init.conntrack.context

    def _look(self, pkt: Packet, state: HookState) -> int:
        self.state = "UNTRACKED" if pkt.ctinfo == 7 else "INVALID"
        if pkt.ct is not None:
            self.state = STATES[state_bit(pkt.ctinfo)]
        return NF_ACCEPT

    def send(self, octets: bytes, *, back: bool = False) -> list[bytes]:
        """A packet from the left to the right, or back; the packets that come out there."""
        self.state = None
        to, sender = (ALICE_MAC, BOB_MAC) if back else (BOB_MAC, ALICE_MAC)
        self.host.init.receive(self.ports[back], ethernet(octets, 0x86DD, to=to, sender=sender))
        self.host.run_backlog()
        out = [bytes(frame[ETH_HLEN:]) for frame, _ in self.ports[1 - back].tx]
        self.ports[1 - back].tx.clear()
        return out

    def crosses(self, octets: bytes, *, back: bool = False) -> str | None:
        """How the packet stands to its connection; None if it does not get as far."""
        self.send(octets, back=back)
        return self.state
