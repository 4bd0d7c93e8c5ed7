"""Packets as scenarios write them: scapy's notation, parsed and never evaluated."""

import subprocess
import sys
from contextlib import suppress
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.compare.lab.notation import LONGEST_FRAME, NotationError, frame_of
from pystack.compare.lab.notation_layers import WHERE, field_names, layer_class

ETHER: Final = "Ether(src='02:00:00:00:00:01', dst='02:00:00:00:00:02')"
IP: Final = "IP(src='10.0.0.1', dst='10.0.0.2')"
ETHER_HEX: Final = "02 00 00 00 00 02  02 00 00 00 00 01"


def hexed(text: str) -> bytes:
    return bytes.fromhex(text)


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        (f"{ETHER}/b'hello'", f"{ETHER_HEX} 9000 68656c6c6f"),
        (f"{ETHER}/'hello'", f"{ETHER_HEX} 9000 68656c6c6f"),
        (f"{ETHER}/Raw(b'hi')/Padding(b'x' * 3)", f"{ETHER_HEX} 9000 6869 787878"),
        (
            f"{ETHER}/{IP}/ICMP(id=104, seq=1)/(b'x' * 2)",
            f"{ETHER_HEX} 0800 4500 001e 0001 0000 4001 66dc 0a000001 0a000002 0800 7f1e 0068 0001 7878",
        ),
        (
            f"{ETHER}/ARP(op='is-at', hwsrc='02:00:00:00:00:01', psrc='10.0.0.1', pdst='10.0.0.2')",
            f"{ETHER_HEX} 0806 0001 0800 06 04 0002 020000000001 0a000001 000000000000 0a000002",
        ),
        (
            f"({ETHER}/\n  Dot1Q(vlan=7)/\n  {IP})",
            f"{ETHER_HEX} 8100 0007 0800 4500 0014 0001 0000 4000 66e7 0a000001 0a000002",
        ),
        (
            f"{ETHER}/({IP}/UDP(sport=1, dport=2))",
            f"{ETHER_HEX} 0800 4500 001c 0001 0000 4011 66ce 0a000001 0a000002 0001 0002 0008 ebd8",
        ),
    ],
)
def test_an_expression_becomes_the_bytes_that_it_says(text: str, frame: str) -> None:
    assert frame_of(text) == hexed(frame)


def test_options_of_ip_and_tcp_are_lists_of_layers_and_tuples() -> None:
    recorded = frame_of(f"{ETHER}/IP(src='10.0.0.1', options=[IPOption_RR(routers=['1.2.3.4'])])")
    assert recorded[34:] == hexed("07 07 04 01020304 00")
    synced = frame_of(f"{ETHER}/{IP}/TCP(flags='S', options=[('MSS', 1460), ('NOP', None)])")
    assert synced[54:] == hexed("020405b4 01 000000")


def test_an_error_carries_what_it_complains_about() -> None:
    frame = frame_of(f"{ETHER}/{IP}/ICMP(type=3, code=4, nexthopmtu=1400)/IPerror(src='1.2.3.4')/b'12345678'")
    assert frame[34:36] == hexed("0304")
    assert frame[40:42] == (1400).to_bytes(2, "big")
    assert frame[54:58] == hexed("01020304")


