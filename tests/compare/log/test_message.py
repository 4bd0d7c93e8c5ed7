"""One message: its devices, its link header, its packet; and what is none."""

import pytest

from pystack.compare.log.datagram import Unreadable
from pystack.compare.log.message import Message, find_devices, read
from pystack.compare.log.place import Place, place_of
from pystack.wire.ethernet import ETH_P_ARP, parse_mac
from tests.compare.log.logs import BRIDGE, VM, echo

FRAME = f"MAC source = {VM} MAC dest = {BRIDGE} proto = 0x0800"


def message(text: str) -> Message:
    devices = find_devices(text)
    assert devices is not None
    return read(text, devices, text[: devices.start()])


def place(text: str) -> Place:
    return place_of(message(text))


def test_a_line_of_iptables_tells_devices_link_header_and_packet() -> None:
    said = message(f"FW IN=br0 OUT=br0 PHYSIN=tap1 PHYSOUT=tap2 MAC={BRIDGE}:{VM}:08:00 {echo()}MARK=0x1f ")
    assert (said.prefix, said.indev, said.outdev, said.physin, said.physout) == (
        "FW ",
        "br0",
        "br0",
        "tap1",
        "tap2",
    )
    assert said.link is not None
    assert said.link.source == parse_mac(VM)
    assert said.mark == 0x1F
    assert said.datagram is not None
    assert said.datagram.source == "10.0.0.2"
    assert said.datagram.header == {"LEN": 84, "TOS": 0, "PREC": 0, "TTL": 64, "ID": 7}
    assert said.datagram.carried == {"TYPE": 8, "CODE": 0, "ID": 1, "SEQ": 1}


def test_a_line_of_ebtables_tells_link_addresses() -> None:
    said = message(f"EB  IN=tap1 OUT= MAC source = {VM} MAC dest = {BRIDGE} proto = 0x0806")
    assert said.link is not None
    assert said.link == (parse_mac(BRIDGE), parse_mac(VM), ETH_P_ARP)
    assert said.datagram is None


def test_ebtables_can_tell_addresses_too() -> None:
    assert message(
        f"EB  IN=tap1 OUT= {FRAME} IP SRC=10.0.0.2 IP DST=10.0.0.3, IP tos=0x00, IP proto=1"
    ).ends == ("10.0.0.2", "10.0.0.3")


def test_decoded_link_addresses_are_read() -> None:
    said = message(f"IN=eth0 OUT= MACSRC={VM} MACDST={BRIDGE} MACPROTO=0800 {echo()}")
    assert said.link is not None
    assert said.link.destination == parse_mac(BRIDGE)


def test_an_icmp_error_tells_of_the_packet_that_it_is_about() -> None:
    said = message(
        "IN= OUT=br0 SRC=172.16.10.1 DST=172.16.10.11 LEN=112 TOS=0x00 PREC=0xC0 TTL=64 ID=46266 PROTO=ICMP "
        f"TYPE=3 CODE=4 [{echo(ttl=1)}] MTU=1400 "
    )
    assert said.datagram is not None
    assert said.datagram.quoted is not None
    assert said.datagram.quoted.ttl == 1
    assert said.datagram.carried == {"TYPE": 3, "CODE": 4, "MTU": 1400}


def test_a_prefix_that_looks_like_devices_is_a_prefix() -> None:
    said = message(f"IN=x OUT=y SRC=1.2.3.4 IN=eth0 OUT= {echo()}")
    assert (said.prefix, said.indev) == ("IN=x OUT=y SRC=1.2.3.4 ", "eth0")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("IN=eth0 OUT= ", "cut off before SRC="),
        ("IN= OUT= " + echo(), "neither IN= nor OUT= names a device"),
        ("IN=eth0 OUT= SRC=10.0.0.2 DST=10.0.0 LEN=84 ", "DST=10.0.0 is no address"),
        ("IN=eth0 OUT= SRC=10.0.0.2 DST=10.0.0.3 LEN=84 TTL=300 ", "TTL=300 is more than there can be"),
        ("IN=eth0 OUT= SRC=10.0.0.2 DST=10.0.0.3 LEN=x ", "LEN=x is no number"),
        ("IN=eth0 OUT= SRC=10.0.0.2 DST=10.0.0.3 LEN=84 PROTO=SPAM ", "PROTO=SPAM is no protocol"),
        ("IN=averyveryverylongname OUT= " + echo(), "is longer than the name of a device"),
        ("IN=eth0 OUT= MAC source = x MAC dest = y proto = 0x0800", "y is no link address"),
    ],
)
def test_a_bad_line_says_where_it_goes_wrong(text: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        message(text)


@pytest.mark.parametrize(
    ("text", "hook", "table"),
    [
        (f"[NAT-PREROUTING icmp] IN=eth0 OUT= {echo()}", "ip PREROUTING", "nat"),
        (f"TRACE: mangle:POSTROUTING:policy:1 IN=a OUT=b {echo()}", "ip POSTROUTING", "mangle"),
        (f"IN=br0 OUT=br0 PHYSIN=tap1 PHYSOUT=tap2 {echo()}", "ip FORWARD", ""),
        (f"IN= OUT=br0 PHYSIN=tap1 PHYSOUT=tap2 {echo()}", "ip POSTROUTING", ""),
        (
            f"[EBTABLES BROU BROU] IN=tap1 OUT= {FRAME}",
            "bridge BROUTING",
            "broute",
        ),
        (
            f"[EBTABLES NAT PREROU] IN=tap1 OUT= {FRAME}",
            "bridge PREROUTING",
            "nat",
        ),
        (f"dropped: IN=tap1 OUT=tap2 {FRAME}", "bridge FORWARD", ""),
    ],
)
def test_devices_and_prefix_say_the_hook(text: str, hook: str, table: str) -> None:
    found = place(text)
    assert (str(found.hook), found.table, found.is_guess, found.contradiction) == (hook, table, False, "")


def test_a_prefix_that_says_nothing_leaves_a_guess() -> None:
    found = place(f"[UFW BLOCK] IN=eth0 OUT= {echo()}")
    assert (str(found.hook), found.is_guess) == ("ip INPUT", True)


def test_a_prefix_that_contradicts_the_devices_is_not_believed() -> None:
    found = place(f"[NAT-PREROUTING] IN=eth0 OUT=eth1 {echo()}")
    assert (str(found.hook), found.contradiction) == (
        "ip FORWARD",
        "the prefix says PREROUTING, the devices say FORWARD",
    )
