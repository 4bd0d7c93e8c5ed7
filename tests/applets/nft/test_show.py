"""Values become words, as many of them as the options ask for."""

import pytest

from pystack.applets.nft import types
from pystack.applets.nft.show import show
from pystack.applets.nft.style import Style
from pystack.applets.nft.types import DataType
from tests.applets.nft.test_values import machine

PLAIN = Style()
NUMERIC = Style(numeric_protocol=True, numeric_symbol=True, numeric_time=True)
NAMES = Style(services=True, host_names=True, user_names=True)


@pytest.mark.parametrize(
    ("kind", "value", "plain", "numeric", "names"),
    [
        (types.INTEGER, 300, "300", "300", "300"),
        (types.RAW_INTEGER, 0x50, "0x50", "0x50", "0x50"),
        (types.MARK, 1, "0x00000001", "0x00000001", "0x00000001"),
        (types.IPV4_ADDR, 0x0A000007, "10.0.0.7", "10.0.0.7", "printer"),
        (types.INET_PROTO, 6, "tcp", "6", "tcp"),
        (types.INET_PROTO, 200, "200", "200", "200"),
        (types.INET_SERVICE, 80, "80", "80", '"http"'),
        (types.ETHER_TYPE, 0x8100, "8021q", "0x8100", "8021q"),
        (types.ETHER_TYPE, 0x42, "0x0042", "0x0042", "0x0042"),
        (types.ICMP_TYPE, 8, "echo-request", "8", "echo-request"),
        (types.CT_STATE, 8, "new", "0x8", "new"),
        (types.TCP_FLAG, 2, "syn", "0x2", "syn"),
        (types.DSCP, 0, "cs0", "0x00", "cs0"),
        (types.DSCP, 3, "0x03", "0x03", "0x03"),
        (types.IFACE_INDEX, 2, '"eth0"', '"eth0"', '"eth0"'),
        (types.IFACE_INDEX, 77, "77", "77", "77"),
        (types.UID, 1000, "1000", "1000", '"alice"'),
        (types.PKT_TYPE, 0, "host", "0", "host"),
        (types.DEVGROUP, 0, '"default"', "0", '"default"'),
        (types.DAY, 5, '"Friday"', "5", '"Friday"'),
        (types.CLASSID, 0x10010, "1:10", "1:10", "1:10"),
        (types.CLASSID, 0, "none", "none", "none"),
        (types.TIME, 90_000, "1m30s", "90s", "1m30s"),
        (types.HOUR, 16 * 3600 + 5, '"17:00:05"', '"17:00:05"', '"17:00:05"'),
        (types.DATE, 10**9, '"1970-01-01 01:00:01"', '"1970-01-01 01:00:01"', '"1970-01-01 01:00:01"'),
        (types.CT_LABEL, 1 << 9, "9", "9", "9"),
        (types.BOOLEAN, 1, "exists", "1", "exists"),
    ],
)
def test_a_value_is_shown_as_nft_lists_it(
    kind: DataType, value: int, plain: str, numeric: str, names: str
) -> None:
    octets = value.to_bytes(kind.octets or 8)
    assert [show(octets, kind, machine(), style) for style in (PLAIN, NUMERIC, NAMES)] == [
        plain,
        numeric,
        names,
    ]


def test_strings_are_quoted_and_link_addresses_padded() -> None:
    assert show(b"eth0", types.IFNAME, machine(), PLAIN) == '"eth0"'
    assert show(bytes(range(6)), types.ETHER_ADDR, machine(), PLAIN) == "00:01:02:03:04:05"
