"""Command lines that the real tools were given, one after the other: what they say is what ours says."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from pystack.applets import virtual
from pystack.host import Host
from tests.applets.ebtables.test_rows import read_file

HERE = Path(__file__).parent / "transcripts"
DATE = re.compile(r"on \w+ \w+ +\d+ [\d:]+ \d+")


def entries(name: str) -> Iterator[tuple[str, str]]:
    """Each command, and what stands below it; the command is empty where a new host begins."""
    for entry in re.split(r"^(?=\$ |= a new host)", (HERE / name).read_text(), flags=re.MULTILINE)[1:]:
        head, _, told = entry.partition("\n")
        yield head.removeprefix("$ ") if head.startswith("$") else "", told.rstrip("\n")


def told(line: str, host: Host) -> str:
    done = virtual.run(shlex.split(line), host, None, virtual.Outside(read_file=read_file))
    code = f"= {done.rc}\n" if done.rc else ""
    errors = "".join(f"! {error}\n" for error in done.err.splitlines())
    return DATE.sub("on DATE", f"{done.out}{code}{errors}").rstrip("\n")


@pytest.mark.parametrize("name", ["nft.txt", "legacy.txt"])
def test_every_command_says_what_the_real_one_says(name: str) -> None:
    unlike, host = [], Host(seed=1)
    for line, expected in entries(name):
        if not line:
            host = Host(seed=1)
        elif (ours := told(line, host)) != expected:
            unlike.append(f"$ {line}\n{ours}\n--- instead of\n{expected}")
    assert unlike == []


@pytest.mark.parametrize(
    "line",
    [
        "ebtables -A INPUT --among-src 1:2:3:4:5:6",
        "ebtables -A INPUT -j LOG",
        "ebtables -A INPUT --mark-set 5",
        "ebtables -h arp",
        "ebtables-legacy --atomic-file x -L",
        "ebtables-legacy -E INPUT x",
    ],
)
def test_what_is_not_modelled_is_refused_by_name(line: str) -> None:
    host = Host(seed=1)
    done = virtual.run(shlex.split(line), host)
    assert done.rc == 2
    assert "is not modelled" in done.err
    assert virtual.run(["ebtables-save"], host).out.count("-A") == 0
