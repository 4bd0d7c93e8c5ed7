"""Attributes of netlink messages, whole and damaged."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from pystack.compare.lab.rtnetlink import attributes


def test_attributes_are_cut_at_their_padded_length() -> None:
    run = struct.pack("=HH3sx", 7, 3, b"lo\0") + struct.pack("=HHI", 8, 4, 1500)
    assert attributes(run) == {3: b"lo\0", 4: struct.pack("=I", 1500)}


def test_the_nested_flag_is_not_part_of_the_type() -> None:
    assert attributes(struct.pack("=HHI", 8, 0x8000 | 18, 1)) == {18: struct.pack("=I", 1)}


@given(st.binary(max_size=64))
def test_damaged_attributes_end_the_cutting_and_raise_nothing(data: bytes) -> None:
    assert all(len(value) <= len(data) for value in attributes(data).values())
