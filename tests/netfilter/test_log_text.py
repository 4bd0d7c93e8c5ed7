"""The kernel's log line of every kind of packet, byte for byte; real ones: scenarios/netfilter."""

import pytest

from pystack.netfilter.log_text import ip_line, is_log_line
from pystack.netfilter.log_transport import LOG_IPOPT, LOG_MACDECODE, LOG_TCPOPT, LOG_TCPSEQ
from pystack.netfilter.view import View
from pystack.wire import icmp, tcp
from pystack.wire.ipv4 import IP_DF, IP_MF, Ipv4Header
from pystack.wire.tcp import TcpHeader
from tests.frames import ip
from tests.netfilter.rules import OUT, view


def line(seen: View, flags: int = 0) -> str:
    return ip_line("", flags, seen.pkt, seen.indev, seen.outdev)


def tail(seen: View, flags: int = 0) -> str:
    """From TTL= on."""
    return line(seen, flags).partition("TTL=")[2]


def segment() -> bytes:
    header = TcpHeader(5, 6, seq=1000, ack=7, flags=tcp.SYN | tcp.ACK, window=512, options=b"\2\4\5\xb4")
    return tcp.build(header, b"", ip("10.0.0.1"), ip("10.0.0.2"))


def test_a_forwarded_datagram_tells_devices_addresses_and_ports() -> None:
    said = line(view())
    assert said.startswith("IN=tap1 OUT=wlan0 MAC=")
    assert said.endswith(
        "SRC=10.0.0.1 DST=10.0.0.2 LEN=32 TOS=0x00 PREC=0x00 TTL=64 ID=7 PROTO=UDP SPT=5 DPT=6 LEN=12 "
    )


def test_the_prefix_stands_in_front_as_it_is() -> None:
    seen = view()
    assert ip_line("[IN] ", 0, seen.pkt, seen.indev, seen.outdev).startswith("[IN] IN=tap1 ")


def test_a_local_packet_has_neither_device_nor_address_of_the_link() -> None:
    seen = view()
    assert ip_line("", 0, seen.pkt, None, OUT).startswith("IN= OUT=wlan0 SRC=10.0.0.1")


def test_the_tos_is_told_in_two_parts() -> None:
    header = Ipv4Header(ip("10.0.0.1"), ip("10.0.0.2"), 17, tos=0xF5)
    assert "TOS=0x14 PREC=0xE0 " in line(view(header=header))


def test_a_later_fragment_has_no_ports() -> None:
    header = Ipv4Header(ip("10.0.0.1"), ip("10.0.0.2"), 17, id=9, frag_off=IP_MF | 3)
    assert tail(view(header=header)) == "64 ID=9 MF FRAG:3 PROTO=UDP "


def test_a_packet_that_may_not_be_cut_says_so() -> None:
    header = Ipv4Header(ip("10.0.0.1"), ip("10.0.0.2"), 17, frag_off=IP_DF)
    assert " ID=0 DF PROTO=UDP " in line(view(header=header))


def test_tcp_tells_its_flags_in_the_order_of_the_kernel() -> None:
    seen = view(protocol=6, body=segment())
    assert tail(seen) == "64 ID=7 PROTO=TCP SPT=5 DPT=6 WINDOW=512 RES=0x00 ACK SYN URGP=0 "


def test_tcp_tells_numbers_and_options_only_if_asked() -> None:
    seen = view(protocol=6, body=segment())
    said = tail(seen, LOG_TCPSEQ | LOG_TCPOPT)
    assert " SEQ=1000 ACK=7 WINDOW=512 " in said
    assert said.endswith("URGP=0 OPT (020405B4) ")


def test_ip_options_are_told_only_if_asked() -> None:
    options = bytes((1, 1, 1, 0))
    header = Ipv4Header(ip("10.0.0.1"), ip("10.0.0.2"), 17, options=options, ihl=24)
    assert "OPT" not in line(view(header=header))
    assert " OPT (01010100) PROTO=UDP " in line(view(header=header), LOG_IPOPT)


