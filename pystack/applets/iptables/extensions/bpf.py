"""`-m bpf`"""

from __future__ import annotations

import re
from typing import Final

from pystack.applets.iptables.extension import MatchExtension, Site
from pystack.applets.iptables.option import U8, U16, U32, Option, Values, Where
from pystack.applets.iptables.refused import Refused
from pystack.applets.tcpdump.names import Names
from pystack.errors import EINVAL
from pystack.netfilter.matches.bpf import MAX_INSTRUCTIONS, Bpf
from pystack.netfilter.rule import Match
from pystack.wire.bpf import Instruction, Program, is_valid

_LENGTH: Final = re.compile(r"\s*([-+]?\d+),")
_INSTRUCTION: Final = re.compile(r"\s*([-+]?\d+)\s*([-+]?\d+)\s*([-+]?\d+)\s*([-+]?\d+)")


def _bytecode(text: str, where: Where) -> Program:
    """`LENGTH,CODE JT JF K,…` Linux: libxt_bpf.c bpf_parse_string()"""
    head = _LENGTH.match(text)
    if head is None:
        raise Refused("bpf: error parsing program length")
    length = int(head[1]) & U16
    if not length:
        raise Refused("bpf: illegal zero length program")
    if length > MAX_INSTRUCTIONS:
        raise Refused("bpf: number of instructions exceeds maximum")
    found: list[Instruction] = []
    for line in text.rstrip(",").split(",")[1:]:
        if len(found) >= length:
            raise Refused("bpf: real program length exceeds the encoded length parameter")
        numbers = _INSTRUCTION.match(line)
        if numbers is None:
            raise Refused(f"bpf: error at instr {len(found)}")
        code, true, false, k = map(int, numbers.groups())
        found.append((code & U16, true & U8, false & U8, k & U32))
    if len(found) != length:
        raise Refused("bpf: parsed program length is less than the encoded length parameter")
    return tuple(found)


def _lines(program: Program) -> str:
    return ",".join(" ".join(map(str, instruction)) for instruction in program)


def _show(program: Program) -> str:
    return f'"{len(program)},{_lines(program)}"'


class BpfExtension(MatchExtension):
    """Linux: libxt_bpf.c"""

    name = "bpf"
    gap = ""
    options = (Option("bytecode", _bytecode, _show),)

    def check(self, values: Values) -> None:
        """A program is needed; one that is pinned in a file system is not modelled, there is none."""
        if not values:
            raise Refused("bpf: one of --bytecode or --pinned is required")

    def kernel_error(self, values: Values, site: Site) -> int:
        """Programs that the kernel would not run are refused."""
        return 0 if is_valid(values["bytecode"].value, MAX_INSTRUCTIONS) else EINVAL

    def listing(self, values: Values, names: Names | None) -> str:
        """`match bpf 6 0 0 1`, and the octet 0 that the tool prints behind it."""
        return f"match bpf {_lines(values['bytecode'].value)}\0"

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test."""
        return (Bpf(values["bytecode"].value),)


EXTENSIONS: Final = (BpfExtension(),)
