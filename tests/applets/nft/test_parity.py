"""Every row of the corpus on both sides: what the real nft refuses, and in which words; what it lists."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pystack.applets import virtual
from pystack.applets.virtual import Outside
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.drivers.named_files import read_file
from pystack.host import Host
from tests.applets.nft.real import answers

CORPUS = Path(__file__).parent / "corpus"
RULES = sorted(path.stem for path in CORPUS.glob("*.rules"))
COMMANDS = sorted(path.stem for path in CORPUS.glob("*.rows"))
TIME_LEFT = re.compile(r'(expires"?:? )[0-9a-z]+')
STYLES = ("", "-a", "-n", "-s", "-y", "-j")

pytestmark = [pytest.mark.root, pytest.mark.xdist_group("nft")]


@dataclass(frozen=True)
class Corpus:
    """Rules of one family, and what has to be there for them."""

    setup: str
    rows: list[str]


def read_rules(name: str) -> Corpus:
    lines = [line for line in (CORPUS / f"{name}.rules").read_text().splitlines() if not line.startswith("#")]
    cut = lines.index("----")
    return Corpus("".join(f"{line}\n" for line in lines[:cut]), lines[cut + 1 :])


class Sides:
    """The real nft in a namespace, and ours on a host."""

    def __init__(self, kernel: KernelNetns) -> None:
        self.kernel = kernel
        self.host = Host(seed=1)

    def ours(self, *words: str, text: str = "") -> str:
        outside = Outside(read_file=read_file, stdin=text.encode())
        done = virtual.run(["nft", *words], self.host, outside=outside)
        return f"{done.out}{done.err}rc {done.rc}"

    def theirs(self, commands: list[str]) -> list[str]:
        """What each prints, and how it ends."""
        return answers(self.kernel, commands)


@pytest.fixture(scope="module")
def kernel() -> Iterator[KernelNetns]:
    with KernelNetns() as lab:
        yield lab


@pytest.fixture(scope="module")
def both(kernel: KernelNetns) -> Sides:
    """For all tests: a namespace goes on counting its tables."""
    return Sides(kernel)


@pytest.fixture
def sides(both: Sides) -> Sides:
    both.kernel.run("nft flush ruleset").check()
    both.ours("flush", "ruleset")
    return both


@pytest.mark.parametrize("name", RULES)
def test_rules_are_refused_and_listed_as_by_the_real_nft(name: str, sides: Sides) -> None:
    corpus = read_rules(name)
    family = corpus.setup.split()[2]
    sides.kernel.run("nft -f -", stdin=corpus.setup).check()
    assert sides.ours("-f", "-", text=corpus.setup) == "rc 0"
    batches = [f"add rule {family} t c {row}" for row in corpus.rows]
    theirs = sides.theirs([f"nft {shlex.quote(batch)} 2>&1" for batch in batches])
    ours = [sides.ours(batch) for batch in batches]
    assert differences(batches, ours, theirs) == []
    for style in STYLES:
        listing = [style, "list", "ruleset"][not style :]
        [real] = sides.theirs([f"nft {' '.join(listing)}"])
        assert sides.ours(*listing).splitlines() == real.splitlines(), style


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_do_and_say_what_those_of_the_real_nft_do(name: str, sides: Sides) -> None:
    rows = [row for row in (CORPUS / f"{name}.rows").read_text().splitlines() if not row.startswith("#")]
    commands = [in_words(row) for row in rows]
    theirs = sides.theirs([f"nft {shlex.join(words)} 2>&1" for words in commands])
    ours = [sides.ours(*words) for words in commands]
    assert differences(rows, ours, theirs) == []


def in_words(row: str) -> list[str]:
    """Options, and all the rest as one."""
    words = row.split()
    options = [word for word in words if word.startswith("-") and len(word) == 2]
    return [*options, row[len(" ".join(options)) :].strip()]


def differences(rows: list[str], ours: list[str], theirs: list[str]) -> list[str]:
    assert len(rows) == len(ours) == len(theirs)
    return [
        f"{row}\n--- pystack\n{our}\n--- nft\n{their}\n"
        for row, our, their in zip(rows, ours, theirs, strict=True)
        if in_lines(our) != in_lines(their)
    ]


def in_lines(text: str) -> list[str]:
    return TIME_LEFT.sub(r"\1T", text).splitlines()
