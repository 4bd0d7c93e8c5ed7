"""JSON with slips in it is refused in the words of the real nft."""

from __future__ import annotations

import copy
import json
import shlex
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from pystack.applets.nft.json_in.commands import read_json
from pystack.applets.nft.place import COMMAND_LINE
from pystack.applets.nft.source import source_of
from pystack.compare.lab.kernel_netns import KernelNetns
from tests.applets.nft.mutations import CORPUS
from tests.applets.nft.real import answers
from tests.conftest import FULL

pytestmark = [pytest.mark.root, pytest.mark.xdist_group("nft")]

AT_ONCE = 100
OF_THE_READER = "Error: Parsing command array"
# Of a bad flag nft speaks, and goes on as if it were not there; we refuse it.
FORGIVEN = (" flag type ", "nat flag '", "log flag '", "type flag '")
WORDS = (
    "add",
    "table",
    "rule",
    "ip",
    "saddr",
    "*",
    "@x",
    "tcp",
    "redirect",
    "set",
    "map",
    "range",
    "elem",
    "in",
)
VALUES: tuple[Any, ...] = (
    *(
        5,
        -1,
        None,
        True,
        False,
        1.5,
        "x",
        "@s",
        "*",
        "tcp",
        [],
        {},
        [1, 2],
        [1, 2, 3],
        {"a": 1},
        {"set": [1]},
    ),
    *({"range": [1, 2]}, {"prefix": {"addr": "10.0.0.0", "len": 8}}, {"accept": None}, {"concat": [1, 2]}),
    *({"payload": {"protocol": "ip", "field": "saddr"}}, {"meta": {"key": "mark"}}, {"elem": {"val": 1}}),
)
OPERATIONS = ("add", "create", "insert", "replace", "delete", "list", "flush", "reset", "rename")


@pytest.fixture(scope="module")
def kernel() -> Iterator[KernelNetns]:
    with KernelNetns() as lab:
        yield lab


def listings(kernel: KernelNetns, name: str) -> list[Any]:
    """A corpus as the real nft lists it: a text for each thing."""
    lines = [line for line in (CORPUS / f"{name}.rules").read_text().splitlines() if not line.startswith("#")]
    cut = lines.index("----")
    family = lines[0].split()[2]
    setup = "".join(f"{line}\n" for line in lines[:cut])
    kernel.run("nft -f -", stdin=f"flush ruleset\n{setup}").check()
    answers(kernel, [f"nft {shlex.quote(f'add rule {family} t c {rule}')}" for rule in lines[cut + 1 :]])
    [listed] = answers(kernel, ["nft -j list ruleset"])
    kernel.run("nft flush ruleset").check()
    head, *things = json.loads(listed.rpartition("\nrc ")[0])["nftables"]
    return [{"nftables": [head, thing]} for thing in things]


def test_slips_are_named_as_the_real_nft_names_them(kernel: KernelNetns) -> None:
    chance = Random(1)
    known = [text for name in ("inet", "nat") for text in listings(kernel, name)]
    texts = [json.dumps(mutated(chance.choice(known), chance)) for _ in range(20_000 if FULL else 300)]
    differences = []
    for start in range(0, len(texts), AT_ONCE):
        some = texts[start : start + AT_ONCE]
        theirs = answers(kernel, [f"nft -j -c -- {shlex.quote(text)} 2>&1" for text in some])
        differences += [
            f"{text}\n--- pystack\n{ours}\n--- nft\n{real}"
            for text, real in zip(some, theirs, strict=True)
            if not agree(ours := said(text), real)
        ]
    assert differences == []


def said(text: str) -> str:
    found = read_json(source_of(COMMAND_LINE, f"{text}\n".encode()))
    assert found is not None
    return "".join(error.octets().decode() for error in found.errors)


def agree(ours: str, real: str) -> bool:
    """What is read comes first; what follows is for others to hold against each other."""
    if "not modelled" in ours or any(words in real for words in FORGIVEN):
        return True
    return real.startswith(ours) and (bool(ours) or OF_THE_READER not in real)


def mutated(text: Any, chance: Random) -> Any:
    text = copy.deepcopy(text)
    for _ in range(chance.choice((1, 1, 2))):
        inside = [path for path in paths(text) if len(path) > 2]
        if inside:
            slip(text, chance.choice(inside), chance)
    if chance.random() < 0.3:
        operation = chance.choice(OPERATIONS)
        text["nftables"] = [one if "metainfo" in one else {operation: one} for one in text["nftables"]]
    return text


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The ways to all values inside."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inside in items:
        yield from paths(inside, (*path, key))


def slip(text: Any, path: tuple[Any, ...], chance: Random) -> None:
    *way, key = path
    for step in way:
        text = text[step]
    kind = chance.randrange(4)
    if kind == 0:
        del text[key]
    elif kind == 1 and isinstance(text, dict):
        text[chance.choice(WORDS)] = text.pop(key)
    elif kind == 2 and isinstance(text, dict):
        text[chance.choice(WORDS)] = copy.deepcopy(chance.choice(VALUES))
    else:
        text[key] = copy.deepcopy(chance.choice(VALUES))
