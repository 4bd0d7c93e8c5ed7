"""`-m bpf`: a program for the classic Berkeley packet filter decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pystack.netfilter.rule import Match
from pystack.netfilter.view import View
from pystack.wire.bpf import Program, run

MAX_INSTRUCTIONS: Final = 64


@dataclass(frozen=True, slots=True)
class Bpf(Match):
    """Any answer but 0 is a yes; offsets count from the IP header."""

    program: Program
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_bpf.c bpf_mt()"""
        return run(self.program, bytes(view.pkt.payload())) != 0