def test_a_spanning_tree_frame_is_802_3() -> None:
    frame = frame_of(
        "Dot3(src='02:00:00:00:00:01', dst='01:80:c2:00:00:00')/LLC(dsap=66, ssap=66, ctrl=3)/STP()"
    )
    assert frame[12:17] == hexed("0026 424203")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "not a packet"),
        ("Ether(", "not a packet"),
        ("\0", "not a packet"),
        ("-" * 3000 + "1", "not a packet"),
        ("(" * 300, "not a packet"),
        ("x" * 500_000, "too long"),
        ("1", "only layers and bytes stand between /"),
        ("b'raw'", "a frame begins with Ether or Dot3"),
        (IP, "a frame begins with Ether or Dot3"),
        ("Ehter(src='02:00:00:00:00:01')", 'unknown layer Ehter; did you mean "Ether"?'),
        (f"{ETHER}/IP(scr='1.2.3.4')", 'unknown field IP.scr; did you mean "src"?'),
        (f"{ETHER}/IP(src='1.2.3.4', src='1.2.3.5')", "IP.src is given twice"),
        ("__import__('os').system('true')", "only layers can be called"),
        ("__import__('os')", "unknown layer __import__"),
        (f"{ETHER}/open('/etc/passwd')", "unknown layer open"),
        (f"{ETHER}/{IP}.show()", "only layers can be called"),
        (f"{ETHER}/{IP}[0]", "only literals"),
        (f"{ETHER}/IP(src=Ether)", "only literals"),
        (f"{ETHER}/IP(**{{'src': '1.2.3.4'}})", "** is not a literal"),
        (f"{ETHER}/Raw(f'{{1}}')", "only literals"),
        (f"{ETHER}/Raw([b'x' for x in 'y'])", "only literals"),
        (f"{ETHER}/(lambda: 1)", "only literals"),
        (f"{ETHER}/Raw(b'x' * 99999999999)", "a product is at most"),
        (f"{ETHER}/Raw(9 ** 9)", "only literals"),
        (f"{ETHER}/(b'x' * {LONGEST_FRAME})", "up to"),
        ("/".join([ETHER] * 40), "more than 32 layers"),
        (f"{ETHER}/{IP}/ICMP(code=[[[[[[[[[[1]]]]]]]]]])", "too deep"),
        (f"{ETHER}/IP(b'bytes to take apart')", "the fields of IP are given by name"),
        (f"{ETHER}/Raw(7)", "Raw takes bytes"),
        ("Ether()", "Ether.src must be given"),
        ("Ether(src='02:00:00:00:00:01')", "Ether.dst must be given"),
        ("Ether(src='02:00:00:00:00:01', dst=None)", "Ether.dst must be given"),
        (f"{ETHER}/IP(dst='1.2.3.4')", "IP.src must be given"),
        (f"{ETHER}/IPv6(dst='::1')", "IPv6.src must be given"),
        (f"{ETHER}/ARP(psrc='1.2.3.4')", "ARP.hwsrc must be given"),
        (f"{ETHER}/ARP(hwsrc='02:00:00:00:00:01')", "ARP.psrc must be given"),
        (f"{ETHER}/{IP}/ICMP(type=13)", "ICMP.ts_ori must be given"),
        (f"{ETHER}/IP(src='localhost')", "names are not resolved"),
        (f"{ETHER}/IP(src=b'localhost')", "names are not resolved"),
        (f"{ETHER}/IP(src='10.0.0.0/24')", "names are not resolved"),
        (f"{ETHER}/ARP(hwsrc='02:00:00:00:00:01', psrc='localhost')", "names are not resolved"),
        (f"{ETHER}/{IP}/DNS(an=[DNSRR(rdata='localhost')])", "names are not resolved"),
        (f"{ETHER}/DHCP(options=[('server_id', 'localhost')])", "names are not resolved"),
        (f"{ETHER}/{IP}/TCP(dport='http')", "TCP.dport takes a number"),
        ("Ether(src='somebody', dst='02:00:00:00:00:02')", "Ether.src 'somebody' is no MAC address"),
        (f"{ETHER}/IP(src='1.2.3.4', dst=['1.1.1.1', '2.2.2.2'])", "IP.dst takes one value"),
        (f"{ETHER}/{IP}/UDP(dport=(1, 9))", "UDP.dport takes one value"),
        (f"{ETHER}/IP(src='1.2.3.4', options=5)", "IP.options takes a list"),
        (f"{ETHER}/IP(src='1.2.3.4', options=[5])", "IP.options takes a list of layers"),
        (f"{ETHER}/IP(src='1.2.3.4', ttl=256)", "IP.ttl must be a number from 0 to 255 (column"),
        (f"{ETHER}/IP(src='1.2.3.4', ttl='x')", "IP.ttl cannot be that"),
        (f"{ETHER}/IP(src='1.2.3.4', ttl=None)", "IP.ttl has no None"),
        (f"{ETHER}/IP(src='1.2.3.4', flags='Q')", "IP.flags cannot be that"),
        (f"{ETHER}/IP(src='1.2.3.4', flags=8)", "IP.flags has 3 bits"),
        (f"{ETHER}/IP(src='1.2.3.4', ihl=-1)", "IP.ihl has 4 bits"),
        (f"{ETHER}/Dot1Q(vlan=4096)", "Dot1Q.vlan has 12 bits"),
        (f"{ETHER}/{IP}/ICMP(gw='1.2.3.4')", "ICMP.gw has no place here"),
        (f"{ETHER}/{IP}/TCP(options=[(1, 2, 3)])", "TCP.options cannot be that"),
    ],
)
def test_what_is_no_packet_is_named(text: str, complaint: str) -> None:
    with pytest.raises(NotationError) as told:
        frame_of(text)
    assert complaint in str(told.value)


