"""Sysctls: names, text forms, refusals."""

from dataclasses import dataclass, field

import pytest

from pystack.errors import EINVAL, EPERM, NetError
from pystack.sysctl import INT_MAX, INT_MIN, Knob, Stored, Sysctls, Value
from tests.box import Box


@dataclass
class Home:
    number: int = 7
    words: str = "cubic"
    triple: tuple[int, ...] = (4096, 131072, 6291456)
    told: list[str] = field(default_factory=list)


def knob(attribute: str = "number", low: int = INT_MIN, high: int = INT_MAX) -> Knob:
    return Knob(Home(), attribute, low, high)


def test_numbers_words_and_vectors_show_as_proc_sys_shows_them() -> None:
    assert knob("number").text == "7"
    assert knob("words").text == "cubic"
    assert knob("triple").text == "4096\t131072\t6291456"
    assert Knob(Stored(True), "value").text == "1"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("  1\n", 1),
        ("-1", -1),
        ("0x10", 16),
        ("0X1f", 31),
        ("010", 8),
        ("0", 0),
        ("1 2", 1),
        ("007", 7),
    ],
)
def test_a_number_is_read_as_the_kernel_reads_it(text: str, value: int) -> None:
    one = knob()
    one.write(text)
    assert one.value == value


@pytest.mark.parametrize(
    "text", ["", "  ", "one", "1x", "+1", "--1", "0b1", "0o7", "1_0", "09", "0x", "1.5", "٣", "99999999999"]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    one = knob()
    with pytest.raises(NetError) as refused:
        one.write(text)
    assert refused.value.number == EINVAL
    assert one.value == 7


@pytest.mark.parametrize(("text", "good"), [("0", False), ("1", True), ("255", True), ("256", False)])
def test_a_number_outside_its_range_is_refused(text: str, good: bool) -> None:
    one = knob(low=1, high=255)
    if good:
        one.write(text)
        assert one.text == text
    else:
        with pytest.raises(NetError):
            one.write(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1 2 3", (1, 2, 3)), ("1\t2", (1, 2, 6291456)), ("1 2 3 4", (1, 2, 3)), ("5", (5, 131072, 6291456))],
)
def test_a_vector_keeps_what_is_not_written(text: str, value: Value) -> None:
    one = knob("triple")
    one.write(text)
    assert one.value == value


def test_an_empty_vector_is_refused() -> None:
    with pytest.raises(NetError):
        knob("triple").write(" ")


def test_words_are_stored_without_the_newline() -> None:
    one = knob("words")
    one.write("reno\n")
    assert one.value == "reno"


def test_a_knob_that_may_not_be_written_is_not() -> None:
    one = Knob(Home(), "number", writable=False)
    with pytest.raises(NetError) as refused:
        one.write("1")
    assert refused.value.number == EPERM


def test_those_who_must_know_are_told_after_a_write_that_changes_something() -> None:
    home = Home()
    one = Knob(home, "number", on_change=lambda: home.told.append(f"number is {home.number}"))
    one.write("9")
    one.write("9")
    assert home.told == ["number is 9"]


def test_the_switch_for_all_devices_moves_them_only_when_it_moves_itself() -> None:
    """Linux: net/ipv4/devinet.c devinet_sysctl_forward()"""
    box = Box()
    box.dummy("d0")
    box.sysctl("net.ipv4.ip_forward", "1")
    box.sysctl("net.ipv4.conf.d0.forwarding", "0")
    box.sysctl("net.ipv4.ip_forward", "1")
    assert box.ns.ipv4.confs.of(box.ns.devices["d0"]).forwarding == 0
    box.sysctl("net.ipv4.conf.all.forwarding", "0")
    box.sysctl("net.ipv4.conf.all.forwarding", "1")
    assert box.ns.ipv4.confs.of(box.ns.devices["d0"]).forwarding == 1


def named(*paths: tuple[str, ...]) -> Sysctls:
    sysctls = Sysctls()
    for path in paths:
        sysctls.bind(path, Knob(Stored(".".join(path)), "value"))
    return sysctls


VLAN = ("net", "ipv4", "conf", "eth0.5", "forwarding")


@pytest.mark.parametrize(
    "key",
    [
        "net.ipv4.conf.eth0/5.forwarding",
        "net/ipv4/conf/eth0.5/forwarding",
        "/net/ipv4/conf/eth0.5/forwarding",
    ],
)
def test_a_device_with_a_dot_in_its_name_is_found(key: str) -> None:
    found = named(VLAN).find(key)
    assert found is not None
    assert found.text == ".".join(VLAN)


@pytest.mark.parametrize(
    "key", ["", ".", "/", "net", "net.ipv4.conf.eth0.5.forwarding", "net.ipv4.conf.eth0"]
)
def test_a_key_that_names_no_knob_finds_none(key: str) -> None:
    assert named(VLAN).find(key) is None


def test_names_come_sorted() -> None:
    assert [path for path, _ in named(("b", "x"), ("a", "y"), ("a", "b"))] == [
        ("a", "b"),
        ("a", "y"),
        ("b", "x"),
    ]


def test_all_names_below_a_prefix_are_forgotten_together() -> None:
    sysctls = named(("net", "a", "x"), ("net", "a", "y"), ("net", "ab", "x"))
    sysctls.unbind(("net", "a"))
    assert [path for path, _ in sysctls] == [("net", "ab", "x")]
    assert sysctls.get(("net", "a", "x")) is None


def test_a_renamed_device_keeps_its_values() -> None:
    box = Box()
    dev = box.dummy("d0")
    box.sysctl("net.ipv4.conf.d0.rp_filter", "2")
    box.sysctl("net.ipv4.neigh.d0.retrans_time_ms", "500")
    box.ns.devices.rename(dev, "d0.7")
    assert box.ns.sysctls.find("net.ipv4.conf.d0.rp_filter") is None
    moved = box.ns.sysctls.find("net/ipv4/conf/d0.7/rp_filter")
    assert moved is not None
    assert moved.text == "2"
    dotted = box.ns.sysctls.find("net.ipv4.neigh.d0/7.retrans_time_ms")
    assert dotted is not None
    assert dotted.text == "500"


def test_a_device_takes_its_names_along_when_it_goes() -> None:
    box = Box()
    dev = box.dummy("d0")
    box.ns.devices.unregister(dev)
    assert not [path for path, _ in box.ns.sysctls if "d0" in path]
