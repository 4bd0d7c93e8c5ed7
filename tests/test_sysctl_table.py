"""The table of sysctls: complete where the stack binds, kind to what is bound, and read as Linux reads."""

import pytest

from pystack.errors import EINVAL, ENOENT, EOVERFLOW, NetError, NotModelled
from pystack.host import Host
from pystack.netns import Netns
from pystack.profile import Profile
from pystack.sysctl import Knob
from pystack.sysctl_table import (
    CONF,
    CONF_ALL,
    FOLDERS,
    HOST_FOLDERS,
    IPV6_CONF,
    MACHINE_DEPENDENT,
    NEIGH,
    is_linux_only,
)
from tests.box import Box


def knob(key: str, netns: Netns | None = None) -> Knob:
    found = (Host().init if netns is None else netns).sysctls.find(key)
    assert found is not None, key
    return found


def test_every_name_of_the_table_stands_once_and_in_order() -> None:
    for specs in (*FOLDERS.values(), CONF, NEIGH, IPV6_CONF):
        assert list(specs) == sorted(specs)


def test_what_the_stack_binds_begins_as_the_table_says() -> None:
    """A default that stands in two places stands there alike."""
    box = Box()
    bound = [(path, knob) for path, knob in box.ns.sysctls if knob.effect and knob.readable]
    tables = {**HOST_FOLDERS, ("net", "ipv6", "conf", "all"): IPV6_CONF}
    checked = 0
    for path, one in bound:
        folder = path[:-1]
        conf = CONF_ALL if folder[-1] == "all" else CONF
        specs = conf if "conf" in folder else NEIGH if "neigh" in folder else tables.get(folder, {})
        if path[-1] in specs and path[1] == "ipv4":
            assert one.value == specs[path[-1]].default, path
            checked += 1
    assert checked > 60


def test_every_name_that_the_stack_binds_is_in_the_table() -> None:
    for path, _ in Host().init.sysctls:
        if path[:3] == ("net", "ipv4", "conf"):
            assert path[-1] in CONF
        elif path[:3] == ("net", "ipv4", "neigh") and path[3] != "default":
            assert path[-1] in NEIGH
        elif len(path) == 3:
            assert path[-1] in HOST_FOLDERS[path[:-1]], path


def test_a_bound_name_is_not_overwritten() -> None:
    box = Box()
    box.sysctl("net.ipv4.ip_default_ttl", "33")
    assert box.ns.ipv4.confs.ipv4.ip_default_ttl == 33
    assert knob("net.ipv4.ip_default_ttl", box.ns).effect
    assert not knob("net.ipv4.tcp_autocorking", box.ns).effect


def test_machine_dependent_values_are_of_the_table() -> None:
    for path in MACHINE_DEPENDENT:
        assert path[-1] in FOLDERS[path[:-1]], path


def test_what_only_linux_has_is_known_by_name() -> None:
    assert is_linux_only(("kernel", "hostname"))
    assert is_linux_only(("net", "ipv6", "conf", "all", "forwarding"))
    assert not is_linux_only(("net", "ipv4", "nosuch"))
    assert not is_linux_only(())


