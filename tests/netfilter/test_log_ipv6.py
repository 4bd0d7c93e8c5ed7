"""The kernel's log line of IPv6 packets; real ones: scenarios/netfilter/ip6tables-bridged.toml."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.netfilter.log_ipv6 import ipv6_words
from pystack.netfilter.log_text import ip_line
from pystack.netfilter.log_transport import LOG_IPOPT
from pystack.wire.ipv6 import Ipv6Header
from tests.netfilter.rules import view6


def tail(next_header: int, payload: bytes, flags: int = 0, *, mark: int = 0) -> str:
    """From FLOWLBL= on."""
    seen = view6(next_header, payload)
    seen.pkt.mark = mark
    return ip_line("", flags, seen.pkt, seen.indev, seen.outdev).partition("FLOWLBL=0 ")[2]


def test_a_datagram_tells_its_addresses_whole_and_its_ports() -> None:
    seen = view6(header=Ipv6Header(0xFE80 << 112 | 1, 2, 17, ttl=3, tos=0xB8, flow_label=5))
    assert ip_line("x ", 0, seen.pkt, None, seen.outdev) == (
        "x IN= OUT=wlan0 SRC=fe80:0000:0000:0000:0000:0000:0000:0001 "
        "DST=0000:0000:0000:0000:0000:0000:0000:0002 LEN=52 TC=184 HOPLIMIT=3 FLOWLBL=5 "
        "PROTO=UDP SPT=5 DPT=6 LEN=12 "
    )


def test_a_fragment_tells_its_place_and_number() -> None:
    assert (
        tail(44, bytes.fromhex("1100001912345678") + b"rest") == "FRAG:24 INCOMPLETE ID:12345678 PROTO=UDP "
    )


def test_options_are_told_only_if_they_are_asked_for() -> None:
    payload = bytes.fromhex("3b00010400000000")
    assert tail(60, payload) == "PROTO=59 "
    assert tail(60, payload, LOG_IPOPT) == "OPT ( ) PROTO=59 "


@pytest.mark.parametrize(
    ("next_header", "payload", "said"),
    [
        (60, b"\x11", "TRUNCATED"),
        (6, b"\0\5", "PROTO=TCP INCOMPLETE [2 bytes] "),
        (58, b"\x80\0", "PROTO=ICMPv6 INCOMPLETE [2 bytes] "),
        (50, b"\0\0\0\1\0\0\0\2", ""),
    ],
)
def test_behind_what_is_cut_off_nothing_follows_not_even_the_mark(
    next_header: int, payload: bytes, said: str
) -> None:
    assert tail(next_header, payload, mark=7) == said


def test_an_error_tells_the_packet_that_it_quotes() -> None:
    quoted = bytes(view6().pkt.payload())
    said = tail(58, bytes.fromhex("0200000000000500") + quoted, mark=7)
    assert said.startswith("PROTO=ICMPv6 TYPE=2 CODE=0 [SRC=0000:")
    assert said.endswith("PROTO=UDP SPT=5 DPT=6 LEN=12 ] MTU=1280 MARK=0x7 ")


@given(st.integers(0, 255), st.binary(max_size=80), st.sampled_from([0, 0xFF]))
def test_any_octets_have_a_line(next_header: int, payload: bytes, flags: int) -> None:
    packet = bytes(view6(next_header, payload).pkt.payload())
    assert ipv6_words(packet, flags).words.startswith("SRC=")
