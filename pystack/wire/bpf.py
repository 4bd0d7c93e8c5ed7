"""The classic Berkeley packet filter: a program over a packet's octets. It only jumps forward, so it ends.

Linux: Documentation/networking/filter.rst, net/core/filter.c bpf_check_classic()
"""

from __future__ import annotations

from typing import Final

MOST_INSTRUCTIONS: Final = 4096

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, operand
Program = tuple[Instruction, ...]

_LD, _LDX, _ST, _STX, _ALU, _JMP, _RET, _MISC = range(8)  # classes: the lowest three bits
_X: Final = 0x08  # the operand is register X
_A: Final = 0x10  # of RET: register A
_WIDTHS: Final = {0x00: 4, 0x08: 2, 0x10: 1}
_IMM, _ABS, _IND, _MEM, _LEN, _MSH = (number << 5 for number in range(6))
_ADD, _SUB, _MUL, _DIV, _OR, _AND, _LSH, _RSH, _NEG, _MOD, _XOR = (number << 4 for number in range(11))
_JA, _JEQ, _JGT, _JGE, _JSET = (number << 4 for number in range(5))
_32_BITS: Final = 0xFFFFFFFF
_WORDS: Final = 16  # of scratch memory

_CODES: Final = frozenset(
    [_LD | width | mode for width in _WIDTHS for mode in (_ABS, _IND)]
    + [_LD | _IMM, _LD | _LEN, _LD | _MEM, _LDX | _IMM, _LDX | _LEN, _LDX | _MEM, _LDX | 0x10 | _MSH]
    + [_ST, _STX, _RET, _RET | _A, _MISC, _MISC | 0x80, _JMP | _JA, _ALU | _NEG]
    + [_ALU | op | x for op in range(0, 0xB0, 0x10) if op != _NEG for x in (0, _X)]
    + [_JMP | op | x for op in (_JEQ, _JGT, _JGE, _JSET) for x in (0, _X)]
)


def is_valid(program: Program, most: int = MOST_INSTRUCTIONS) -> bool:
    """Whether the kernel takes it. Linux: net/core/filter.c bpf_check_classic()"""
    if not 0 < len(program) <= most or program[-1][0] & 7 != _RET:
        return False
    for at, (code, true, false, operand) in enumerate(program):
        if code not in _CODES:
            return False
        if code in (_ALU | _DIV, _ALU | _MOD) and not operand:
            return False
        if code in (_ALU | _LSH, _ALU | _RSH) and operand >= 32:
            return False
        if code in (_LD | _MEM, _LDX | _MEM, _ST, _STX) and operand >= _WORDS:
            return False
        if code & 7 == _JMP:
            furthest = operand if code == _JMP | _JA else max(true, false)
            if at + 1 + furthest >= len(program):
                return False
    return True


def run(program: Program, data: bytes) -> int:
    """What a valid program says of a packet: for a filter, how many octets of it are wanted."""
    return _Machine(data).run(program)


class _Machine:
    """Two registers and a scratch memory, over one packet."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.a = self.x = 0
        self.memory = [0] * _WORDS

    def load(self, at: int, width: int) -> int | None:
        """Some octets; None behind the end, where a program ends with 0."""
        found = self.data[at : at + width]
        return int.from_bytes(found, "big") if len(found) == width else None

    def run(self, program: Program) -> int:
        """What it returns."""
        at = 0
        while True:
            code, true, false, k = program[at]
            at += 1
            kind = code & 7
            if kind == _RET:
                return self.a if code & _A else k
            if kind == _JMP:
                at += k if code == _JMP | _JA else true if self._holds(code, k) else false
            elif kind == _ALU:
                value = self._computed(code, self.x if code & _X else k)
                if value is None:
                    return 0
                self.a = value & _32_BITS
            elif not self._move(code, k):
                return 0

    def _holds(self, code: int, k: int) -> bool:
        other, op = self.x if code & _X else k, code & 0xF0
        if op == _JEQ:
            return self.a == other
        if op == _JGT:
            return self.a > other
        return self.a >= other if op == _JGE else bool(self.a & other)

    def _computed(self, code: int, operand: int) -> int | None:
        a, op = self.a, code & 0xF0
        if op in (_DIV, _MOD) and not operand:
            return None
        if op in (_LSH, _RSH):
            operand &= 31
        return {
            _ADD: lambda: a + operand,
            _SUB: lambda: a - operand,
            _MUL: lambda: a * operand,
            _DIV: lambda: a // operand,
            _OR: lambda: a | operand,
            _AND: lambda: a & operand,
            _LSH: lambda: a << operand,
            _RSH: lambda: a >> operand,
            _NEG: lambda: -a,
            _MOD: lambda: a % operand,
            _XOR: lambda: a ^ operand,
        }[op]()

    def _move(self, code: int, k: int) -> bool:
        """Loads and stores; whether what was asked for is there."""
        kind, mode = code & 7, code & 0xE0
        if kind == _ST:
            self.memory[k] = self.a
        elif kind == _STX:
            self.memory[k] = self.x
        elif kind == _MISC and code & 0x80:
            self.a = self.x
        elif kind == _MISC:
            self.x = self.a
        elif kind == _LDX and mode == _MSH:
            octet = self.load(k, 1)
            self.x = (octet or 0) << 2 & 0x3C
            return octet is not None
        else:
            value = self._loaded(code, k)
            if value is None:
                return False
            if kind == _LD:
                self.a = value
            else:
                self.x = value
        return True

    def _loaded(self, code: int, k: int) -> int | None:
        mode = code & 0xE0
        if mode == _IMM:
            return k
        if mode == _LEN:
            return len(self.data)
        if mode == _MEM:
            return self.memory[k]
        return self.load(k + (self.x if mode == _IND else 0), _WIDTHS[code & 0x18])