ACCEPTED = [
    ("net.ipv4.tcp_sack", "255", "255"),
    ("net.ipv4.tcp_sack", " 0x10 ", "16"),
    ("net.ipv4.tcp_sack", "010", "8"),
    ("net.ipv4.tcp_sack", "1 x", "1"),
    ("net.bridge.bridge-nf-call-iptables", "-7", "1"),
    ("net.ipv4.tcp_fin_timeout", "-8589934", "-8589934"),
    ("net.ipv4.tcp_invalid_ratelimit", "5", "8"),
    ("net.ipv4.icmp_ratelimit", "1", "4"),
    ("net.ipv4.neigh.lo.retrans_time_ms", "1", "4"),
    ("net.ipv4.neigh.lo.proxy_delay", "3", "2"),
    ("net.ipv4.neigh.lo.unres_qlen", "3", "3"),
    ("net.ipv4.tcp_comp_sack_delay_ns", "18446744073709551615", "18446744073709551615"),
    ("net.ipv4.tcp_rmem", "5", "5\t131072\t33554432"),
    ("net.ipv4.tcp_rmem", "1 2 3 4", "1\t2\t3"),
    ("net.ipv4.ip_local_port_range", "2000", "2000\t60999"),
    ("net.ipv4.ip_unprivileged_port_start", "32768", "32768"),
    ("net.ipv4.ping_group_range", "5 1", "1\t0"),
    ("net.ipv4.ping_group_range", "0 4294967294", "0\t4294967294"),
    ("net.ipv4.ip_local_reserved_ports", "80-90,85-100,101", "80-101"),
    ("net.ipv4.ip_local_reserved_ports", "9090,8080", "8080,9090"),
    ("net.ipv4.ip_local_reserved_ports", "5,", "5"),
    ("net.ipv4.ip_local_reserved_ports", "", ""),
    ("net.ipv4.tcp_congestion_control", "reno", "reno"),
    ("net.ipv4.tcp_fastopen_key", "1-2-3-aB", "00000001-00000002-00000003-000000ab"),
    ("net.netfilter.nf_log.2", "NONE", "NONE"),
    ("net.core.rps_default_mask", "3", "3"),
    ("net.core.rps_default_mask", "", "0"),
    ("net.ipv4.tcp_probe_interval", "17179869", "17179869"),
    ("net.ipv6.conf.lo.disable_ipv6", "2", "2"),
    ("net.ipv4.tcp_allowed_congestion_control", "reno", "reno"),
]


@pytest.mark.parametrize(("key", "text", "shown"), ACCEPTED)
def test_a_text_is_read_as_linux_reads_it(key: str, text: str, shown: str) -> None:
    one = knob(key)
    one.write(text)
    assert one.text == shown


REFUSED = [
    ("net.ipv4.tcp_sack", "256", EINVAL),
    ("net.ipv4.tcp_sack", "-1", EINVAL),
    ("net.ipv4.tcp_sack", "", EINVAL),
    ("net.ipv4.tcp_sack", "08", EINVAL),
    ("net.ipv4.tcp_fin_timeout", "8589935", EINVAL),
    ("net.ipv4.neigh.lo.interval_probe_time_ms", "0", EINVAL),
    ("net.ipv4.neigh.lo.base_reachable_time", "-1", EINVAL),
    ("net.ipv4.ip_local_port_range", "1000 2000", EINVAL),
    ("net.ipv4.ip_local_port_range", "3000 2000", EINVAL),
    ("net.ipv4.ip_unprivileged_port_start", "32769", EINVAL),
    ("net.ipv4.ipfrag_low_thresh", "4194305", EINVAL),
    ("net.ipv4.ipfrag_high_thresh", "3145727", EINVAL),
    ("net.ipv4.ping_group_range", "0 4294967295", EINVAL),
    ("net.ipv4.ip_local_reserved_ports", "1,,2", EINVAL),
    ("net.ipv4.ip_local_reserved_ports", "5-1", EINVAL),
    ("net.ipv4.ip_local_reserved_ports", "70000", EINVAL),
    ("net.ipv4.ip_local_reserved_ports", " 5", EINVAL),
    ("net.ipv4.tcp_congestion_control", "vegas", ENOENT),
    ("net.ipv4.tcp_congestion_control", " reno", ENOENT),
    ("net.ipv4.tcp_allowed_congestion_control", "vegas", ENOENT),
    ("net.ipv4.tcp_fastopen_key", "1-2-3", EINVAL),
    ("net.netfilter.nf_log.2", "nf_log_arp", ENOENT),
    ("net.core.rps_default_mask", "4", EOVERFLOW),
    ("net.core.rps_default_mask", "x", EINVAL),
    ("net.ipv4.tcp_comp_sack_delay_ns", "18446744073709551616", EINVAL),
]


@pytest.mark.parametrize(("key", "text", "number"), REFUSED)
def test_a_text_is_refused_as_linux_refuses_it(key: str, text: str, number: int) -> None:
    one = knob(key)
    before = one.text
    with pytest.raises(NetError) as refused:
        one.write(text)
    assert (refused.value.number, one.text) == (number, before)


def test_the_numbers_of_a_vector_before_the_fault_are_taken() -> None:
    one = knob("net.ipv4.tcp_rmem")
    with pytest.raises(NetError):
        one.write("5 x 7")
    assert one.text == "5\t131072\t33554432"


