"""Whole rulesets as people load them: firewalld's, Debian's examples, iptables-translate's."""

import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pystack.applets import virtual
from pystack.applets.requests import FileRefused
from pystack.applets.virtual import Outside
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.host import Host
from pystack.wire import icmp, tcp, udp
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP
from pystack.wire.tcp import ACK, FIN, PSH, RST, SYN, URG, TcpHeader
from tests.frames import datagram, ip
from tests.netfilter.conntrack.router import LEFT, RIGHT, PystackRouter

FIREWALLD = Path(__file__).parent / "corpus" / "firewalld.nft"
EXAMPLES = Path("/usr/share/doc/nftables/examples")
NAMES_OF_ETC = Outside(read_file=lambda path: Path(path).read_bytes())
NAMES = sorted(path.name for path in EXAMPLES.glob("*.nft"))
NOT_MODELLED = ("ct_helpers.nft", "secmark.nft")
STYLES = ("", "-a", "-n", "-j")
CARDS = "ip link add eth0 type veth peer name eth1\nip link add bond0 type veth peer name bond1\n"


# --- files --------------------------------------------------------------------------------------------------


class Sides:
    """The real nft in a namespace, and ours on a host; both go on counting their tables."""

    def __init__(self, kernel: KernelNetns) -> None:
        self.kernel = kernel
        self.host = Host(seed=1)
        kernel.sh(CARDS).check()
        assert virtual.run_setup(self.host, CARDS, "cards") == []

    def load(self, folder: Path, name: str) -> None:
        """On both, from the folder that the file is in; what they say must be the same."""

        def read_file(path: str) -> bytes:
            found = folder / path
            if not found.is_file():
                raise FileRefused(path, "No such file or directory")
            return found.read_bytes()

        theirs = self.kernel.run(f"cd {shlex.quote(str(folder))} && nft flush ruleset && nft -f {name}")
        virtual.run(["nft", "flush", "ruleset"], self.host)
        ours = virtual.run(["nft", "-f", name], self.host, outside=Outside(read_file=read_file))
        assert (ours.rc, ours.err) == (theirs.rc, theirs.err)

    def assert_they_list_the_same(self) -> None:
        for style in STYLES:
            words = ["nft", *filter(None, [style]), "list", "ruleset"]
            ours = virtual.run(
                words, self.host, outside=Outside(read_file=lambda path: Path(path).read_bytes())
            )
            assert ours.out.splitlines() == self.kernel.run(words).out.splitlines()


@pytest.fixture(scope="module")
def sides() -> Iterator[Sides]:
    with KernelNetns() as lab:
        yield Sides(lab)


@pytest.mark.root
@pytest.mark.xdist_group("nft")
def test_a_ruleset_of_firewalld_is_listed_as_the_real_nft_lists_it(sides: Sides) -> None:
    sides.load(FIREWALLD.parent, FIREWALLD.name)
    sides.assert_they_list_the_same()


@pytest.mark.root
@pytest.mark.xdist_group("nft")
@pytest.mark.skipif(not NAMES, reason="the examples of Debian's package nftables are not here")
@pytest.mark.parametrize("name", [name for name in NAMES if name not in NOT_MODELLED])
def test_debians_examples_load_unchanged(name: str, sides: Sides) -> None:
    sides.load(EXAMPLES, name)
    sides.assert_they_list_the_same()


# --- iptables-translate -------------------------------------------------------------------------------------

