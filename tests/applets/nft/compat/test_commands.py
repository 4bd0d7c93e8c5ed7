"""Commands of nft, iptables and its kin on the same tables: what each says, and what who monitors hears."""

import re
from pathlib import Path

import pytest

from pystack.applets import virtual
from pystack.applets.nft.monitor import Watched, lines_of
from pystack.applets.nft.printer.page import Page
from pystack.applets.nft.style import Style
from pystack.applets.nft.surroundings import Surroundings
from pystack.applets.virtual import Outside
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.drivers.named_files import read_file
from pystack.events import Event, RulesetChanged
from pystack.host import Host
from tests.applets.nft.real import answers

COMMANDS = [
    line
    for line in (Path(__file__).parent / "commands.sh").read_text().splitlines()
    if not line.startswith("#")
]
DATE = re.compile(r"^(# (Generated|Completed).* on) .*", re.MULTILINE)
PROCESS = re.compile(r"process \d+")
OUR_SHELL = "pystack: -c:1: "  # which says what failed
BEGIN = "cd $(mktemp -d); nft monitor > heard & echo $! > monitor; sleep 0.3"
END = "sleep 0.2; kill $(cat monitor); cat heard; rm heard monitor err; rmdir $PWD"

pytestmark = [pytest.mark.root, pytest.mark.xdist_group("nft")]


def plain(text: str) -> str:
    return PROCESS.sub("process 1", DATE.sub(r"\1 today", text))


class Ours:
    """A host, and what is heard of its tables."""

    def __init__(self) -> None:
        self.host = Host(seed=1)
        self.heard = ""
        self.page = Page(Style(), Surroundings(), "ip")
        self.host.events.subscribe(self.hear)

    def hear(self, event: Event) -> None:
        if isinstance(event, RulesetChanged):
            self.heard += "".join(lines_of(event, Watched(), self.page))

    def answer(self, line: str) -> str:
        done = virtual.run(["sh", "-c", line], self.host, outside=Outside(read_file=read_file))
        said = "".join(f"{line}\n" for line in done.err.splitlines() if not line.startswith(OUR_SHELL))
        return f"{done.out}{said}rc {done.rc}"


@pytest.fixture(scope="module")
def theirs() -> list[str]:
    with KernelNetns() as kernel:
        commands = [f"({line}) 2>err; code=$?; cat err; (exit $code)" for line in COMMANDS]
        return answers(kernel, [BEGIN, *commands, END])[1:]


@pytest.fixture(scope="module")
def ours() -> tuple[list[str], str]:
    side = Ours()
    return [side.answer(line) for line in COMMANDS], side.heard


def test_each_command_says_what_the_real_one_says(theirs: list[str], ours: tuple[list[str], str]) -> None:
    for line, said, expected in zip(COMMANDS, ours[0], theirs, strict=False):
        assert plain(said) == plain(expected), line


def test_who_monitors_hears_the_same_changes(theirs: list[str], ours: tuple[list[str], str]) -> None:
    heard = theirs[-1].rpartition("\nrc ")[0]
    assert plain(ours[1]).splitlines() == plain(heard).splitlines()
