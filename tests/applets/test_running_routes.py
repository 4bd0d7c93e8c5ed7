"""The routes of a setup: run again on a new host, they are the same routes in the same order."""

import random
from collections.abc import Iterator

import pytest

from pystack.applets import virtual
from pystack.applets.registry import start_setup
from pystack.applets.running_setup import setup_lines
from pystack.applets.virtual import Outside, VirtualJob
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.host import Host
from pystack.l2.devices import Link
from tests.applets.parity.equivalences import normalised
from tests.conftest import FULL

PORTS = ("p1", "p2", "p3")
LINKS = """\
ip link set lo up
ip link set p1 up
ip link set p2 up
ip address add 10.0.0.1/24 dev p1
ip address add 10.1.0.1/24 dev p2
"""


def host_with_ports() -> tuple[Host, dict[str, Link]]:
    host = Host(seed=1)
    return host, {name: host.init.add_port(name) for name in PORTS}


def built(text: str) -> tuple[Host, dict[str, Link]]:
    host, ports = host_with_ports()
    ended = VirtualJob(host, start_setup(text, "test.setup", host), Outside()).run()
    assert ended.rc == 0, f"{ended.err}\n{text}"
    return host, ports


def routes(host: Host) -> str:
    shown = [
        virtual.run(["ip", "-d", "-4", "route", "show", "table", "all"], host, netns).out
        for netns in host.namespaces.values()
    ]
    return "\n".join(shown)


def route_lines(text: str) -> list[str]:
    return [line for line in setup_lines(*built(text)) if " route " in line]


def assert_replays(host: Host, ports: dict[str, Link]) -> None:
    lines = setup_lines(host, ports)
    again, other_ports = built("\n".join(lines))
    assert routes(again) == routes(host), "\n".join(lines)
    assert setup_lines(again, other_ports) == lines


def test_what_addresses_bring_is_no_line() -> None:
    assert route_lines(LINKS) == []


def test_a_route_is_printed_as_it_was_typed() -> None:
    typed = [
        "ip route add 10.9.0.0/16 dev p1",
        "ip route add default via 10.0.0.254 dev p1",
    ]
    assert route_lines(LINKS + "\n".join(typed)) == typed


@pytest.mark.parametrize(
    "line",
    [
        "ip route add blackhole 10.9.0.0/16",
        "ip route add unreachable 10.9.0.0/16 metric 7",
        "ip route add prohibit 10.9.0.0/16 table 100",
        "ip route add throw default table 100",
        "ip route add local 10.9.0.0/16 dev lo",
        "ip route add local 10.9.0.1 dev lo table main",
        "ip route add broadcast 10.9.0.255 dev p1",
        "ip route add 10.9.0.0/16 dev p1 proto static scope link src 10.1.0.1",
        "ip route add 10.9.0.0/16 dev p1 scope global",
        "ip route add 10.9.0.0/16 tos AF11 via 10.0.0.254 dev p1 metric 3",
        "ip route add 10.9.0.0/16 via 10.7.0.254 dev p1 onlink",
        "ip route add default via 10.0.0.254 dev p1 table 100 mtu 1400",
        "ip route add default via 10.0.0.254 dev p1 table default",
        "ip route add 10.9.0.0/16 nexthop via 10.0.0.254 nexthop dev p2 weight 3",
        "ip route add default metric 3 mtu 1400 nexthop via 10.0.0.9 nexthop via 10.7.0.9 dev p2 onlink",
        "ip route add 10.9.0.0/16 dev p1 mtu lock 1300 rtt 20ms rto_min 5s features ecn congctl lock reno",
        "ip route add multicast 239.0.0.0/8 dev p2",
        "ip route add anycast 10.9.0.1 dev p2",
        "ip route add 10.0.0.0/24 dev p1 metric 9",
        "ip route append 10.0.0.0/24 dev p2",
        "ip route prepend 10.0.0.0/24 dev p2",
        "ip route replace 10.0.0.0/24 dev p2",
        "ip route del 10.0.0.0/24 dev p1",
        "ip route del local 10.0.0.1 dev p1 table local",
    ],
)
def test_a_route_runs_again(line: str) -> None:
    host, ports = built(LINKS + line)
    assert routes(host) != routes(built(LINKS)[0])
    assert_replays(host, ports)


def test_a_gateway_comes_behind_the_route_that_leads_to_it() -> None:
    more = "ip route add 192.168.0.254 dev p2\nip route add 1.0.0.0/8 via 192.168.0.254"
    assert route_lines(LINKS + more) == [
        "ip route add 192.168.0.254 dev p2",
        "ip route add 1.0.0.0/8 via 192.168.0.254 dev p2",
    ]


def test_a_gateway_behind_a_gateway_waits_for_it() -> None:
    more = [
        "ip route add 192.168.0.254 dev p2 scope host",
        "ip route add 10.5.0.0/24 via 192.168.0.254 dev p2 scope link",
        "ip route add 1.0.0.0/8 via 10.5.0.1 dev p2",
    ]
    assert route_lines(LINKS + "\n".join(more)) == more