def test_ipv6_cannot_be_switched_on() -> None:
    with pytest.raises(NotModelled, match="IPv6 is not modelled"):
        knob("net.ipv6.conf.all.disable_ipv6").write("0")


def test_ticks_are_those_of_the_kernel_that_is_imitated() -> None:
    one = knob("net.ipv4.tcp_invalid_ratelimit", Host(profile=Profile(hz=1000)).init)
    one.write("5")
    assert one.text == "5"
    slow = knob("net.ipv4.tcp_fin_timeout", Host(profile=Profile(hz=1000)).init)
    with pytest.raises(NetError):
        slow.write("8589934")


def test_a_stored_name_of_a_device_follows_the_default_as_a_bound_one_does() -> None:
    """Measured on 6.18, name by name as for rp_filter."""
    box = Box()
    box.dummy("bare")
    box.dummy("own")
    box.dummy("addressed", "10.9.0.1/24")
    box.sysctl("net.ipv4.conf.own.proxy_arp", "0")
    box.sysctl("net.ipv4.conf.default.proxy_arp", "1")
    box.dummy("new")
    shown = {
        name: knob(f"net.ipv4.conf.{name}.proxy_arp", box.ns).text
        for name in ("bare", "own", "addressed", "new")
    }
    assert shown == {"bare": "1", "own": "0", "addressed": "0", "new": "1"}
    box.sysctl("net.ipv4.conf.default.proxy_arp", "0")
    assert knob("net.ipv4.conf.bare.proxy_arp", box.ns).text == "0"
    assert knob("net.ipv4.conf.new.proxy_arp", box.ns).text == "1"  # written before it came


def test_a_bound_name_that_was_written_before_a_device_came_stays_with_it() -> None:
    """Measured on 6.18. Linux: net/ipv4/devinet.c inetdev_init() copies which names were written, too"""
    box = Box()
    box.dummy("old")
    box.sysctl("net.ipv4.conf.default.rp_filter", "1")
    box.dummy("new")
    box.sysctl("net.ipv4.conf.default.rp_filter", "2")
    assert knob("net.ipv4.conf.old.rp_filter", box.ns).text == "2"
    assert knob("net.ipv4.conf.new.rp_filter", box.ns).text == "1"


def test_the_names_of_a_device_come_move_and_go_with_it() -> None:
    box = Box()
    dev = box.dummy("d0")
    box.sysctl("net.ipv4.conf.d0.medium_id", "5")
    box.ns.devices.rename(dev, "d0.7")
    assert knob("net/ipv4/conf/d0.7/medium_id", box.ns).text == "5"
    assert knob("net/ipv6/conf/d0.7/disable_ipv6", box.ns).text == "1"
    box.ns.devices.unregister(dev)
    assert not [path for path, _ in box.ns.sysctls if "d0.7" in path or "d0" in path]


def test_a_name_written_in_vain_is_told_until_it_is_as_usual_again() -> None:
    box = Box()
    assert box.ns.sysctls.written_in_vain() == []
    box.sysctl("net.ipv4.tcp_autocorking", "0")
    box.sysctl("net.ipv4.conf.lo.tag", "5")
    box.sysctl("net.ipv4.ip_forward", "1")
    box.sysctl("net.ipv6.conf.all.disable_ipv6", "2")
    vain = [("net", "ipv4", "conf", "lo", "tag"), ("net", "ipv4", "tcp_autocorking")]
    assert box.ns.sysctls.written_in_vain() == vain
    box.sysctl("net.ipv4.tcp_autocorking", "1")
    assert box.ns.sysctls.written_in_vain() == vain[:1]


def test_other_namespaces_have_no_default_for_neighbours_and_begin_with_that_of_the_first() -> None:
    box = Box()
    blue = box.host.add_netns("blue")
    assert blue.sysctls.find("net.ipv4.neigh.default.retrans_time_ms") is None
    box.sysctl("net.ipv4.neigh.default.retrans_time_ms", "400")
    assert knob("net.ipv4.neigh.lo.retrans_time_ms", blue).text == "1000"
    green = box.host.add_netns("green")
    assert knob("net.ipv4.neigh.lo.retrans_time_ms", green).text == "400"
