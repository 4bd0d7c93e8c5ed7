"""What the README shows of a test box is what its commands print on one."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from tests.compare.lab.patience import wait_until
from tests.compare.live.box import SETUP

pytestmark = [pytest.mark.root, pytest.mark.slow]

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = README.partition("## On a test box, in ten minutes\n")[2].split("```\n")[1]
PROMPT, COMMENT, MEANWHILE = "# ", re.compile(r"\s+# (?P<text>.*)"), "meanwhile: "
ELLIPSIS = "…"


class Shown(NamedTuple):
    """A command, what is typed elsewhere once it has begun, and what stands below."""

    command: str
    meanwhile: str
    lines: list[str]

    @property
    def typed(self) -> str:
        """For sh."""
        if not self.meanwhile:
            return self.command
        begun = "until grep -q begun said; do sleep 0.05; done"
        return f"{self.command} 2>said & {begun}; {{ {self.meanwhile}; }} >elsewhere; wait $!"

    @property
    def pattern(self) -> str:
        """Of all that it prints."""
        return "".join(map(_pattern, self.lines))


def _pattern(line: str) -> str:
    if line == ELLIPSIS:
        return r"(.*\n)*"
    return ".*".join(map(re.escape, line.split(ELLIPSIS))) + r"\n"


def shown() -> Iterator[Shown]:
    for text in BLOCK.removeprefix(PROMPT).split(f"\n{PROMPT}"):
        command, *lines = text.splitlines()
        comment = COMMENT.search(command)
        said = comment["text"] if comment else ""
        meanwhile = said.removeprefix(MEANWHILE) if said.startswith(MEANWHILE) else ""
        yield Shown(COMMENT.sub("", command), meanwhile, lines)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[KernelNetns]:
    with KernelNetns() as lab:
        lab.sh(SETUP).check()
        wait_until(lambda: lab.run("ip -br link").out.count(" UP ") == 4)
        lab.start(["nc", "-lk", "22"])
        wait_until(lambda: ":22 " in lab.run("ss -Htln").out)
        yield lab


def test_every_command_prints_what_stands_there(box: KernelNetns, tmp_path: Path) -> None:
    commands = Path(sys.executable).parent
    for one in shown():
        ready = f"cd {tmp_path}; export PYTHONPATH={ROOT} PATH={commands}:$PATH; rm -f said"
        out = box.run(f"{ready}; {one.typed}").out
        assert re.fullmatch(one.pattern, out), f"{one.command}\n{out}"
    assert "-A DOCKER" in (tmp_path / "box.setup").read_text()
    assert "pystack" not in box.run("nft list ruleset").out