def test_the_order_of_equal_routes_is_kept() -> None:
    more = (
        "ip route add 9.0.0.0/8 dev p1\nip route append 9.0.0.0/8 dev p2\n"
        "ip route prepend 9.0.0.0/8 via 10.0.0.254"
    )
    assert route_lines(LINKS + more) == [
        "ip route add 9.0.0.0/8 via 10.0.0.254 dev p1",
        "ip route append 9.0.0.0/8 dev p1",
        "ip route append 9.0.0.0/8 dev p2",
    ]


def test_a_route_that_was_taken_away_is_taken_away_again() -> None:
    gone = "ip route del 10.0.0.0/24 dev p1 proto kernel src 10.0.0.1"
    assert route_lines(f"{LINKS}ip route del 10.0.0.0/24 dev p1") == [gone]


def test_the_devices_that_came_up_first_are_first_again() -> None:
    twice = "ip link set p2 up; ip address add 10.0.0.2/24 dev p2\n"
    assert_replays(*built(twice + "ip link set p1 up; ip address add 10.0.0.1/24 dev p1"))


def test_a_route_outlives_what_it_was_added_on() -> None:
    more = (
        "ip route add 192.168.0.254 dev p2\nip route add 1.0.0.0/8 via 192.168.0.254\n"
        "ip route del 192.168.0.254 dev p2\n"
    )
    host, ports = built(LINKS + more)
    assert "via 192.168.0.254" in routes(host)
    assert_replays(host, ports)


def test_a_route_outlives_the_address_that_it_speaks_with() -> None:
    more = (
        "ip address add 10.3.0.1/24 dev p1\n"
        "ip route add 1.0.0.0/8 dev p2 src 10.3.0.1 table 100\n"
        "ip address del 10.3.0.1/24 dev p1\n"
    )
    host, ports = built(LINKS + more)
    assert "src 10.3.0.1" in routes(host)
    assert_replays(host, ports)


def test_every_namespace_tells_its_routes() -> None:
    text = """\
ip netns add a
ip link set p3 netns a
ip -n a address add 10.3.0.1/24 dev p3
ip -n a link set p3 up
ip -n a route add default via 10.3.0.254
"""
    host, ports = built(text)
    assert setup_lines(host, ports)[-1] == "ip -n a route add default via 10.3.0.254 dev p3"
    assert_replays(host, ports)


def some_commands(draw: random.Random) -> Iterator[str]:
    """What a user may type, wrong or right."""
    for _ in range(40):
        dev = draw.choice(PORTS)
        subnet = f"10.{draw.randrange(4)}.0"
        action = draw.choice(("address", "address", "up", "down", "del", *("route",) * 9))
        if action == "address":
            peer = draw.choice(("", "", "", f" peer 10.{draw.randrange(4)}.0.77"))
            length = "" if peer else f"/{draw.choice((24, 24, 16, 32))}"
            words = f"{subnet}.{draw.randrange(1, 5)}{length}{peer} dev {dev}"
            yield f"ip address {draw.choice(('add', 'add', 'add', 'del'))} {words}"
        elif action in ("up", "down"):
            yield f"ip link set {draw.choice((*PORTS, 'lo'))} {action}"
        elif action == "del":
            yield f"ip route del {subnet}.0/24 dev {dev}"
        else:
            yield _some_route(draw, subnet, dev)


def _some_route(draw: random.Random, subnet: str, dev: str) -> str:
    verb = draw.choice(("add", "add", "add", "append", "prepend", "replace", "change", "del"))
    to = draw.choice(("default", f"{subnet}.0/24", f"{subnet}.{draw.randrange(1, 5)}", "10.0.0.0/8"))
    if draw.random() < 0.15:
        return f"ip route {verb} {draw.choice(('blackhole', 'unreachable', 'prohibit', 'throw'))} {to}"
    words = [draw.choice(("", "", "", "local ", "broadcast ")) + to]
    if draw.random() < 0.6:
        words.append(f"via 10.{draw.randrange(4)}.0.{draw.randrange(1, 9)}")
        words += ["onlink"] if draw.random() < 0.2 else []
    words += [f"dev {dev}"] if draw.random() < 0.7 else []
    choices = ("table 100", "table 7", "table local", "metric 5", "metric 6", "tos 0x10", "scope link")
    more = (*choices, "scope host", "proto static", "proto kernel", "mtu 1300", f"src {subnet}.1")
    words += draw.sample(more, draw.choice((0, 0, 1, 2)))
    return f"ip route {verb} {' '.join(words)}"


@pytest.fixture(scope="module")
def kernel() -> Iterator[KernelNetns]:
    with KernelNetns() as lab:
        yield lab


@pytest.mark.root
@pytest.mark.parametrize("seed", range(20))
def test_the_kernel_takes_the_lines_and_has_the_same_routes(seed: int, kernel: KernelNetns) -> None:
    host, ports = host_with_ports()
    for command in some_commands(random.Random(seed)):
        virtual.run(command.split(), host)
    kernel.renew(PORTS)
    kernel.sh("\n".join(setup_lines(host, ports))).check()
    command = "ip -d -4 route show table all"
    assert normalised(kernel.run(command).out) == normalised(virtual.run(command.split(), host).out)


@pytest.mark.parametrize("seed", range(150 if FULL else 50))
def test_whatever_was_typed_runs_again(seed: int) -> None:
    host, ports = host_with_ports()
    for command in some_commands(random.Random(seed)):
        virtual.run(command.split(), host)
    assert_replays(host, ports)
