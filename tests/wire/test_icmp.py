"""ICMP messages."""

from hypothesis import given
from hypothesis import strategies as st

from pystack.wire import icmp
from pystack.wire.checksum import checksum, verifies


def test_an_echo_request_builds_to_bytes_summed_by_hand() -> None:
    # 0800 + 1234 + 0001 + 6162 + 6300 = de97, and its complement is 2168
    assert icmp.build(icmp.ICMP_ECHO, 0, 0x1234, 1, b"abc") == bytes.fromhex("0800216812340001616263")


@given(
    st.integers(0, 255),
    st.integers(0, 255),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFF),
    st.binary(max_size=99),
)
def test_every_message_carries_its_checksum(
    type_: int, code: int, first: int, second: int, payload: bytes
) -> None:
    message = icmp.build(type_, code, first, second, payload)
    assert message[0] == type_
    assert message[1] == code
    assert message[4:8] == first.to_bytes(2, "big") + second.to_bytes(2, "big")
    assert message[8:] == payload
    assert checksum(message[:2] + b"\0\0" + message[4:]) == int.from_bytes(message[2:4], "big")
    assert verifies(message) or not any(message[:2] + message[4:])


def test_errors_are_those_types_that_quote_a_packet() -> None:
    assert {3, 4, 5, 11, 12} == icmp.ERROR_TYPES