def test_a_complaint_says_where() -> None:
    with pytest.raises(NotationError) as told:
        frame_of(f"({ETHER}/ 'ü'/\n  Ipp())")
    assert (told.value.line, told.value.column) == (2, 3)
    with pytest.raises(NotationError) as told:
        frame_of("Ether(src='é', dts='02:00:00:00:00:02')")
    assert (told.value.line, told.value.column) == (1, 7)
    assert str(told.value).endswith("(column 7)")


@pytest.mark.parametrize("name", WHERE)
def test_every_layer_of_the_list_is_scapys_and_its_defaults_never_change(name: str) -> None:
    from scapy.volatile import VolatileValue

    assert field_names(name) or name in ("IPOption_EOL", "IPOption_NOP", "Pad1")
    for field in layer_class(name).fields_desc:
        assert not isinstance(getattr(field, "default", None), VolatileValue), field.name


def test_building_a_packet_opens_no_socket_and_says_nothing() -> None:
    """Only while it is imported scapy asks, by netlink, which devices there are; nothing depends on it."""
    program = f"""
import sys
built = False
def no_network(event, args):
    if event.startswith("socket."):
        assert not built and event in ("socket.__new__", "socket.bind") and args[0].family in (0, 16), event
sys.addaudithook(no_network)
from pystack.compare.lab.notation import frame_of
frame_of({ETHER!r} + "/b'first'")
built = True
print(frame_of({f"{ETHER}/{IP}/UDP()/b'x'"!r}).hex())
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("020000000002")


@given(st.text(max_size=60))
def test_any_text_is_bytes_or_the_one_error(text: str) -> None:
    is_frame_or_named(text)


NUMBERS: Final = "0 -1 256 70000 99999999999999999999 1.5 1e400 1j".split()
TEXTS: Final = "'' 'x' 'é' b'\\xff' b'y'*9 'SA' '1.2.3.4' '::1' '02:00:00:00:00:01' f''".split()
OTHERS: Final = "None True ... {} [] [1] () (1,2) [('MSS',9)] [IPOption_NOP()] UDP UDP() [UDP()]".split()
VALUES: Final = st.sampled_from(NUMBERS + TEXTS + OTHERS)
CALLS: Final = st.builds(
    lambda name, fields: f"{name}({', '.join(f'{field}={value}' for field, value in fields.items())})",
    st.sampled_from([*WHERE, "Nothing"]),
    st.dictionaries(
        st.sampled_from(
            "src dst type op hwsrc psrc ttl options code id flags proto load len chksum ihl data".split()
        ),
        VALUES,
        max_size=3,
    ),
)


@given(st.lists(CALLS, max_size=4), st.sampled_from(["/", "*", "+", "/b'x'/", "(", ".", " "]))
def test_any_mixture_of_layers_and_values_is_bytes_or_the_one_error(calls: list[str], joint: str) -> None:
    is_frame_or_named(joint.join([ETHER, *calls]))


def is_frame_or_named(text: str) -> None:
    with suppress(NotationError):
        assert 14 <= len(frame_of(text)) <= LONGEST_FRAME
