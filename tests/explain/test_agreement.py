"""What is told of tables and addresses is what they answer, for rules, routes and addresses drawn by lot."""

from random import Random

import pytest

from pystack.applets.virtual import run_setup
from pystack.explain.iproute_words import route_text
from pystack.explain.lookup import looked_up
from pystack.explain.scene import Scene
from pystack.explain.source_choice import walked
from pystack.host import Host
from pystack.l3.fib_types import RTN_LOCAL, FibResult, Flow
from pystack.wire.ipv4 import address_text

DEVICES = ("eth0", "eth1", "eth2")
HOSTS = 50
QUESTIONS = 30


def network(rng: Random) -> str:
    return f"10.{rng.randrange(4)}.{rng.randrange(2)}.0"


def drawn(rng: Random) -> str:
    """A setup, many of whose lines make no sense and are refused."""
    lines = [f"ip link set {device} up" for device in ("lo", *DEVICES) if rng.random() < 0.9]
    for _ in range(6):
        scope = rng.choice(("", "", "scope link", "scope host"))
        lines.append(
            f"ip addr add 10.{rng.randrange(4)}.0.{rng.randrange(1, 4)}/24 dev {rng.choice(DEVICES)} {scope}"
        )
    for _ in range(8):
        way = rng.choice(
            (
                f"via 10.{rng.randrange(4)}.0.{rng.randrange(1, 9)}",
                f"dev {rng.choice(DEVICES)}",
                f"nexthop via 10.{rng.randrange(4)}.0.5 nexthop via 10.{rng.randrange(4)}.0.6 weight 3",
            )
        )
        extra = rng.choice(
            ("", "", "tos 0x10", f"metric {rng.randrange(5)}", f"src 10.{rng.randrange(4)}.0.1")
        )
        table = rng.choice(("main", "main", "7", "8", "local"))
        prefix = rng.choice(
            ("default", f"{network(rng)}/16", f"{network(rng)}/24", f"{network(rng)[:-1]}7/32")
        )
        kind = rng.choice(("", "", "", "throw ", "unreachable ", "prohibit "))
        lines.append(f"ip route add {kind}{prefix} {'' if kind else way} {extra} table {table}")
    for number in range(rng.randrange(5)):
        selector = rng.choice(
            (
                f"from {network(rng)}/16",
                f"to {network(rng)}/24",
                "fwmark 1",
                "not fwmark 1",
                "tos 0x10",
                f"iif {DEVICES[0]}",
            )
        )
        action = rng.choice(
            ("lookup 7", "lookup 8", "lookup main suppress_prefixlength 0", "prohibit", "goto 90")
        )
        lines.append(f"ip rule add {selector} {action} pref {10 + number}")
    lines.append("ip rule add nop pref 90" if rng.random() < 0.3 else "")
    return "\n".join(lines)


def question(rng: Random, host: Host) -> Flow:
    devices = host.init.devices
    daddr = 0x0A000000 | rng.randrange(4) << 16 | rng.randrange(2) << 8 | rng.randrange(9)
    saddr = rng.choice((0, 0, 0x0A000001 | rng.randrange(4) << 16))
    oif = devices[rng.choice(DEVICES)].ifindex if rng.random() < 0.3 else 0
    iif = devices[rng.choice(("lo", DEVICES[0]))].ifindex
    return Flow(daddr, saddr, oif=oif, iif=iif, tos=rng.choice((0, 0x10)), mark=rng.choice((0, 1)))


def asked(seed: int) -> tuple[Host, Random]:
    rng = Random(seed)
    host = Host(seed=1)
    for number, name in enumerate(DEVICES, 1):
        host.init.add_port(name, bytes([2, 0, 0, 0, 0, number]))
    for line in drawn(rng).splitlines():
        run_setup(host, line, "lot")  # one by one: a line that is refused must not stop the others
    return host, rng


@pytest.mark.parametrize("seed", range(HOSTS))
def test_the_last_thing_said_of_a_look_up_is_its_answer(seed: int) -> None:
    host, rng = asked(seed)
    scene, fib = Scene(host.init, host.origins.of), host.init.ipv4.fib
    for _ in range(QUESTIONS):
        flow = question(rng, host)
        story, found = looked_up(scene, flow), fib.lookup(flow)
        last = story.reasons[-1].text
        if isinstance(found, FibResult):
            assert last.endswith(f"has {route_text(found.route, fib)}")
        else:
            assert not isinstance(story.found, FibResult)
            said_no = (
                "nothing for",
                "no match",
                "on to the next rule",
                "suppresses",
                "but ",
                "which is dead",
            )
            forbids = ("it ends here",)
            assert any(word in last for word in (*said_no, *forbids))


@pytest.mark.parametrize("seed", range(HOSTS))
def test_the_address_that_is_told_last_is_the_one_that_is_taken(seed: int) -> None:
    host, rng = asked(seed)
    scene, ipv4 = Scene(host.init, host.origins.of), host.init.ipv4
    for _ in range(QUESTIONS):
        found = ipv4.fib.lookup(question(rng, host))
        if not isinstance(found, FibResult) or found.type == RTN_LOCAL:
            continue
        hop = found.nexthop
        told = list(walked(scene, hop.dev, hop.gateway, found.info.scope))
        taken = ipv4.addresses.select(hop.dev, hop.gateway, found.info.scope)
        assert told[-1].text.startswith(f"source {address_text(taken)}")
