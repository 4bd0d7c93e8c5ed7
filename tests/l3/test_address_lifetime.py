"""Addresses that live for a time."""

from pystack.applets import virtual
from pystack.host import Host


def host_with(lifetimes: str) -> Host:
    host = Host(seed=1)
    setup = f"ip link set lo up\nip addr add 10.0.0.1/24 dev lo {lifetimes}\n"
    assert virtual.run_setup(host, setup, "setup") == []
    return host


def shown(host: Host, after: float) -> list[str]:
    host.clock.set(after)
    host.run_timers()
    listing = virtual.run("ip addr show dev lo to 10.0.0.0/8".split(), host).out
    return [line.strip() for line in listing.splitlines()[1:]]


def test_an_address_is_deprecated_then_gone() -> None:
    host = host_with("valid_lft 60 preferred_lft 30")
    assert shown(host, 0) == [
        "inet 10.0.0.1/24 scope global dynamic lo",
        "valid_lft 60sec preferred_lft 30sec",
    ]
    assert shown(host, 30) == [
        "inet 10.0.0.1/24 scope global deprecated dynamic lo",
        "valid_lft 30sec preferred_lft 0sec",
    ]
    assert shown(host, 59.9)[0].startswith("inet 10.0.0.1/24")
    assert shown(host, 60) == []
    assert host.init.ipv4.fib.address_type(0x0A000001) != 2  # its local route went along


def test_a_change_gives_a_new_life() -> None:
    host = host_with("valid_lft 60 preferred_lft 30")
    assert shown(host, 20)[1] == "valid_lft 40sec preferred_lft 10sec"
    virtual.run_setup(host, "ip addr change 10.0.0.1/24 dev lo valid_lft 100 preferred_lft 50", "setup")
    assert shown(host, 61) == [
        "inet 10.0.0.1/24 scope global dynamic lo",
        "valid_lft 59sec preferred_lft 9sec",
    ]
    virtual.run_setup(host, "ip addr change 10.0.0.1/24 dev lo", "setup")
    assert shown(host, 5000)[1] == "valid_lft forever preferred_lft forever"


def test_an_address_that_is_deleted_leaves_no_timer() -> None:
    host = host_with("valid_lft 60 preferred_lft 30")
    before = len(host.timers)
    virtual.run_setup(host, "ip addr del 10.0.0.1/24 dev lo", "setup")
    assert len(host.timers) == before - 1


def test_a_permanent_address_may_be_deprecated_from_the_start() -> None:
    host = host_with("preferred_lft 0")
    assert shown(host, 1e6)[0] == "inet 10.0.0.1/24 scope global deprecated lo"
