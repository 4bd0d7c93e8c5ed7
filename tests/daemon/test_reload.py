"""Reload: what was learned and counted stays, what is unchanged is not touched, an error changes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace as with_changes
from ipaddress import ip_address

import pytest
import trio
from msgspec.structs import replace as changed

from pystack.applets import virtual
from pystack.daemon.config import ConfigError
from pystack.daemon.keeper_link import KeeperGone, KeeperRefused
from pystack.daemon.reload import Exchange, replace, successor
from pystack.daemon.settings import Config, DaemonSettings, Port, TapSettings
from pystack.daemon.stack import PortFailed, Stack
from pystack.drivers.memory import MemoryDriver
from pystack.drivers.port import PortDriver
from pystack.l2.bridge import Bridge
from pystack.l2.nud import NUD_REACHABLE
from pystack.l2.port import PortDevice
from tests.daemon.guest import memory_config, memory_port, memory_stack
from tests.daemon.router import INSIDE, PLAIN, answered, asked, listed, router
from tests.daemon.router import SETUP as SETUP_OF_ROUTER

SETUP = """\
ip link add br0 type bridge
ip link set p1 master br0; ip link set p2 master br0
ip address add 10.0.0.1/24 dev br0
ip link set p1 up; ip link set p2 up; ip link set br0 up
"""
VM = bytes.fromhex("020000000011")
OTHER = bytes.fromhex("020000000022")
VM_ADDRESS = int(ip_address("10.0.0.2"))
ARP_REQUEST = bytes.fromhex(
    "ffffffffffff 020000000011 0806 0001 0800 0604 0001 020000000011 0a000002"
) + bytes.fromhex("000000000000 0a000001")


class FakeOpener:
    """Opens memory ports; refuses those of a name or driver, and remembers what it was asked."""

    def __init__(self, refuse: str = "") -> None:
        self.refuse = refuse
        self.asked: list[str] = []

    def open(self, port: Port, dev: PortDevice) -> PortDriver:
        self.asked.append(f"open {port.name}")
        if self.refuse in (port.name, port.driver):
            raise KeeperRefused("the TAP is in use", 4)
        return MemoryDriver(dev)

    def release(self, port: Port) -> None:
        self.asked.append(f"release {port.name}")


def bridge_of(stack: Stack, name: str = "br0") -> Bridge:
    bridge = stack.host.init.devices[name]
    assert isinstance(bridge, Bridge)
    return bridge


def driver_of(stack: Stack, name: str) -> MemoryDriver:
    driver = stack.drivers[name]
    assert isinstance(driver, MemoryDriver)
    return driver


def receive(stack: Stack, port: str, frame: bytes) -> None:
    dev = stack.devices[port]
    stack.host.init.receive(dev, frame)
    stack.host.run_backlog()


def running() -> Stack:
    """A stack that has learned something."""
    stack = memory_stack(memory_config("p1", "p2", setup=SETUP))
    stack.host.clock.set(100.0)
    receive(stack, "p1", ARP_REQUEST)
    return stack


def swap(old: Stack, config: Config, refuse: str = "") -> tuple[Stack, FakeOpener]:
    return swap_with(old, config, FakeOpener(refuse))


def swap_with(old: Stack, config: Config, opener: FakeOpener) -> tuple[Stack, FakeOpener]:
    new = successor(config, old)
    replace(new, old, opener)
    return new, opener


def test_the_stations_that_a_bridge_learned_stay_where_they_are() -> None:
    old = running()
    new, _ = swap(old, old.config)
    entry = bridge_of(new).fdb.get(VM)
    assert entry is not None
    assert entry.port is bridge_of(new).port_of[new.devices["p1"]]
    assert entry.updated == 100.0


def test_a_station_that_aged_out_or_whose_port_is_gone_does_not_stay() -> None:
    old = running()
    receive(old, "p2", ARP_REQUEST.replace(VM, OTHER))
    new, _ = swap(
        old,
        memory_config(
            "p1", setup=SETUP.replace("ip link set p2 master br0", "").replace("ip link set p2 up;", "")
        ),
    )
    assert bridge_of(new).fdb.get(VM) is not None
    assert bridge_of(new).fdb.get(OTHER) is None
    new.host.clock.set(100.0 + 301.0)
    assert bridge_of(swap(new, new.config)[0]).fdb.get(VM) is None


def test_a_station_that_a_user_typed_in_is_lost() -> None:
    old = running()
    fdb = bridge_of(old).fdb
    entry = fdb.get(VM)
    assert entry is not None
    fdb.mark_user(entry)
    assert bridge_of(swap(old, old.config)[0]).fdb.get(VM) is None


def test_neighbours_stay_with_their_age() -> None:
    old = running()
    before = old.host.init.ipv4.neighbours.lookup(bridge_of(old), VM_ADDRESS)
    assert before is not None
    before.set(VM, NUD_REACHABLE)
    old.host.clock.set(110.0)
    new, _ = swap(old, old.config)
    neigh = new.host.init.ipv4.neighbours.lookup(bridge_of(new), VM_ADDRESS)
    assert neigh is not None
    assert (neigh.ha, neigh.state, neigh.confirmed) == (VM, NUD_REACHABLE, 100.0)


def test_counters_go_on_and_every_packet_has_one_outcome() -> None:
    old = running()
    stats, outcomes = with_changes(old.devices["p1"].stats), old.host.outcomes
    received, transmitted = outcomes.received, outcomes.transmitted
    new, _ = swap(old, old.config)
    assert new.devices["p1"].stats == stats
    assert (new.host.outcomes.received, new.host.outcomes.transmitted) == (received, transmitted)
    receive(new, "p1", ARP_REQUEST)
    assert new.devices["p1"].stats.rx_packets == stats.rx_packets + 1
    assert new.host.outcomes.outstanding() == new.host.queued()


def test_gauges_are_not_added_up() -> None:
    old = running()
    new, _ = swap(old, old.config)
    assert new.host.init.snmp.Ip.DefaultTTL == 64


def test_an_unchanged_port_keeps_its_driver_and_its_address() -> None:
    old = running()
    drivers = dict(old.drivers)
    address = old.devices["p1"].address
    new, opener = swap(old, old.config)
    assert opener.asked == []
    assert new.drivers == drivers
    assert drivers["p1"].dev is new.devices["p1"]
    assert new.devices["p1"].address == address


def test_frames_flow_through_the_new_stack() -> None:
    old = running()
    new, _ = swap(old, old.config)
    driver_of(new, "p1").take()
    receive(new, "p1", ARP_REQUEST)
    driver_of(new, "p1").flush()
    [reply] = driver_of(new, "p1").take()
    assert reply[:6] == VM


def test_ports_come_and_go() -> None:
    old = running()
    new, opener = swap(old, memory_config("p2", "p3"))
    assert opener.asked == ["open p3", "release p1"]
    assert list(new.drivers) == ["p2", "p3"]


def test_a_port_that_changed_is_closed_before_it_is_opened_again() -> None:
    old = running()
    config = with_port(old.config, Port("p1", "tap", TapSettings(ifname="vm1")))
    _, opener = swap(old, config)
    assert opener.asked == ["release p1", "open p1"]


def with_port(config: Config, port: Port) -> Config:
    return changed(config, ports=tuple(port if port.name == it.name else it for it in config.ports))


def test_a_port_that_cannot_be_had_leaves_everything_as_it_was() -> None:
    old = running()
    drivers, devices = dict(old.drivers), dict(old.devices)
    config = changed(old.config, ports=(*old.config.ports, memory_port("p3"), memory_port("p4")))
    with pytest.raises(PortFailed, match=r"port\.p4: the TAP is in use") as caught:
        swap(old, config, refuse="p4")
    assert caught.value.rc == 4
    assert (old.drivers, old.devices) == (drivers, devices)
    assert drivers["p1"].dev is devices["p1"]
    receive(old, "p1", ARP_REQUEST)
    assert bridge_of(old).fdb.get(VM) is not None


def test_a_port_that_was_closed_in_vain_is_opened_again() -> None:
    old = running()
    new = successor(with_port(old.config, Port("p2", "tap", TapSettings())), old)
    opener = FakeOpener(refuse="tap")
    with pytest.raises(PortFailed):
        replace(new, old, opener)
    assert opener.asked == ["release p2", "open p2", "open p2"]
    assert sorted(old.drivers) == ["p1", "p2"]


def test_a_port_that_cannot_be_opened_again_either_is_said_and_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    old = running()
    new = successor(with_port(old.config, Port("p2", "tap", TapSettings())), old)
    with pytest.raises(PortFailed):
        replace(new, old, FakeOpener(refuse="p2"))
    assert list(old.drivers) == ["p1"]
    assert "port.p2: the TAP is in use" in caplog.text


def test_a_port_is_not_had_when_the_keeper_does_not_answer() -> None:
    old = running()
    with pytest.raises(PortFailed, match=r"port\.p3: the keeper is gone") as caught:
        swap_with(old, changed(old.config, ports=(*old.config.ports, memory_port("p3"))), DeafOpener())
    assert caught.value.rc == 4
    assert sorted(old.drivers) == ["p1", "p2"]


class DeafOpener(FakeOpener):
    """Of a keeper that is gone."""

    def open(self, port: Port, dev: PortDevice) -> PortDriver:
        raise KeeperGone("the keeper is gone")


def test_a_setup_that_fails_names_its_line() -> None:
    old = running()
    with pytest.raises(ConfigError) as caught:
        successor(memory_config("p1", setup="ip link add br0 type bridge\nip link set nope up\n"), old)
    assert caught.value.complaints == ['house.setup:2: ip link set nope up: Cannot find device "nope"']


def test_what_a_daemon_cannot_change_is_refused() -> None:
    old = running()
    config = changed(old.config, file="f", name="other", daemon=DaemonSettings(user="nobody"))
    with pytest.raises(ConfigError) as caught:
        successor(config, old)
    assert caught.value.complaints == [
        "f: name: cannot be changed by a reload",
        "f: daemon.user: cannot be changed by a reload",
    ]


@asynccontextmanager
async def pumping(stack: Stack) -> AsyncIterator[Callable[[Stack], None]]:
    """Pump a stack; call the result to go on with another one."""
    async with trio.open_nursery() as nursery:
        scopes = [trio.CancelScope()]

        async def pump(stack: Stack, scope: trio.CancelScope) -> None:
            with scope:
                await stack.pump.run()

        def go_on(stack: Stack) -> None:
            scopes[-1].cancel()
            scopes.append(trio.CancelScope())
            nursery.start_soon(pump, stack, scopes[-1])

        nursery.start_soon(pump, stack, scopes[0])
        yield go_on
        nursery.cancel_scope.cancel()


@pytest.mark.trio
async def test_a_running_pump_hands_its_ports_to_the_next(autojump_clock: trio.testing.MockClock) -> None:
    old = running()
    async with pumping(old) as go_on:
        await trio.sleep(1)
        new, _ = swap(old, old.config)
        go_on(new)
        driver_of(new, "p1").push(ARP_REQUEST)
        await trio.sleep(1)
        assert driver_of(new, "p1").take(), "answered"
        assert new.host.clock.now == pytest.approx(101.0)


def test_a_fault_while_taking_over_costs_what_was_learned_and_not_the_traffic(
    caplog: pytest.LogCaptureFixture,
) -> None:
    old = running()
    del old.host.namespaces[""].snmp
    new, _ = swap(old, old.config)
    assert "AttributeError" in caplog.text
    receive(new, "p1", ARP_REQUEST)
    assert bridge_of(new).fdb.get(VM) is not None


def test_the_order_of_an_exchange_is_open_close_hand_over() -> None:
    old = running()
    new = successor(memory_config("p2", "p3"), old)
    exchange = Exchange(new, old, FakeOpener())
    assert [port.name for port in exchange.kept] == ["p2"]
    assert [port.name for port in exchange.wanted] == ["p3"]
    assert [port.name for port in exchange.unwanted] == ["p1"]


# --- connections --------------------------------------------------------------------------------------------


def test_connections_go_on_with_their_translation() -> None:
    old = router()
    assert asked(old, 5000, 53, b"name?")[12:16] == ip_address("10.9.0.1").packed
    before = listed(old)
    new, _ = swap(old, old.config)
    assert listed(new) == before != ""
    assert listed(old) == ""
    assert answered(new, 53, 5000, b"here")[16:20] == ip_address("10.0.0.2").packed
    assert "UNREPLIED" not in listed(new)


def test_what_is_expected_is_still_expected_after_a_reload() -> None:
    old = router(PLAIN)
    asked(old, 5000, 69, b"\0\1name\0octet\0")
    before = listed(old, "expect")
    new, _ = swap(old, old.config)
    assert listed(new, "expect") == before != ""
    assert answered(new, 7777, 5000, b"\0\3\0\1data", INSIDE) != b""
    assert listed(new, "expect") == ""


def test_what_was_masqueraded_ends_with_its_device() -> None:
    old = router()
    asked(old, 5000, 53, b"name?")
    new, _ = swap(old, memory_config("p1", "p3", setup=SETUP_OF_ROUTER.replace("p2", "p3")))
    assert listed(new) == ""


def test_statistics_of_connections_go_on() -> None:
    old = router()
    asked(old, 5000, 69, b"\0\1name\0octet\0")
    new, _ = swap(old, old.config)
    assert "expect_create=1" in virtual.run(["conntrack", "-S", "expect"], new.host).out
