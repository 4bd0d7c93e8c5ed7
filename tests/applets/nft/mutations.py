"""Rulesets with slips of the pen in them: words left out, put in, swapped, cut; always the same ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

from pystack.applets.nft.keywords import ALWAYS, SCOPED

CORPUS: Final = Path(__file__).parent / "corpus"
WORDS: Final = (*ALWAYS, *SCOPED)
SIGNS: Final = (
    "\n", ";", "{", "}", "(", ")", '"', "#", "\\", "*", "@", "$", ".", ",", "-", " :", " : ", "!", "=",
    "\\\n", "..", "::", "1:2", "0x1", "08", "5s", "ab:cd:", "é", "\x01",
)  # fmt: skip
_PARTS: Final = re.compile(r'"[^"]*"|[A-Za-z0-9_./\-]+|\s|.')


def rulesets() -> list[str]:
    """Rules of every family, each as a command and in a block of its own, and what they need."""
    texts = []
    for path in sorted(CORPUS.glob("*.rules")):
        lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
        cut = lines.index("----")
        family = lines[0].split()[2]
        texts.append("".join(f"{line}\n" for line in lines[:cut]))
        for rule in lines[cut + 1 :]:
            texts.append(f"add rule {family} t c {rule}\n")
            texts.append(f"table {family} t {{\n\tchain c {{\n\t\t{rule}\n\t}}\n}}\n")
    return texts


def mutated(count: int, seed: int) -> Iterator[str]:
    """Each with one slip or a few."""
    chance = Random(seed)
    texts = rulesets()
    known = [part for text in texts for part in _PARTS.findall(text) if not part.isspace()]
    for _ in range(count):
        parts = _PARTS.findall(chance.choice(texts))
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            if parts:
                _slip(parts, chance, known)
        yield "".join(parts) + "\n"


def _slip(parts: list[str], chance: Random, known: list[str]) -> None:
    at = chance.randrange(len(parts))
    match chance.randrange(8):
        case 0:
            del parts[at]
        case 1:
            parts.insert(at, chance.choice(known) + " ")
        case 2:
            parts[at] = chance.choice(known)
        case 3:
            parts.insert(at, chance.choice(WORDS) + " ")
        case 4:
            parts[at] = chance.choice(WORDS)
        case 5:
            del parts[at:]
        case 6:
            parts.insert(at, chance.choice(SIGNS))
        case _:
            other = chance.randrange(len(parts))
            parts[at], parts[other] = parts[other], parts[at]