def test_what_is_cut_off_is_told_with_its_length() -> None:
    assert tail(view(protocol=6, body=b"12345678")) == "64 ID=7 PROTO=TCP INCOMPLETE [8 bytes] "
    assert tail(view(protocol=1, body=b"12")) == "64 ID=7 PROTO=ICMP INCOMPLETE [2 bytes] "


def test_other_protocols_are_told_by_name_number_or_spi() -> None:
    assert tail(view(protocol=50, body=b"\0\0\1\0abcd")) == "64 ID=7 PROTO=ESP SPI=0x100 "
    assert tail(view(protocol=51, body=b"1234\0\0\0\x105678")) == "64 ID=7 PROTO=AH SPI=0x10 "
    assert tail(view(protocol=47, body=b"abcd")) == "64 ID=7 PROTO=47 "


def test_an_error_quotes_the_packet_that_it_is_about() -> None:
    inner = bytes(view("10.9.9.9", "10.8.8.8").pkt.payload())
    body = icmp.build(icmp.ICMP_DEST_UNREACH, icmp.ICMP_FRAG_NEEDED, 0, 1400, inner)
    said = tail(view(protocol=1, body=body))
    assert said.startswith("64 ID=7 PROTO=ICMP TYPE=3 CODE=4 [SRC=10.9.9.9 DST=10.8.8.8 ")
    assert said.endswith("PROTO=UDP SPT=5 DPT=6 LEN=12 ] MTU=1400 ")


def test_a_redirect_tells_the_gateway_first() -> None:
    inner = bytes(view().pkt.payload())
    body = icmp.build(icmp.ICMP_REDIRECT, 1, 0x0A00, 0x0003, inner)
    assert " TYPE=5 CODE=1 GATEWAY=10.0.0.3 [SRC=" in tail(view(protocol=1, body=body))


def test_a_mark_is_told_at_the_end_unless_it_is_0() -> None:
    seen = view()
    assert "MARK" not in line(seen)
    seen.pkt.mark = 0xD4
    assert line(seen).endswith(" LEN=12 MARK=0xd4 ")


def test_ports_of_a_bridge_are_told_where_they_are_not_the_devices_themselves() -> None:
    seen = view()
    seen.pkt.physin, seen.pkt.physout = OUT, OUT
    assert line(seen).startswith("IN=tap1 OUT=wlan0 PHYSIN=wlan0 MAC=")


def test_the_link_header_can_be_told_in_words() -> None:
    assert line(view(), LOG_MACDECODE).startswith("IN=tap1 OUT=wlan0 MACSRC=")
    assert "MACPROTO=0800 SRC=" in line(view(), LOG_MACDECODE)


@pytest.mark.parametrize(
    "text",
    [
        "FILTER-FORWARD IN=br0 OUT=br0 PHYSIN=tap1 PHYSOUT=tap2 MAC=ba:ec SRC=172.16.10.11 DST=172.16.10.12 ",
        "IN= OUT=lo SRC=127.0.0.1 ",
        "EB-INPUT IN=tap1 OUT= MAC source = ba:ec:24:5c:80:3a MAC dest = 02:00:00:00:00:01 proto = 0x0800",
        "TRACE: raw:PREROUTING:policy:2 IN=tap1 OUT= MAC=02 ",
    ],
)
def test_a_log_rules_line_is_known_whatever_its_prefix(text: str) -> None:
    assert is_log_line(text)


@pytest.mark.parametrize(
    "text",
    [
        "br0: port 1(tap1) entered forwarding state",
        "device tap1 entered promiscuous mode",
        "IPv4: martian source 192.168.21.1 from 172.16.10.1, on dev wlp2s0",
        "LOGIN=root OUT",
        "",
    ],
)
def test_other_lines_of_the_kernels_log_are_not_of_a_packet(text: str) -> None:
    assert not is_log_line(text)
