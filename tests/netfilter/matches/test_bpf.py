"""The packet filter's programs: what they may be, and what they answer."""

import random

import pytest

from pystack.netfilter.matches.bpf import MAX_INSTRUCTIONS, Bpf
from pystack.wire.bpf import Instruction, is_valid
from tests.netfilter.rules import view

RET = (6, 0, 0, 1)
NO = (6, 0, 0, 0)
LENGTH = (0x80, 0, 0, 0)  # A = length of the packet

# Takes UDP to port 6: A = protocol; if 17; X = header length; A = half word at X + 2; if 6.
UDP_TO_6 = (
    (0x30, 0, 0, 9),
    (0x15, 0, 4, 17),
    (0xB1, 0, 0, 0),
    (0x48, 0, 0, 2),
    (0x15, 0, 1, 6),
    RET,
    NO,
)


def test_a_program_reads_the_packet_from_the_ip_header_on() -> None:
    assert is_valid(UDP_TO_6)
    assert Bpf(UDP_TO_6)(view())
    assert not Bpf(UDP_TO_6)(view(protocol=6))


def test_reading_behind_the_end_is_a_no() -> None:
    assert not Bpf(((0x20, 0, 0, 5000), RET))(view())


def answer(*program: Instruction) -> bool:
    assert is_valid(program)
    return Bpf(program)(view())


@pytest.mark.parametrize(
    ("code", "operand", "result"),
    [
        (0x04, 5, 37),
        (0x14, 5, 27),
        (0x24, 2, 64),
        (0x34, 4, 8),
        (0x44, 1, 33),
        (0x54, 0x2F, 32),
        (0x64, 1, 64),
    ],
)
def test_numbers_are_computed(code: int, operand: int, result: int) -> None:
    assert answer(LENGTH, (code, 0, 0, operand), (0x15, 0, 1, result), RET, NO)  # the packet has 32 octets


def test_numbers_stay_within_32_bits() -> None:
    assert answer(LENGTH, (0x14, 0, 0, 33), (0x15, 0, 1, 0xFFFFFFFF), RET, NO)


def test_scratch_memory_keeps_a_number() -> None:
    assert answer(LENGTH, (0x02, 0, 0, 3), (0x00, 0, 0, 7), (0x60, 0, 0, 3), (0x15, 0, 1, 32), RET, NO)


def test_dividing_by_a_register_that_is_0_is_a_no() -> None:
    assert not answer((0x01, 0, 0, 0), LENGTH, (0x3C, 0, 0, 0), RET)


@pytest.mark.parametrize(
    "program",
    [
        (),
        (LENGTH,),
        ((0x34, 0, 0, 0), RET),
        ((0x64, 0, 0, 32), RET),
        ((0x02, 0, 0, 16), RET),
        ((0x15, 1, 0, 0), RET),
        ((0x05, 0, 0, 7), RET),
        ((0xFF, 0, 0, 0), RET),
        tuple(RET for _ in range(65)),
    ],
)
def test_what_the_kernel_would_not_run_is_no_program(program: tuple[Instruction, ...]) -> None:
    assert not is_valid(program, MAX_INSTRUCTIONS)


def test_every_valid_program_ends() -> None:
    rng, packet, ran = random.Random(4), view(), 0
    for _ in range(20000):
        drawn = [
            (
                rng.randrange(256),
                rng.randrange(4),
                rng.randrange(4),
                rng.choice((0, 1, 9, rng.getrandbits(32))),
            )
            for _ in range(rng.randrange(6))
        ]
        program = (*drawn, RET)
        if is_valid(program):
            ran += 1
            assert Bpf(program)(packet) in (True, False)
    assert ran > 1000
