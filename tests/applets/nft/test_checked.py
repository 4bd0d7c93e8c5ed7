"""Whole texts beside what nft says of them with -c: ours must say the same, and the real one must still."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Final

import pytest

from pystack.applets import virtual
from pystack.applets.virtual import Outside
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.drivers.named_files import read_file
from pystack.host import Host
from tests.applets.nft.real import answers

SETUP: Final = "add table ip t\nadd chain ip t c\nadd table ip6 t\nadd chain ip6 t c\n"
RECORDED: Final = Path(__file__).parent / "corpus" / "checked.txt"


def recorded() -> list[tuple[str, str]]:
    """Texts and answers."""
    rows = RECORDED.read_text().split("\n> ")[1:]
    parts = [row.partition("\n") for row in rows]
    return [(text.replace("\\n", "\n") + "\n", answer.rstrip("\n")) for text, _, answer in parts]


@pytest.fixture(scope="module")
def host() -> Host:
    made = Host(seed=1)
    outside = Outside(read_file=read_file, stdin=SETUP.encode())
    assert virtual.run(["nft", "-f", "-"], made, outside=outside).rc == 0
    return made


@pytest.mark.parametrize(("text", "answer"), recorded())
def test_a_text_is_accepted_or_refused_in_the_words_of_nft(text: str, answer: str, host: Host) -> None:
    done = virtual.run(
        ["nft", "-c", "-f", "-"], host, outside=Outside(read_file=read_file, stdin=text.encode())
    )
    assert (done.out + done.err).rstrip("\n") == answer


@pytest.mark.root
@pytest.mark.xdist_group("nft")
def test_the_real_nft_still_says_so() -> None:
    with KernelNetns() as kernel:
        kernel.run("nft -f -", stdin=SETUP).check()
        commands = [f"printf %s {shlex.quote(text)} | nft -c -f - 2>&1" for text, _ in recorded()]
        said = [answer.rpartition("rc ")[0].rstrip("\n") for answer in answers(kernel, commands)]
    differences = [row for row, real in zip(recorded(), said, strict=True) if row[1] != real]
    assert differences == []
