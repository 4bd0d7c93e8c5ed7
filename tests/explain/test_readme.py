"""The README's section about explain is true: its commands print what stands there."""

import re
from pathlib import Path

import pytest

from pystack.applets.virtual import run_setup
from pystack.explain.command import answer
from pystack.host import Host

README = (Path(__file__).parent.parent.parent / "README.md").read_text(encoding="utf-8")
SECTION = README.partition("## Explain a packet")[2].partition("\n## ")[0]
SETUP = SECTION.partition("```sh\n")[2].partition("```")[0]
EXAMPLES = re.findall(r"```\n\$ pystack explain \"(.*?)\" (.*)\n((?:.*\n)+?)```", SECTION)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 2


@pytest.mark.parametrize(("packet", "options", "printed"), EXAMPLES)
def test_an_example_prints_what_stands_there(packet: str, options: str, printed: str) -> None:
    host = Host(seed=1)
    assert run_setup(host, SETUP, "host.setup") == []
    words = options.replace("--setup host.setup", "").split()
    told = answer([packet, *words], host, host.init).out
    shown = printed.removesuffix("…\n")
    assert told.startswith(shown) if shown != printed else told == shown
