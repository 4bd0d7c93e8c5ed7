"""An expected connection in one line, as `conntrack -L expect` and /proc/net/nf_conntrack_expect have it.

Linux: libnetfilter_conntrack src/expect/snprintf_default.c, net/netfilter/nf_conntrack_expect.c
"""

from __future__ import annotations

from typing import Final

from pystack.applets.conntrack.text import address_text, kernel_address_text, tuple_words
from pystack.netfilter.conntrack.context import TrackContext
from pystack.netfilter.conntrack.expectation import INACTIVE, PERMANENT, USERSPACE, Expectation
from pystack.netfilter.conntrack.helper import helper_name
from pystack.netfilter.conntrack.info import ORIGINAL
from pystack.netfilter.conntrack.tuples import all_ones

_FLAGS: Final = {PERMANENT: "PERMANENT", INACTIVE: "INACTIVE", USERSPACE: "USERSPACE"}
_WHOLE_PORT: Final = 0xFFFF


def expect_line(expected: Expectation, context: TrackContext) -> str:
    """What `conntrack -L expect` prints, without the newline."""
    flow = expected.tuple
    words = [str(_seconds(expected, context)), f"proto={flow.protocol}", *tuple_words(flow)]
    masks = (address_text(flow.family, mask) for mask in (expected.address_mask, all_ones(flow.family)))
    words += [f"mask-{end}={mask}" for end, mask in zip(("src", "dst"), masks, strict=True)]
    words += [f"sport={expected.port_mask}", f"dport={_WHOLE_PORT}"]
    source, destination, *rest = tuple_words(expected.master.tuple(ORIGINAL))
    words += [f"master-{source}", f"master-{destination}", *rest]
    flags = _flag_names(expected)
    words += [",".join(flags)] if flags else []
    return " ".join([*words, "class=0", f"helper={helper_name(expected.master)}"])


def expectations_text(context: TrackContext) -> str:
    """/proc/net/nf_conntrack_expect. Linux: exp_seq_show()"""
    return "".join(f"{_proc_line(expected, context)}\n" for expected in context.expectations)


def _proc_line(expected: Expectation, context: TrackContext) -> str:
    flow, flags = expected.tuple, _flag_names(expected)
    words = [f"{_seconds(expected, context)} l3proto = {flow.family} proto={flow.protocol}"]
    words += tuple_words(flow, kernel_address_text)
    words += [",".join(flags)] if flags else []
    return " ".join([*words, helper_name(expected.master)])


def _seconds(expected: Expectation, context: TrackContext) -> int:
    return context.expectations.left(expected) // context.clock.hz


def _flag_names(expected: Expectation) -> list[str]:
    return [name for bit, name in _FLAGS.items() if expected.flags & bit]
