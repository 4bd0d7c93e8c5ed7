"""docs/paths.md, in English and in Russian: every kind of path with its picture, its hooks and its log lines.

Setup, packets and words stand in a table, docs/paths.toml; the pictures and the lines are the program's own,
those of `explain --path`, and the order of the functions at each hook is that of `pystack hooks`.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pystack.applets.virtual import run
from pystack.compare.lab.pages import write_or_check
from pystack.compare.lab.virtual_lab import VirtualLab
from pystack.compare.scenario import Topology
from pystack.explain.journey import Explanation, Journey
from pystack.explain.stage import Traveller
from pystack.explain.text import pictures
from pystack.explain.words import packet_of

TABLE: Final = "docs/paths.toml"
FILES: Final = {"en": "docs/paths.md", "ru": "docs/paths.ru.md"}
_TRY: Final = {"en": "Packet", "ru": "Пакет"}
_HELD: Final = {"en": "Held against the kernel by", "ru": "С ядром сверяет"}
_ENTERS: Final = {"en": "enters by {}", "ru": "входит через {}"}
_LEAVES: Final = {"en": "sent by a local process", "ru": "шлёт локальный процесс"}
_ON_TOP: Final = {"en": "With these commands on top:", "ru": "Поверх ещё эти команды:"}
_GLANCE: Final = {"en": "At a glance", "ru": "Одним взглядом"}


@dataclass(frozen=True, slots=True)
class Way:
    """One packet of the table, and what came of it."""

    texts: Mapping[str, str]
    explanation: Explanation
    shown: tuple[Traveller, ...]

    @property
    def first(self) -> Traveller:
        """The packet itself."""
        return self.explanation.travellers[0]


def pages(root: Path) -> dict[Path, str]:
    """Each page's path and text."""
    table = tomllib.loads((root / TABLE).read_text(encoding="utf-8"))
    topology = Topology(tuple(table["ports"]), table["setup"])
    sections = [
        (section, [_way(topology, texts) for texts in section["path"]]) for section in table["section"]
    ]
    hooks = run(["hooks"], _lab(topology).host).out
    return {
        root / file: "".join(f"{line}\n" for line in _page(language, table, sections, hooks))
        for language, file in FILES.items()
    }


def _lab(topology: Topology) -> VirtualLab:
    return VirtualLab(topology, {}, TABLE, 1)


def _way(topology: Topology, texts: Mapping[str, str]) -> Way:
    """Follow the packet. Raises ValueError if it takes another path than the table says."""
    more = texts.get("more", "")
    lab = _lab(Topology(topology.ports, topology.setup + more))
    journey = Journey(lab.host, lab.host.init)
    made = packet_of(texts["packet"])
    if "in" in texts:
        journey.enter(lab.host.init.devices[texts["in"]], made)
    else:
        journey.leave(made)
    explanation = journey.close()
    kind = explanation.travellers[0].path
    if kind != texts["kind"]:
        raise ValueError(f"{TABLE}: {texts['en']}: took path {kind}, not {texts['kind']}")
    wanted = texts.get("show", "1").split()
    shown = tuple(one for one in explanation.travellers if str(one.number) in wanted or wanted == ["all"])
    return Way(texts, explanation, shown)


# --- one page -------------------------------------------------------------------------------------------


def _page(
    language: str,
    table: Mapping[str, str],
    sections: Sequence[tuple[Mapping[str, str], Sequence[Way]]],
    hooks: str,
) -> Iterator[str]:
    yield f"# {table[f'title_{language}']}"
    yield ""
    yield table[f"preface_{language}"].strip()
    yield ""
    yield from _block(table["picture"].strip("\n").split("\n"))
    yield ""
    yield table[f"numbers_{language}"].strip()
    yield ""
    yield table[f"setup_{language}"].strip()
    yield ""
    yield from _block(table["setup"].strip().split("\n"), "sh")
    yield ""
    yield table[f"hooks_{language}"].strip()
    yield ""
    yield from _block(hooks.rstrip().split("\n"))
    yield ""
    yield f"## {_GLANCE[language]}"
    yield ""
    yield table[f"glance_{language}"]
    yield ""
    yield from _glance([way for _, ways in sections for way in ways])
    for section, ways in sections:
        yield ""
        yield f"## {section[language]}"
        if text := section.get(f"text_{language}", ""):
            yield ""
            yield text.strip()
        for way in ways:
            yield from _entry(language, way)


def _glance(ways: Sequence[Way]) -> Iterator[str]:
    """The hooks of each path on one line, those of the bridge in brackets."""
    kinds = {way.first.path: way for way in reversed(ways) if not way.texts.get("more")}
    width = max(map(len, kinds))
    yield from _block(f"{kind:{width}}  {' > '.join(_hooks(kinds[kind].first))}" for kind in sorted(kinds))


def _hooks(traveller: Traveller) -> Iterator[str]:
    names = []
    for passing in traveller.passed:
        family, hook = passing.crossed.family, passing.crossed.hook
        if family != "netdev":
            names.append(f"[{hook}]" if family == "bridge" else hook)
        elif passing.crossed.outdev == "lo":
            names.append("lo")
    yield from names


def _entry(language: str, way: Way) -> Iterator[str]:
    texts = way.texts
    yield ""
    yield f"### {texts['kind']}: {texts[language]}"
    yield ""
    yield texts[f"text_{language}"].strip()
    if more := texts.get("more", ""):
        yield ""
        yield _ON_TOP[language]
        yield ""
        yield from _block(more.strip().split("\n"), "sh")
    yield ""
    way_in = _ENTERS[language].format(texts["in"]) if "in" in texts else _LEAVES[language]
    yield f"{_TRY[language]}: `{texts['packet']}`, {way_in}."
    yield ""
    shown = Explanation(list(way.shown), way.explanation.stages, way.explanation.wiring)
    yield from _block(pictures(shown))
    scenario = texts.get("scenario")
    if scenario:
        yield ""
        yield f"{_HELD[language]} [{scenario}](../scenarios/{scenario})."


def _block(lines: Iterator[str] | Sequence[str], language: str = "") -> Iterator[str]:
    yield f"```{language}"
    yield from lines
    yield "```"


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or check them."""
    return write_or_check(pages(Path()), "scripts/paths", arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
