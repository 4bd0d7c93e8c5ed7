"""net.ipv4.conf and net.ipv4.neigh: `all`, `default`, and each device's own."""

import pytest

from tests.box import Box
from tests.frames import OUR_MAC


def shown(box: Box, key: str) -> str:
    knob = box.ns.sysctls.find(key)
    assert knob is not None, key
    return knob.text


def test_ip_forward_is_conf_all_forwarding_and_moves_every_device() -> None:
    box = Box()
    box.dummy("d0")
    box.sysctl("net.ipv4.ip_forward", "1")
    for name in ("all", "default", "lo", "d0"):
        assert shown(box, f"net.ipv4.conf.{name}.forwarding") == "1"
    box.dummy("d1")
    assert shown(box, "net.ipv4.conf.d1.forwarding") == "1"
    box.sysctl("net.ipv4.conf.all.forwarding", "0")
    assert shown(box, "net.ipv4.ip_forward") == "0"
    assert shown(box, "net.ipv4.conf.d0.forwarding") == "0"


def test_a_device_without_an_address_follows_the_default() -> None:
    """Measured on 6.18: the device with an address kept its own value, the one without did not."""
    box = Box()
    box.dummy("bare")
    box.dummy("addressed", "10.9.0.1/24")
    box.sysctl("net.ipv4.conf.default.rp_filter", "1")
    box.dummy("new")
    assert shown(box, "net.ipv4.conf.bare.rp_filter") == "1"
    assert shown(box, "net.ipv4.conf.addressed.rp_filter") == "0"
    assert shown(box, "net.ipv4.conf.new.rp_filter") == "1"


def test_a_device_keeps_what_was_written_for_itself_even_if_it_was_the_same() -> None:
    box = Box()
    box.dummy("d0")
    box.sysctl("net.ipv4.conf.d0.rp_filter", "0")
    box.sysctl("net.ipv4.conf.default.rp_filter", "2")
    box.sysctl("net.ipv4.conf.default.arp_ignore", "1")
    assert shown(box, "net.ipv4.conf.d0.rp_filter") == "0"
    assert shown(box, "net.ipv4.conf.d0.arp_ignore") == "1"


def test_forwarding_by_default_is_for_devices_to_come_only() -> None:
    box = Box()
    box.dummy("old")
    box.sysctl("net.ipv4.conf.default.forwarding", "1")
    box.dummy("new")
    assert shown(box, "net.ipv4.conf.old.forwarding") == "0"
    assert shown(box, "net.ipv4.conf.new.forwarding") == "1"


def test_neighbour_parameters_follow_their_default_in_the_same_way() -> None:
    box = Box()
    box.dummy("bare")
    box.dummy("own")
    box.dummy("addressed", "10.9.0.1/24")
    box.sysctl("net.ipv4.neigh.own.retrans_time", "700")
    box.sysctl("net.ipv4.neigh.default.retrans_time_ms", "300")
    assert shown(box, "net.ipv4.neigh.bare.retrans_time") == "30"
    assert shown(box, "net.ipv4.neigh.own.retrans_time_ms") == "7000"
    assert shown(box, "net.ipv4.neigh.addressed.retrans_time_ms") == "1000"


@pytest.mark.parametrize("name", ["base_reachable_time", "base_reachable_time_ms"])
def test_a_new_reachable_time_counts_at_once(name: str) -> None:
    """Linux: net/core/neighbour.c neigh_proc_base_reachable_time()"""
    box = Box()
    dev = box.dummy("d0")
    box.sysctl(f"net.ipv4.neigh.d0.{name}", "2" if name == "base_reachable_time" else "2000")
    assert 1.0 <= box.ns.ipv4.confs.neigh_of(dev).reachable_time < 3.0


@pytest.mark.parametrize(
    "key",
    [
        "net.ipv4.ip_forward",
        "net.ipv4.ip_default_ttl",
        "net.ipv4.conf.all.rp_filter",
        "net.ipv4.conf.eth0.accept_local",
        "net.ipv4.conf.default.route_localnet",
    ],
)
def test_a_setting_that_may_decide_about_packets_makes_cached_routes_void(key: str) -> None:
    box = Box()
    box.port("eth0", OUR_MAC, "10.0.0.1/24")
    before = box.ns.ipv4.fib.generation
    box.sysctl(key, "1")
    assert box.ns.ipv4.fib.generation > before
    again = box.ns.ipv4.fib.generation
    box.sysctl(key, "1")
    assert box.ns.ipv4.fib.generation == again


def test_ipv4_knows_a_device_from_when_it_comes_to_when_it_goes() -> None:
    box = Box()
    dev = box.dummy("d0")
    confs = box.ns.ipv4.confs
    assert confs.knows(dev)
    assert len(confs.all_neigh()) == 3
    box.ns.devices.unregister(dev)
    assert not confs.knows(dev)
    assert len(confs.all_neigh()) == 2


def test_the_kernels_defaults_are_ours() -> None:
    box = Box()
    defaults = {
        "icmp_echo_ignore_all": "0",
        "icmp_echo_ignore_broadcasts": "1",
        "icmp_ratelimit": "1000",
        "icmp_ratemask": "6168",
        "icmp_msgs_per_sec": "1000",
        "icmp_msgs_burst": "50",
        "icmp_errors_use_inbound_ifaddr": "0",
        "ip_default_ttl": "64",
        "ip_forward": "0",
    }
    assert {name: shown(box, f"net.ipv4.{name}") for name in defaults} == defaults
