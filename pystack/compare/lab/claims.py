"""docs/claims.md, in English and in Russian: what was claimed, whether it is so, and the lines that show it.

The claims and verdicts are the scenarios' own, the lines come from playing them, order and explanations from
a table: docs/claims.toml.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from pystack.applets.tcpdump.dissect import Dissector
from pystack.applets.tcpdump.names import Names
from pystack.applets.tcpdump.page import Look
from pystack.compare.lab.pages import write_or_check
from pystack.compare.lab.pystack_side import PystackSide
from pystack.compare.lab.scenario_file import read
from pystack.compare.records import Captured, Frame, Log, Output, Record
from pystack.compare.scenario import Scenario
from pystack.wire.ethernet import ETH_P_ARP

TABLE: Final = "docs/claims.toml"
_MOST_LINES: Final = 16
_ONLY_IN_6_1: Final = {
    "dummy",
    "vlan",
    "vrf",
    "ebtables-broute",
    "ebtables-legacy",
}  # not in the 6.18 at hand
_DRAWN: Final = re.compile(r"(?<=echo re)(quest|ply), id \d+")  # by lot, where nobody says which
_TIME: Final = re.compile(r",? time[= ]\d+(?:\.\d+)? ?ms$")  # which passes in no time here
_CHATTER: Final = ("tcpdump: verbose", "listening on", "--- ", "rtt ")
_CHATTER_ENDS: Final = ("captured", "received by filter", "dropped by kernel")


@dataclass(frozen=True, slots=True)
class Language:
    """The words that every page needs."""

    file: str
    title: str
    preface: str
    true: str
    false: str
    kernels: str
    every_kernel: str
    some_kernels: str
    and_word: str


ENGLISH: Final = Language(
    file="docs/claims.md",
    title="What was claimed, and what is so",
    preface=(
        "Made by `scripts/claims` from the scenarios: pystack plays each of them here, and "
        "`pystack compare lab FILE` holds it against the kernel.\nThe lines are what passed at the ports "
        "(`in`, `out`), what a capture on lo saw, what LOG rules wrote, and what commands printed. "
        "[По-русски](claims.ru.md)"
    ),
    true="true",
    false="false",
    kernels="Kernels",
    every_kernel="all (held against 6.1 and 6.18)",
    and_word="and",
    some_kernels="those with {} (held against {})",
)
RUSSIAN: Final = Language(
    file="docs/claims.ru.md",
    title="Что утверждалось и как на самом деле",
    preface=(
        "Сделано программой `scripts/claims` из сценариев: каждый здесь сыгран в pystack, а "
        "`pystack compare lab FILE` сверяет его с ядром.\nСтроки показывают, что прошло через порты "
        "(`in`, `out`), что увидел захват на lo, что записали правила LOG и что напечатали команды. "
        "[In English](claims.md)"
    ),
    true="верно",
    false="неверно",
    kernels="Ядра",
    every_kernel="все (сверено с 6.1 и 6.18)",
    and_word="и",
    some_kernels="те, где есть {} (сверено с {})",
)


@dataclass(frozen=True, slots=True)
class Claim:
    """One scenario's, with what the table adds."""

    scenario: Scenario
    texts: dict[str, str]
    lines: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.scenario.verdict.startswith("true, but ") and "verdict_ru" not in self.texts:
            raise ValueError(f"{self.texts['scenario']}: needs verdict_ru in {TABLE}")


def pages(root: Path) -> dict[Path, str]:
    """Each page's path and text."""
    table = tomllib.loads((root / TABLE).read_text(encoding="utf-8"))
    sections = [
        (section, [_claim(root, texts) for texts in section["claim"]]) for section in table["section"]
    ]
    return {
        root / language.file: "".join(f"{line}\n" for line in _page(language, sections))
        for language in (ENGLISH, RUSSIAN)
    }


def _claim(root: Path, texts: dict[str, str]) -> Claim:
    scenario = read(str(root / "scenarios" / texts["scenario"]))
    records = PystackSide().play(scenario, hops=False)
    lines = tuple(evidence(records, scenario.topology.ports))
    return Claim(scenario, texts, lines)


# --- one page ---------------------------------------------------------------------------------------------


def _page(language: Language, sections: Iterable[tuple[dict[str, str], list[Claim]]]) -> Iterator[str]:
    yield f"# {language.title}"
    yield ""
    yield language.preface
    is_russian = language is RUSSIAN
    number = 0
    for section, claims in sections:
        yield ""
        yield f"## {section['ru' if is_russian else 'en']}"
        for claim in claims:
            number += 1
            yield from _entry(language, number, claim)


