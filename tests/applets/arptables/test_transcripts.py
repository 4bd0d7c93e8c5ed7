"""Command lines that the real tools were given, one after the other: what they say is what ours says."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from pystack.applets import virtual
from pystack.host import Host
from tests.applets.iptables.test_rows import DATA, REFUSED
from tests.applets.transcripts import read_file, unlike

HERE = Path(__file__).parent / "transcripts"


@pytest.mark.parametrize("name", ["nft.txt", "legacy.txt"])
def test_every_command_says_what_the_real_one_says(name: str) -> None:
    assert unlike(HERE / name) == []


def test_every_row_is_taken_as_the_real_tool_takes_it_or_refused_by_name() -> None:
    path = DATA / "iptables-rules-nft.tsv"
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    compared, wrong = 0, []
    for line in path.read_text().splitlines():
        _, _, program, table, chain, rule, rc, saved, err = line.split("\t")
        if program != "arptables":
            continue
        host, outside = Host(seed=1), virtual.Outside(read_file=read_file)
        argv = ["arptables", "-t", table, "-A", chain, *shlex.split(rule)]
        done = virtual.run(argv, host, None, outside)
        if REFUSED in done.err:
            continue
        compared += 1
        out = virtual.run(["arptables-save"], host).out
        ours = "".join(
            line.removeprefix(f"-A {chain} ") for line in out.splitlines() if line.startswith("-A")
        )
        if (done.rc, ours.strip()) != (int(rc), saved.strip()):
            wrong.append(f"{rule}: {(done.rc, ours, done.err)} is not {(rc, saved, err)}")
    assert wrong == []
    assert compared >= 30


@pytest.mark.parametrize(
    "line", ["arptables -A INPUT -j LOG", "arptables -j mangle -h", "arptables-legacy -A INPUT -j TTL"]
)
def test_what_is_not_modelled_is_refused_by_name(line: str) -> None:
    host = Host(seed=1)
    done = virtual.run(shlex.split(line), host)
    assert done.rc == 2
    assert "is not modelled" in done.err
    assert "-A" not in virtual.run(["arptables-save"], host).out
