"""What rules of nft ask of this host: of its routes, of its sockets, of connections that it counts."""

import pytest

from pystack.applets.virtual import run_setup
from tests.frames import ALICE_IP, BOB_IP, OUR_IP, OUR_IP2, ip
from tests.netfilter.nft.router import Router

ROUTES = "ip route add 192.0.2.0/24 via 10.0.1.2\nip route add blackhole 203.0.113.0/24"


def judged(hook: str, question: str, *, src: int = ALICE_IP, dst: int = BOB_IP) -> bool:
    """Whether a datagram of Alice's is like that."""
    box = Router(f"table ip t {{ chain c {{ type filter hook {hook} priority 0; {question} counter; }} ; }}")
    box.setup(ROUTES + "\nsysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0")
    box.alice_sends(src=src, dst=dst)
    return box.counted() == [1]


@pytest.mark.parametrize(
    ("question", "src", "dst", "holds"),
    [
        ("fib daddr type local", ALICE_IP, OUR_IP, True),
        ("fib daddr type local", ALICE_IP, OUR_IP2, True),
        ("fib daddr . iif type local", ALICE_IP, OUR_IP2, False),
        ("fib daddr type unicast", ALICE_IP, BOB_IP, True),
        ("fib daddr type broadcast", ALICE_IP, ip("10.0.0.255"), True),
        ("fib daddr type multicast", ALICE_IP, ip("224.0.0.1"), True),
        ("fib daddr type blackhole", ALICE_IP, ip("203.0.113.1"), False),  # it knows nothing but our own
        ("fib saddr . iif oif exists", ALICE_IP, BOB_IP, True),
        ("fib saddr . iif oif exists", ip("192.0.2.1"), BOB_IP, False),
        ("fib saddr oif exists", ip("192.0.2.1"), BOB_IP, True),
        ('fib saddr oifname "eth1"', ip("192.0.2.1"), BOB_IP, True),
        ("fib saddr oif missing", ip("198.51.100.1"), BOB_IP, True),
        ("fib daddr oif eth1", ALICE_IP, BOB_IP, True),
        ("fib daddr oif missing", ALICE_IP, OUR_IP, True),
        ("rt classid 0", ALICE_IP, BOB_IP, False),
    ],
)
def test_before_routing(question: str, src: int, dst: int, holds: bool) -> None:
    assert judged("prerouting", question, src=src, dst=dst) is holds


@pytest.mark.parametrize(
    ("question", "dst", "holds"),
    [
        ("rt nexthop 10.0.1.2", BOB_IP, True),
        ("rt nexthop 10.0.1.2", ip("192.0.2.7"), True),
        ("rt nexthop 192.0.2.7", ip("192.0.2.7"), False),
        ("rt classid 0", BOB_IP, True),
        ("rt mtu 1460", BOB_IP, True),
        ("rt ipsec missing", BOB_IP, True),
        ("fib saddr . iif oif exists", BOB_IP, True),
    ],
)
def test_on_the_way(question: str, dst: int, holds: bool) -> None:
    assert judged("forward", question, dst=dst) is holds


# --- sockets ------------------------------------------------------------------------------------------------


def heard(question: str, *, dport: int = 53) -> bool:
    """Whether a datagram for somebody who listens to port 53 of any address is like that."""
    box = Router(f"table ip t {{ chain c {{ type filter hook input priority 0; {question} counter; }} ; }}")
    sock = box.ns.udp.open()
    sock.mark = 7
    sock.bind(0, 53)
    box.alice_sends(dport, dst=OUR_IP)
    return box.counted() == [1]


@pytest.mark.parametrize(
    ("question", "holds"),
    [
        ("socket wildcard 1", True),
        ("socket wildcard 0", False),
        ("socket transparent 0", True),
        ("socket mark 7", True),
        ("socket mark 0", False),
    ],
)
def test_of_who_would_get_a_datagram(question: str, holds: bool) -> None:
    assert heard(question) is holds


def test_nobody_gets_a_datagram_for_another_port() -> None:
    assert not heard("socket transparent 0", dport=54)


# --- connections --------------------------------------------------------------------------------------------


def test_connections_are_counted_while_they_last() -> None:
    box = Router("table ip t { chain c { type filter hook forward priority 0; ct count over 2 counter; } ; }")
    for dport in (1, 2, 2, 3):
        box.alice_sends(dport)
    assert box.counted() == [1]
    box.advance(60)
    box.alice_sends(4)
    assert box.counted() == [1]


def test_what_this_host_sends_tells_whose_it_is() -> None:
    box = Router("table ip t { chain c { type filter hook output priority 0; meta skuid 0 counter; } ; }")
    run_setup(box.host, "ping -c1 -W0.1 10.0.1.2", "setup")
    assert box.counted() == [1]
