"""A router between two networks, with rules of nft, in a test's hands."""

from __future__ import annotations

from pystack.applets.virtual import run_setup
from pystack.netfilter.nft.statements.counters import Counter
from pystack.netfilter.rule import Rule
from pystack.wire import tcp, udp
from pystack.wire.tcp import TcpHeader
from tests.box import Box
from tests.frames import ALICE_IP, ALICE_MAC, BOB_IP, BOB_MAC, OUR_MAC, OUR_MAC2, datagram, packet_frame

NEIGHBOURS = """
ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:01 dev eth0
ip neigh add 10.0.1.2 lladdr 02:00:00:00:00:02 dev eth1
"""


class Router(Box):
    """eth0 10.0.0.1/24 with Alice (10.0.0.2), eth1 10.0.1.1/24 with Bob (10.0.1.2)."""

    def __init__(self, ruleset: str = "") -> None:
        super().__init__()
        self.eth0 = self.port("eth0", OUR_MAC, "10.0.0.1/24")
        self.eth1 = self.port("eth1", OUR_MAC2, "10.0.1.1/24")
        self.forward()
        self.setup(NEIGHBOURS)
        if ruleset:
            self.nft(ruleset)

    def setup(self, lines: str) -> None:
        assert run_setup(self.host, lines, "setup") == []

    def nft(self, ruleset: str) -> None:
        """`nft -f -`"""
        self.setup(f"nft -f - <<END\n{ruleset}\nEND\n")

    def rules(self, chain: str = "c", table: str = "t") -> list[Rule]:
        tables = {name: known for (_, name), known in self.ns.nft.tables.items()}
        return tables[table].chains[chain].rules

    def counted(self, chain: str = "c", table: str = "t") -> list[int]:
        """Packets that the counters of a chain have seen."""
        tests = [test for rule in self.rules(chain, table) for test in rule.tests]
        return [test.packets for test in tests if isinstance(test, Counter)]

    def alice_sends(self, dport: int = 53, *, src: int = ALICE_IP, dst: int = BOB_IP) -> None:
        """A datagram from port 1000, to Bob unless said otherwise."""
        body = udp.build(1000, dport, b"hello", src, dst)
        self.send(self.eth0, packet_frame(datagram(body, 17, src=src, dst=dst), OUR_MAC, ALICE_MAC))
        self.assert_every_packet_is_accounted_for()

    def alice_begins(self, dport: int = 22, *, dst: int = BOB_IP, flags: int = tcp.SYN) -> None:
        """A segment from port 1000."""
        body = tcp.build(TcpHeader(1000, dport, seq=5, flags=flags), b"", ALICE_IP, dst)
        self.send(self.eth0, packet_frame(datagram(body, 6, dst=dst), OUR_MAC, ALICE_MAC))
        self.assert_every_packet_is_accounted_for()

    def bob_sends(self, sport: int, dport: int, *, dst: int = ALICE_IP) -> None:
        """A datagram of Bob's."""
        body = udp.build(sport, dport, b"hello", BOB_IP, dst)
        self.send(self.eth1, packet_frame(datagram(body, 17, src=BOB_IP, dst=dst), OUR_MAC2, BOB_MAC))
        self.assert_every_packet_is_accounted_for()
