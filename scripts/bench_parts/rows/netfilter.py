"""Many rules, and sets of many elements."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from scripts.bench_parts import netfilter_rows, set_rows
from scripts.bench_parts.bench import Asked, Bench, Question
from scripts.bench_parts.results import PYSTACK, Bar, Reading

NETFILTER_HOW: Final = "CPU time in this process"
PAST_RULES_HOW: Final = (
    "CPU time in this process, from the frame of one port to that of another, by routes; rules of FORWARD "
    "that ask for addresses, ports and devices"
)


def intervals(
    measure: Callable[[int], Reading], yardstick: Callable[[int], Reading] | None = None
) -> Callable[[Bench], list[Asked]]:
    """Something that is done with a set of 100,000 intervals."""

    def ask(bench: Bench) -> list[Asked]:
        count = bench.settings.frames * set_rows.A_FRAME
        own = Asked(PYSTACK, partial(measure, count))
        return [own] if yardstick is None else [own, Asked(set_rows.DICT_PROBE, partial(yardstick, count))]

    return ask


def rules(measure: Callable[[int], Reading]) -> Callable[[Bench], list[Asked]]:
    """Something that is done with a rule for every four frames of other rows."""
    return lambda bench: [Asked(PYSTACK, lambda: measure(bench.settings.frames // 4))]


def past_rules(
    measure: Callable[[int, int | None], Reading], count: int, other: str, fewer: int | None
) -> Callable[[Bench], list[Asked]]:
    """Frames past many rules, beside frames past fewer of them."""
    return lambda bench: [
        Asked(PYSTACK, lambda: measure(bench.settings.frames, count)),
        Asked(other, lambda: measure(bench.settings.frames, fewer)),
    ]


def empty_hook(bench: Bench) -> list[Asked]:
    """A hook where nothing is registered, beside a call."""
    calls = bench.settings.frames * 10
    return [
        Asked(PYSTACK, lambda: netfilter_rows.empty_hook(calls)),
        Asked(netfilter_rows.EMPTY_CALL, lambda: netfilter_rows.empty_call(calls)),
    ]


ROWS: Final = (
    Question(
        "netfilter-load",
        "5,000 rules by `iptables-restore`",
        "s",
        NETFILTER_HOW,
        rules(netfilter_rows.load),
        bars=(Bar(2.0, at_least=False),),
        needs_root=False,
    ),
    Question(
        "netfilter-save",
        "5,000 rules by `iptables-save`",
        "s",
        NETFILTER_HOW,
        rules(netfilter_rows.save),
        bars=(Bar(1.0, at_least=False),),
        needs_root=False,
    ),
    Question(
        "netfilter-few",
        "frames past 20 rules",
        "kpps",
        PAST_RULES_HOW,
        past_rules(netfilter_rows.a_second, 20, netfilter_rows.NO_RULES, None),
        more_is_better=True,
        bars=(Bar(60.0),),
        needs_root=False,
    ),
    Question(
        "netfilter-many",
        "frames past 5,000 rules",
        "us a frame",
        PAST_RULES_HOW,
        past_rules(netfilter_rows.per_packet, 5_000, netfilter_rows.FEW_RULES, 50),
        bars=(Bar(5.0, at_least=False, against=netfilter_rows.FEW_RULES),),
        needs_root=False,
    ),
    Question(
        "netfilter-empty",
        "past a hook where nothing is registered",
        "ns",
        NETFILTER_HOW,
        empty_hook,
        bars=(Bar(3.0, at_least=False, against=netfilter_rows.EMPTY_CALL),),
        needs_root=False,
    ),
    Question(
        "nft-set-load",
        "100,000 intervals by `nft -f`",
        "s",
        NETFILTER_HOW,
        intervals(set_rows.load),
        bars=(Bar(3.0, at_least=False),),
        needs_root=False,
    ),
    Question(
        "nft-set-lookup",
        "an address among 100,000 intervals",
        "us a look-up",
        NETFILTER_HOW,
        intervals(set_rows.look_up, set_rows.dict_probe),
        bars=(Bar(3.0, at_least=False),),
        needs_root=False,
    ),
)