def _entry(language: Language, number: int, claim: Claim) -> Iterator[str]:
    suffix = "_ru" if language is RUSSIAN else ""
    said = claim.texts["claim_ru"] if suffix else claim.scenario.claim
    yield ""
    given = claim.texts.get(f"given{suffix}")  # what tells it from the same claim elsewhere
    yield f"### {number}. {said}" + (f" ({given})" if given else "")
    yield ""
    verdict = _verdict(language, claim)
    yield f"**{verdict[0].upper()}{verdict[1:]}.** {claim.texts[f'so{suffix}']}"
    yield ""
    yield "```"
    yield from claim.lines
    yield "```"
    yield ""
    file = claim.texts["scenario"]
    yield f"{language.kernels}: {_kernels(language, claim.scenario)}. [{file}](../scenarios/{file})"


def _kernels(language: Language, scenario: Scenario) -> str:
    if scenario.needs:
        kernels = "6.1" if _ONLY_IN_6_1 & set(scenario.needs) else f"6.1 {language.and_word} 6.18"
        return language.some_kernels.format(", ".join(scenario.needs), kernels)
    return scenario.kernel or language.every_kernel


def _verdict(language: Language, claim: Claim) -> str:
    verdict = claim.scenario.verdict
    if verdict in ("true", "false"):
        return language.true if verdict == "true" else language.false
    return claim.texts["verdict_ru"] if language is RUSSIAN else verdict


# --- the lines that show it -------------------------------------------------------------------------------


def evidence(records: Sequence[Record], ports: Sequence[str]) -> list[str]:
    """What was to be seen, what repeats itself told once."""
    shows_ip = any(isinstance(record, Frame) and not _is_arp(record.data) for record in records)
    lines: list[str] = []
    for _, of_step in groupby((record for record in records if record.step), lambda record: record.step):
        step = [record for record in of_step if not (isinstance(record, Captured) and record.device in ports)]
        outputs = [record for record in step if isinstance(record, Output)]
        seen = [record for record in step if isinstance(record, Frame | Captured | Log)]
        passed = [_passed(record) for record in seen if not (shows_ip and _is_arp_frame(record))]
        if len(outputs) == 1:  # what it printed comes behind what it did
            lines += [f"$ {outputs[0].command}", *passed, *_printed(outputs[0])]
        else:
            lines += passed
            for output in outputs:
                lines += [f"$ {output.command}", *_printed(output)]
    told = list(_told_once(lines))
    return told if len(told) <= _MOST_LINES else [*told[: _MOST_LINES - 1], "…"]


def _told_once(lines: list[str]) -> Iterator[str]:
    """Lines, and pairs of lines, that follow themselves become one with a number."""
    at = 0
    while at < len(lines):
        for period in (1, 2):
            pattern, times = lines[at : at + period], 1
            while lines[at + times * period : at + (times + 1) * period] == pattern:
                times += 1
            if times > 1 or period == 2:
                break
        shown = pattern if times > 1 else pattern[:1]
        yield from (f"{line}   ({times}x)" if times > 1 else line for line in shown)
        at += times * len(pattern) if times > 1 else 1


def _is_arp_frame(record: Record) -> bool:
    return isinstance(record, Frame | Captured) and _is_arp(record.data)


def _is_arp(frame: bytes) -> bool:
    return frame[12:14] == ETH_P_ARP.to_bytes(2, "big")


def _passed(record: Frame | Captured | Log) -> str:
    if isinstance(record, Log):
        return f"{'log':8}      {record.text.rstrip()}"
    place = record.port if isinstance(record, Frame) else record.device
    packet = Dissector(Look(n=2, t=1), Names()).text(0, record.data, len(record.data))
    line = _DRAWN.sub(r"\1", packet.strip().splitlines()[0])
    return f"{place:8} {record.dir:3}  {line}"


def _printed(record: Output) -> Iterator[str]:
    for line in record.text.splitlines():
        text = _TIME.sub("", line.rstrip())
        is_greeting = text.startswith("PING ") and " from " not in text
        if text and not is_greeting and not text.startswith(_CHATTER) and not text.endswith(_CHATTER_ENDS):
            yield text


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or check them."""
    return write_or_check(pages(Path()), "scripts/claims", arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
