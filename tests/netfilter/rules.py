"""Rules and packets for tests of the walk: short ways to say them."""

from __future__ import annotations

from pystack.l2.port import PortDevice
from pystack.netfilter.hooks import FORWARD, HookState
from pystack.netfilter.rule import BaseChain, Match, Rule, Target
from pystack.netfilter.verdict import NF_ACCEPT
from pystack.netfilter.view import View
from pystack.packet import Packet
from pystack.wire import ipv4, ipv6, udp
from pystack.wire.ethernet import ETH_HLEN
from pystack.wire.ipv4 import Ipv4Header
from pystack.wire.ipv6 import Ipv6Header
from tests.frames import ALICE_MAC, BOB_MAC, ethernet, ip

IN = PortDevice("tap1", ALICE_MAC)
OUT = PortDevice("wlan0", BOB_MAC)


def view(
    source: str = "10.0.0.1",
    destination: str = "10.0.0.2",
    *,
    protocol: int = 17,
    body: bytes | None = None,
    header: Ipv4Header | None = None,
    hook: int = FORWARD,
) -> View:
    """A packet that crosses FORWARD: UDP from port 5 to 6 unless a body is given."""
    payload = udp.build(5, 6, b"data", ip(source), ip(destination)) if body is None else body
    head = Ipv4Header(ip(source), ip(destination), protocol, id=7) if header is None else header
    pkt = Packet(ethernet(ipv4.build(head, len(payload)) + payload, 0x0800), IN)
    pkt.network_header = ETH_HLEN
    parsed = ipv4.parse(pkt.data, ETH_HLEN)
    assert isinstance(parsed, Ipv4Header)
    pkt.ip = parsed
    pkt.transport_header = ETH_HLEN + parsed.ihl
    return View.of_ipv4(pkt, HookState(hook, IN, OUT, lambda _: None))


def rule(*tests: Match, target: Target | None = None) -> Rule:
    return Rule(tests, target, None)


def base(*rules: Rule, policy: int = NF_ACCEPT) -> BaseChain:
    chain = BaseChain("FORWARD", FORWARD, 0, policy)
    chain.rules += rules
    return chain


def view6(
    next_header: int = 17,
    payload: bytes = b"\0\5\0\6\0\x0c\0\0data",
    *,
    header: Ipv6Header | None = None,
    nft: bool = True,
) -> View:
    """An IPv6 packet that crosses FORWARD on a bridge; a datagram from port 5 to 6 unless said otherwise."""
    head = Ipv6Header(0xA, 0xB, next_header) if header is None else header
    head.payload_len = len(payload)
    pkt = Packet(ethernet(ipv6.build(head) + payload, 0x86DD), IN)
    pkt.network_header = ETH_HLEN
    parsed = ipv6.parse(pkt.data, ETH_HLEN)
    assert isinstance(parsed, Ipv6Header)
    pkt.ip6 = parsed
    look = View.of_ipv6_nft if nft else View.of_ipv6
    return look(pkt, HookState(FORWARD, IN, OUT, lambda _: None))
