"""Counters under the kernel's names and in its order."""

from pathlib import Path

import pytest

from pystack.counters import DeviceStats, Snmp
from tests.box import Box
from tests.frames import OUR_MAC, echo_frame


def columns(text: str) -> dict[str, list[str]]:
    """Title to names, as /proc/net/snmp has them; fails if a title's two lines do not match."""
    lines = text.splitlines()
    found = {}
    for names, values in zip(lines[::2], lines[1::2], strict=True):
        title, *words = names.split(" ")
        assert values.startswith(f"{title} ")
        assert len(values.split(" ")) == len(words) + 1
        found[title] = words
    return found


def kernel_columns(name: str) -> dict[str, list[str]]:
    try:
        return columns(Path(f"/proc/net/{name}").read_text())
    except OSError as error:
        pytest.skip(f"this system shows no /proc/net/{name}: {error}")


def is_in_order(some: list[str], every: list[str]) -> bool:
    rest = iter(every)
    return all(name in rest for name in some)


@pytest.mark.parametrize(
    ("name", "text"),
    [("snmp", Snmp().snmp_text()), ("netstat", Snmp().netstat_text())],
    ids=["snmp", "netstat"],
)
def test_our_columns_are_the_kernels_in_the_kernels_order(name: str, text: str) -> None:
    theirs = kernel_columns(name)
    for title, names in columns(text).items():
        assert is_in_order(names, theirs[title]), title
    assert is_in_order(list(columns(text)), list(theirs))


def test_the_names_of_linux_6_1_are_all_there() -> None:
    """6.18 added Ip OutTransmits."""
    ip = columns(Snmp().snmp_text())["Ip:"]
    assert ip[:3] == ["Forwarding", "DefaultTTL", "InReceives"]
    assert ip[-4:] == ["FragOKs", "FragFails", "FragCreates", "OutTransmits"]
    assert columns(Snmp().netstat_text())["IpExt:"][-1] == "ReasmOverlaps"


def test_icmp_types_are_listed_once_they_were_seen() -> None:
    snmp = Snmp()
    assert "IcmpMsg" not in snmp.snmp_text()
    for type_ in (8, 8, 0, 11):
        snmp.icmp_in(type_)
    snmp.icmp_out(3)
    snmp.icmp_out(77)
    assert "IcmpMsg: InType0 InType8 InType11 OutType3 OutType77\nIcmpMsg: 1 2 1 1 1\n" in snmp.snmp_text()
    icmp = snmp.Icmp
    assert (icmp.InEchos, icmp.InEchoReps, icmp.InTimeExcds) == (2, 1, 1)
    assert (icmp.OutMsgs, icmp.OutDestUnreachs) == (2, 1)


def test_a_counter_rises_under_its_dotted_name() -> None:
    snmp = Snmp()
    snmp.add("Ip.InHdrErrors")
    snmp.add("IpExt.InNoRoutes")
    assert (snmp.Ip.InHdrErrors, snmp.IpExt.InNoRoutes) == (1, 1)


def test_a_counter_that_does_not_exist_is_a_bug() -> None:
    with pytest.raises(AttributeError):
        Snmp().add("Ip.InHdrErrrors")


def test_forwarding_and_the_default_ttl_are_shown_as_they_are_set() -> None:
    box = Box()
    assert box.ns.snmp.snmp_text().splitlines()[1].startswith("Ip: 2 64 ")
    box.sysctl("net.ipv4.ip_forward", "1")
    box.sysctl("net.ipv4.ip_default_ttl", "99")
    assert box.ns.snmp.snmp_text().splitlines()[1].startswith("Ip: 1 99 ")
    box.sysctl("net.ipv4.conf.all.forwarding", "0")
    assert box.ns.snmp.snmp_text().splitlines()[1].startswith("Ip: 2 99 ")


def test_a_ping_is_counted_where_the_kernel_counts_it() -> None:
    box = Box()
    port = box.port("eth0", OUR_MAC, "10.0.0.1/24")
    box.send(port, echo_frame(payload=bytes(56)))
    snmp = box.ns.snmp
    assert (snmp.Ip.InReceives, snmp.Ip.InDelivers, snmp.Ip.OutRequests) == (1, 1, 1)
    assert (snmp.Icmp.InMsgs, snmp.Icmp.InEchos, snmp.Icmp.OutMsgs, snmp.Icmp.OutEchoReps) == (1, 1, 1, 1)
    assert (snmp.IpExt.InOctets, snmp.IpExt.OutOctets, snmp.IpExt.InNoECTPkts) == (84, 84, 1)
    assert dict(snmp.IcmpMsg) == {"InType8": 1, "OutType0": 1}


@pytest.mark.parametrize(
    ("tos", "name"), [(0, "InNoECTPkts"), (1, "InECT1Pkts"), (2, "InECT0Pkts"), (3, "InCEPkts")]
)
def test_a_packet_is_counted_by_its_congestion_codepoint(tos: int, name: str) -> None:
    box = Box()
    box.send(box.port("eth0", OUR_MAC, "10.0.0.1/24"), echo_frame(tos=tos))
    counted = {
        known: getattr(box.ns.snmp.IpExt, known)
        for known in box.ns.snmp.IpExt.__slots__
        if "EC" in known or "CE" in known
    }
    assert counted == {"InNoECTPkts": 0, "InECT1Pkts": 0, "InECT0Pkts": 0, "InCEPkts": 0} | {name: 1}


def test_a_device_starts_with_nothing_counted() -> None:
    assert all(getattr(DeviceStats(), name) == 0 for name in DeviceStats.__slots__)
