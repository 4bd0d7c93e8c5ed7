"""A namespace of the kernel's as one of the daemon's: what was added here is told from what came with it."""

from typing import Any

from pystack.applets.running_setup import setup_lines
from pystack.applets.virtual import run
from pystack.daemon.kernel_copy import KernelCopy, take_over
from pystack.hooks.changes import Neighbour
from pystack.hooks.imported.imported import steps
from pystack.hooks.imported.seen import Seen
from pystack.host import Host
from pystack.l2.nud import NUD_REACHABLE

THEIRS = bytes.fromhex("02aa00000005")
GATEWAY = bytes([10, 0, 0, 5])


def seen(*more_addresses: str) -> Seen:
    """Loopback and one card."""
    lo: dict[str, Any] = {
        "ifindex": 1, "ifname": "lo", "link_type": "loopback", "mtu": 65536, "flags": ["LOOPBACK", "UP"],
        "address": "00:00:00:00:00:00",
    }  # fmt: skip
    card = {
        "ifindex": 7, "ifname": "eth0", "link_type": "ether", "mtu": 1500, "flags": ["UP", "MULTICAST"],
        "address": "02:00:00:00:00:01",
    }  # fmt: skip
    addresses = [
        {"local": address, "prefixlen": 24, "scope": "global"} for address in ("10.0.0.1", *more_addresses)
    ]
    return Seen(links=[lo, card], addresses=[{**card, "addr_info": addresses}])


def copy_in(host: Host) -> KernelCopy:
    return take_over(seen(), host, "fw")


def do(host: Host, command: str) -> None:
    ended = run(command.split(), host)
    assert ended.rc == 0, ended.err


def test_it_stands_beside_what_the_daemon_has() -> None:
    host = Host()
    copy = copy_in(host)
    assert copy.netns is host.namespaces["fw"]
    assert [dev.ifindex for dev in copy.netns.devices] == [1, 7]
    assert [driver.dev.name for driver in copy.drivers] == ["eth0"]
    assert host.init.devices.get("eth0") is None


def test_what_somebody_did_here_is_known_from_what_the_kernel_did() -> None:
    host = Host()
    copy = copy_in(host)
    do(host, "ip netns add other")
    do(host, "ip route add blackhole 10.9.0.0/16")
    assert not copy.was_changed
    copy.meet([Neighbour(GATEWAY, 7, NUD_REACHABLE, THEIRS)])
    assert not copy.was_changed
    do(host, "ip -n fw route add blackhole 10.8.0.0/16")
    assert copy.was_changed


def test_a_setup_has_what_was_added_and_not_what_comes_by_itself() -> None:
    host = Host()
    copy = copy_in(host)
    copy.meet([Neighbour(GATEWAY, 7, NUD_REACHABLE, THEIRS)])
    assert copy.beyond(setup_lines(host, {})) == []
    do(host, "ip route add blackhole 10.9.0.0/16")
    do(host, "ip -n fw route add blackhole 10.8.0.0/16")
    assert copy.beyond(setup_lines(host, {})) == [
        "ip route add blackhole 10.9.0.0/16",
        "ip -n fw route add blackhole 10.8.0.0/16",
    ]


def test_another_reading_takes_its_place() -> None:
    host = Host()
    first = copy_in(host)
    heir = first.heir()
    for _ in steps(heir, seen("10.0.0.2")):
        assert host.namespaces["fw"] is first.netns
    second = first.give_way(heir, take_over(seen("10.0.0.2"), Host(), "fw").born_as)
    first.netns.close()
    assert host.namespaces["fw"] is second.netns is not first.netns
    assert not second.was_changed
    addresses = run("ip -n fw -br address show dev eth0".split(), host).out.split()[2:]
    assert addresses == ["10.0.0.1/24", "10.0.0.2/24"]
