"""Words become values, or nft's words say why not."""

import pytest

from pystack.applets.nft import types
from pystack.applets.nft.surroundings import Surroundings
from pystack.applets.nft.types import DataType
from pystack.applets.nft.unreadable import Unreadable
from pystack.applets.nft.values import parse
from pystack.applets.tcpdump.names import Names


def machine() -> Surroundings:
    names = Names()
    names.read_services("http 80/tcp\ndomain 53/tcp\ndomain 53/udp\nsyslog 514/udp\n")
    names.read_protocols("tcp 6 TCP\n")
    names.read_hosts("10.0.0.7 printer\n10.0.0.8 twice\n10.0.0.9 twice\n2001:db8::7 printer\n")
    names.read_users("root:x:0:0\nalice:x:1000:1000\n")
    names.read_groups("root:x:0\nstaff:x:50\n")
    return Surroundings(names, {"eth0": 2}, utc_offset=3600)


@pytest.mark.parametrize(
    ("kind", "word", "octets"),
    [
        (types.INTEGER, "300", b"\x01\x2c"),
        (types.INTEGER, "0x10", b"\x10"),
        (types.INTEGER, "010", b"\x08"),
        (types.MARK, "1", b"\0\0\0\1"),
        (types.IPV4_ADDR, "10.0.0.1", b"\x0a\0\0\1"),
        (types.IPV4_ADDR, "printer", b"\x0a\0\0\7"),
        (types.IPV6_ADDR, "printer", bytes.fromhex("20010db8000000000000000000000007")),
        (types.ETHER_ADDR, "1:2:3:4:5:6", bytes(range(1, 7))),
        (types.ETHER_TYPE, "vlan", b"\x81\0"),
        (types.INET_PROTO, "TCP", b"\6"),
        (types.INET_PROTO, "0x11", b"\x11"),
        (types.INET_PROTO, "comp", b"\x6c"),
        (types.IFACE_INDEX, "0", bytes(4)),
        (types.INET_SERVICE, "syslog", b"\2\2"),
        (types.INET_SERVICE, "080", b"\0\x50"),
        (types.IFACE_INDEX, "eth0", b"\0\0\0\2"),
        (types.IFACE_INDEX, "77", b"\0\0\0\x4d"),
        (types.IFNAME, "eth0", b"eth0"),
        (types.UID, "alice", b"\0\0\3\xe8"),
        (types.GID, "50", b"\0\0\0\x32"),
        (types.CT_STATE, "new", b"\0\0\0\x08"),
        (types.CT_LABEL, "9", (1 << 9).to_bytes(16)),
        (types.CLASSID, "1:10", b"\0\1\0\x10"),
        (types.CLASSID, "root", b"\xff\xff\xff\xff"),
        (types.CLASSID, "foo", bytes(4)),
        (types.DSCP, "af21", b"\x12"),
        (types.TIME, "1m30s", (90_000).to_bytes(4)),
        (types.HOUR, "17:00", (16 * 3600).to_bytes(4)),
        (types.DATE, "1970-01-01 01:00:01", (10**9).to_bytes(8)),
        (types.DAY, "Friday", b"\5"),
    ],
)
def test_a_word_is_read_as_its_kind_is_written(kind: DataType, word: str, octets: bytes) -> None:
    assert parse(kind, word, machine()) == octets


@pytest.mark.parametrize(
    ("kind", "word", "message"),
    [
        (types.INTEGER, "1d", "Could not parse integer"),
        (types.MARK, "08", "Could not parse packet mark"),
        (types.IPV4_ADDR, "300.1.1.1", "Could not resolve hostname: Name or service not known"),
        (types.IPV4_ADDR, "a/b", "Could not resolve hostname: Name or service not known"),
        (
            types.IPV4_ADDR,
            "nowhere.invalid",
            "Could not resolve hostname: Temporary failure in name resolution",
        ),
        (types.IPV4_ADDR, "::1", "Could not resolve hostname: Address family for hostname not supported"),
        (
            types.IPV6_ADDR,
            "10.0.0.1",
            "Could not resolve hostname: Address family for hostname not supported",
        ),
        (types.IPV4_ADDR, "twice", "Hostname resolves to multiple addresses"),
        (types.ETHER_ADDR, "foo", "Invalid LL address"),
        (types.INET_PROTO, "foo", "Could not resolve protocol name"),
        (types.INET_PROTO, "300", "Protocol out of range"),
        (types.INET_SERVICE, "foo", "Could not resolve service: Servname not supported for ai_socktype"),
        (types.INET_SERVICE, "70000", "Service out of range"),
        (types.IFACE_INDEX, "nosuch", "Interface does not exist"),
        (types.UID, "nosuch", "User does not exist"),
        (types.GID, "nosuch", "Group does not exist"),
        (types.UID, "4294967296", "Value too large"),
        (types.CT_STATE, "foo", "Could not parse conntrack state"),
        (types.CT_LABEL, "foo", '/etc/connlabel.conf: could not parse conntrack label "foo"'),
        (types.CT_LABEL, "200", "200: bit 200 out of range (128 max)"),
        (types.TIME, "100000d", "value too large"),
        (types.TIME, "1d1d", "Day has been specified twice"),
        (types.HOUR, "25:00", "wrong time format"),
        (types.HOUR, "17:00x", 'Can\'t parse trailing input: "x"\n'),
        (types.DATE, "foo", "Cannot parse date"),
        (types.DAY, "sunday", "Could not parse Day of week of packet reception"),
        (types.CGROUPV2, "foo", "cgroupv2 path fails: No such file or directory"),
        (types.VERDICT, "foo", "Can't parse symbolic netfilter verdict expressions"),
    ],
)
def test_a_word_that_is_no_value_is_refused_as_nft_refuses_it(
    kind: DataType, word: str, message: str
) -> None:
    assert parse(kind, word, machine()) == Unreadable(message)


def test_a_number_that_is_too_large_keeps_its_octets() -> None:
    assert parse(types.DSCP, "300", machine()) == b"\x01\x2c"
