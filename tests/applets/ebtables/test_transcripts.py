"""Command lines that the real tools were given, one after the other: what they say is what ours says."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from pystack.applets import virtual
from pystack.host import Host
from tests.applets.transcripts import unlike

HERE = Path(__file__).parent / "transcripts"


@pytest.mark.parametrize("name", ["nft.txt", "legacy.txt"])
def test_every_command_says_what_the_real_one_says(name: str) -> None:
    assert unlike(HERE / name) == []


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
