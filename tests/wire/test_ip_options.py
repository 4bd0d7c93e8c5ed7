"""IPv4 options: read, written on the way, turned round."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.wire import ip_options
from pystack.wire.ip_options import Fault, IpOptions

ME, FOREIGN, NOON = 0x0A0000FE, 0x0A090909, 43_200_000
A, B, C = 0x0A000001, 0x0A000002, 0x0A000003


class Here:
    def address(self) -> int:
        return ME

    def midtime(self) -> int:
        return NOON

    def is_foreign(self, address: int) -> bool:
        return address == FOREIGN


def words(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(4, "big") for number in numbers)


def record_route(slots: int, pointer: int = 4) -> bytes:
    return bytes((7, 3 + 4 * slots, pointer)) + bytes(4 * slots)


def timestamps(flag: int, *numbers: int, pointer: int = 5, overflow: int = 0) -> bytes:
    return bytes((68, 4 + 4 * len(numbers), pointer, overflow << 4 | flag)) + words(*numbers)


def source_route(kind: int, *hops: int, pointer: int = 4) -> bytes:
    return bytes((kind, 3 + 4 * len(hops), pointer)) + words(*hops)


def read(raw: bytes) -> IpOptions:
    options = ip_options.received(raw, Here())
    assert isinstance(options, IpOptions)
    return options


def echoed(raw: bytes, sender: int = A) -> IpOptions:
    answer = ip_options.echoed(read(raw), sender, Here())
    assert answer is not None
    return answer


# -- what came in --------------------------------------------------------------------------------------------


def test_the_address_that_was_sent_to_is_recorded() -> None:
    options = read(record_route(2))
    assert options.raw == bytes((7, 11, 8)) + words(ME, 0)
    assert options.rr_needaddr


def test_a_full_list_of_routers_is_left_alone() -> None:
    options = read(record_route(1, pointer=8))
    assert options.raw == record_route(1, pointer=8)
    assert not options.rr_needaddr


def test_the_time_of_day_is_written() -> None:
    assert read(timestamps(0, 0, 0)).raw == timestamps(0, NOON, 0, pointer=9)


def test_the_time_is_written_with_our_address() -> None:
    assert read(timestamps(1, 0, 0)).raw == timestamps(1, ME, NOON, pointer=13)


def test_a_time_that_is_asked_of_us_is_written() -> None:
    assert read(timestamps(3, ME, 0)).raw == timestamps(3, ME, NOON, pointer=13)


def test_a_time_that_is_asked_of_another_is_left_to_it() -> None:
    assert read(timestamps(3, FOREIGN, 0)).raw == timestamps(3, FOREIGN, 0)


def test_who_finds_no_room_for_a_time_counts_itself() -> None:
    assert read(timestamps(0, 7, pointer=9, overflow=3)).raw == timestamps(0, 7, pointer=9, overflow=4)


def test_whoever_was_asked_by_name_counts_nothing() -> None:
    full = timestamps(3, ME, NOON, pointer=13, overflow=15)
    assert read(full).raw == full


def test_what_stands_behind_the_end_is_blanked() -> None:
    assert read(b"\x01\x00\x07\x07").raw == b"\x01\x00\x00\x00"


def test_only_an_alert_without_a_value_is_one() -> None:
    assert read(b"\x94\x04\x00\x00").router_alert
    assert not read(b"\x94\x04\x00\x01").router_alert


@pytest.mark.parametrize(
    ("raw", "pointer"),
    [
        (b"\x01\x01\x01\x07", 3),
        (b"\x07\x01\x00\x00", 0),
        (b"\x07\x28\x04\x00", 0),
        (b"\x07\x02\x00\x00", 1),
        (record_route(1, pointer=3), 2),
        (record_route(1, pointer=6), 2),
        (record_route(1) + b"\x01" + record_route(1), 8),
        (b"\x44\x03\x05\x00", 1),
        (timestamps(0, 0, pointer=4), 2),
        (timestamps(0, 0, pointer=6), 2),
        (timestamps(1, 0), 2),
        (timestamps(3, ME), 2),
        (timestamps(0, 0, pointer=9, overflow=15), 3),
        (timestamps(0, 0) + timestamps(0, 0), 8),
        (b"\x83\x02\x00\x00", 1),
        (source_route(131, A, pointer=3), 2),
        (source_route(131, A) + b"\x01" + source_route(137, B), 8),
        (b"\x94\x03\x00\x00", 1),
        (b"\x86\x06\x00\x00\x00\x01\x00\x00", 1),
        (b"\x86\x08\x00\x00\x00\x01\x01\x02", 2),
    ],
)
def test_a_fault_is_named_by_its_octet(raw: bytes, pointer: int) -> None:
    fault = ip_options.received(raw, Here())
    assert isinstance(fault, Fault)
    assert fault.pointer == pointer


def test_what_was_read_before_a_fault_is_kept_for_the_complaint() -> None:
    fault = ip_options.received(record_route(1) + b"\x01\x07\x01\x00\x00", Here())
    assert isinstance(fault, Fault)
    assert fault.options.rr == 0
    assert fault.options.get(0, 3) == ME


@given(st.binary(max_size=40))
def test_any_octets_are_read_or_named_as_a_fault(raw: bytes) -> None:
    read = ip_options.received(raw, Here())
    options = read.options if isinstance(read, Fault) else read
    assert len(options.raw) == len(raw)
    assert len(ip_options.forwarded(options, ME)) == len(raw)
    answer = ip_options.echoed(options, A, Here())
    if answer is not None:
        assert len(ip_options.sent(answer, A, ME, Here())) <= len(raw) + 3


# -- what passes through -------------------------------------------------------------------------------------


def test_a_router_is_recorded_by_the_address_it_sends_from() -> None:
    assert ip_options.forwarded(read(record_route(2)), B) == bytes((7, 11, 8)) + words(B, 0)


def test_a_hop_of_a_source_route_is_replaced_by_ours() -> None:
    options = read(source_route(131, B, C))
    options.nexthop = B
    assert ip_options.forwarded(options, ME) == source_route(131, ME, C, pointer=8)


# -- answers -------------------------------------------------------------------------------------------------


def test_an_answer_goes_on_recording() -> None:
    answer = echoed(record_route(3))
    assert ip_options.sent(answer, A, B, Here()) == bytes((7, 15, 12)) + words(ME, B, 0) + b"\x00"


def test_an_answer_has_our_time_too() -> None:
    answer = echoed(timestamps(0, 0, 0))
    assert ip_options.sent(answer, A, B, Here()) == timestamps(0, NOON, NOON, pointer=13)


def test_an_answer_retraces_a_source_route() -> None:
    answer = echoed(source_route(131, A, B, C, pointer=16), sender=0x0A00007F)
    assert answer.first_hop == C
    assert ip_options.sent(answer, 0x0A00007F, ME, Here()) == source_route(131, B, A, 0x0A00007F) + b"\x00"


def test_a_sender_that_lists_itself_is_not_visited_twice() -> None:
    answer = echoed(source_route(137, A, B, C, pointer=16), sender=A)
    assert answer.is_strict
    assert ip_options.sent(answer, A, ME, Here()) == source_route(137, B, A) + b"\x00"
    assert echoed(source_route(137, A, pointer=8), sender=A).srr is None


def test_an_answer_to_no_options_has_none() -> None:
    assert echoed(b"").raw == b""
    assert echoed(b"\x94\x04\x00\x00").raw == b""


# -- what a program asks for ---------------------------------------------------------------------------------


def test_a_source_route_begins_with_its_first_hop() -> None:
    options = ip_options.to_send(source_route(131, A, B), Here())
    assert isinstance(options, IpOptions)
    assert options.first_hop == A
    assert ip_options.sent(options, C, ME, Here()) == source_route(131, B, C) + b"\x00"


def test_a_list_of_routers_begins_with_our_own_address() -> None:
    options = ip_options.to_send(record_route(2), Here())
    assert isinstance(options, IpOptions)
    assert ip_options.sent(options, C, ME, Here()) == bytes((7, 11, 8)) + words(ME, 0) + b"\x00"


@pytest.mark.parametrize(
    "raw", [source_route(131), source_route(131, A, pointer=8), b"\x83\x08\x04" + bytes(5)]
)
def test_a_source_route_that_does_not_begin_here_is_refused(raw: bytes) -> None:
    assert isinstance(ip_options.to_send(raw, Here()), Fault)