RULES = """\
-j DROP
-s 10.1.0.2 -j DROP
-s 10.1.0.0/30 -d 10.2.0.0/16 -j DROP
! -s 10.1.0.0/16 -j DROP
-p tcp -j DROP
! -p tcp -j DROP
-p tcp --dport 80 -j DROP
-p tcp --dport 80:90 -j DROP
-p tcp ! --dport 80 -j DROP
-p tcp --sport 1000 --dport 80 -j ACCEPT
-p udp --dport 53 -j DROP
-p udp -m multiport --dports 53,67,1000:2000 -j DROP
-p tcp -m multiport --ports 80,443 -j DROP
-p icmp -j DROP
-p icmp --icmp-type echo-request -j DROP
-p icmp --icmp-type 3 -j DROP
-p icmp ! --icmp-type echo-request -j DROP
-p tcp --syn -j DROP
-p tcp ! --syn -j DROP
-p tcp --tcp-flags SYN,ACK SYN -j DROP
-p tcp --tcp-flags ALL NONE -j DROP
-p tcp --tcp-flags FIN,SYN,RST,PSH,ACK,URG FIN,PSH,URG -j DROP
-i ct1 -j DROP
-i ct+ -j DROP
! -i ct1 -j DROP
-o ct2 -j DROP
-m conntrack --ctstate NEW -j DROP
-m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT
-m conntrack ! --ctstate NEW -j DROP
-m state --state INVALID -j DROP
-m mark --mark 0 -j DROP
-m mark --mark 0x1/0x3 -j DROP
-m ttl --ttl-eq 64 -j DROP
-m ttl --ttl-lt 64 -j DROP
-m length --length 28:60 -j DROP
-m pkttype --pkt-type unicast -j DROP
-m iprange --src-range 10.1.0.1-10.1.0.9 -j DROP
-m dscp --dscp 0 -j DROP
-m comment --comment "a comment" -j DROP
-m addrtype --dst-type UNICAST -j DROP
-m mac --mac-source 02:00:00:00:0b:01 -j DROP
-m limit --limit 1/day --limit-burst 3 -j ACCEPT
-p tcp --dport 80 -j REJECT
-p tcp --dport 80 -j REJECT --reject-with tcp-reset
-j MARK --set-mark 5
-g elsewhere
-j elsewhere
-j RETURN
"""
TABLE = (
    "add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; }; "
    "add chain ip filter elsewhere; add rule ip filter elsewhere udp dport 53 drop"
)
ELSEWHERE = ("iptables -N elsewhere", "iptables -A elsewhere -p udp --dport 53 -j DROP")
FLAGS = (SYN, SYN | ACK, ACK, RST, FIN | ACK, FIN | PSH | URG, 0)


def packets() -> list[tuple[int, bytes]]:
    """From which side, and what."""
    drawn: list[tuple[int, bytes]] = []
    for side, (here, there) in enumerate(((LEFT, RIGHT), (RIGHT, LEFT))):
        ends = ip(here), ip(there)
        for dport, flags in ((dport, flags) for dport in (80, 85, 443) for flags in FLAGS):
            segment = tcp.build(TcpHeader(1000 + flags, dport, seq=5, flags=flags), b"", *ends)
            drawn.append((side, datagram(segment, IPPROTO_TCP, src=ends[0], dst=ends[1])))
        queries = [udp.build(9, dport, b"x", *ends) for dport in (53, 67, 1500, 9)]
        drawn += [(side, datagram(query, IPPROTO_UDP, src=ends[0], dst=ends[1])) for query in queries]
        for kind in (icmp.ICMP_ECHO, icmp.ICMP_ECHOREPLY):
            message = icmp.build(kind, 0, 7, 1, b"ping")
            drawn.append((side, datagram(message, IPPROTO_ICMP, src=ends[0], dst=ends[1])))
    return drawn


def translated(rule: str) -> str:
    words = ["iptables-translate", "-A", "FORWARD", *shlex.split(rule)]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    assert said.startswith("nft "), said
    return shlex.split(said)[1]


@pytest.mark.skipif(shutil.which("iptables-translate") is None, reason="iptables-translate is not installed")
@pytest.mark.parametrize("rule", RULES.splitlines())
def test_a_translated_rule_says_what_its_original_says(rule: str) -> None:
    original, translation = PystackRouter(), PystackRouter()
    setup = (
        f"iptables -N elsewhere; iptables -A elsewhere -p udp --dport 53 -j DROP; iptables -A FORWARD {rule}"
    )
    assert virtual.run(["sh", "-c", setup], original.box.host).err == ""
    for command in (TABLE, translated(rule)):
        assert virtual.run(["nft", command], translation.box.host).err == ""
    for side, packet in packets():
        assert translation.passed(side, packet) == original.passed(side, packet)
