"""Rules in pairs with what nft makes of them: ours must be the same, and the real one's still that."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from pystack.applets.nft.errors import NftError
from tests.applets.nft.evaluate.book import Book

HERE: Final = Path(__file__).parent
NAMESPACE: Final = "nft-evaluate"
VERSION: Final = "v1.0.6"


class Accepted(NamedTuple):
    family: str
    rule: str
    listed: str

    def text(self) -> str:
        return _table(self.family, self.rule)


class Refused(NamedTuple):
    family: str
    rule: str
    marks: str
    message: str

    def text(self) -> str:
        return _table(self.family, self.rule)


def _table(family: str, rule: str) -> str:
    """On lines of its own, as its places are counted."""
    base = "type filter hook ingress device lo priority 0; policy accept" if family == "netdev" else ""
    return f"table {family} t {{\nchain foo {{ }}\nchain c {{ {base}\n{rule}\n}}\n}}\n"


def _lines(name: str) -> list[str]:
    return [line for line in (HERE / name).read_text().splitlines() if not line.startswith("#")]


def _accepted() -> Iterator[Accepted]:
    lines = _lines("accepted.txt")
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if not line.startswith(" "):
            family, _, rule = line.partition(" ")
            yield Accepted(family, rule, below.strip() if below.startswith(" ") else rule)


def _refused() -> Iterator[Refused]:
    lines = _lines("refused.txt")
    for line, marks, message in zip(lines[::3], lines[1::3], lines[2::3], strict=True):
        family, _, rule = line.partition(" ")
        yield Refused(family, rule, marks[len(family) + 1 :], message.strip())


ACCEPTED: Final = tuple(_accepted())
REFUSED: Final = tuple(_refused())


def _rule_listed(text: str) -> str:
    """The only rule of a listing."""
    lines = [line for line in text.splitlines() if line.startswith("\t\t") and "\ttype filter" not in line]
    return "\n".join(line[2:] for line in lines)


def _said(text: str) -> tuple[str, str]:
    """The marks and the words of an error."""
    lines = text.splitlines()
    return lines[2], lines[0].partition("Error: ")[2]


@pytest.mark.parametrize("row", ACCEPTED, ids=lambda row: f"{row.family} {row.rule}")
def test_a_rule_is_listed_as_nft_lists_it(row: Accepted) -> None:
    book = Book()
    book.run(row.text())
    assert _rule_listed(book.text()) == row.listed


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: f"{row.family} {row.rule}")
def test_a_rule_is_refused_in_the_words_of_nft(row: Refused) -> None:
    with pytest.raises(NftError) as refused:
        Book().run(row.text())
    assert _said(refused.value.complaints[0].text()) == (row.marks, row.message)


@pytest.fixture(scope="module")
def namespace() -> Iterator[str]:
    if shutil.which("nft") is None or VERSION not in _run("nft", "--version").stdout:
        pytest.skip(f"the rows were measured with nft {VERSION}, which is not here")
    subprocess.run(["ip", "netns", "add", NAMESPACE], check=True)
    yield NAMESPACE
    subprocess.run(["ip", "netns", "del", NAMESPACE], check=True)


def _run(*command: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False)


def _nft(namespace: str, *words: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return _run("ip", "netns", "exec", namespace, "nft", *words, text=text)


@pytest.mark.root
def test_the_real_nft_lists_the_same(namespace: str) -> None:
    for row in ACCEPTED:
        assert not _nft(namespace, "-f", "-", text=f"flush ruleset\n{row.text()}").stderr
        assert _rule_listed(_nft(namespace, "list", "ruleset").stdout) == row.listed


@pytest.mark.root
def test_the_real_nft_refuses_the_same(namespace: str) -> None:
    for row in REFUSED:
        assert _said(_nft(namespace, "-c", "-f", "-", text=row.text()).stderr) == (row.marks, row.message)
