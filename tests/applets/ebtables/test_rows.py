"""Rules that the real ebtables-nft was asked to take, one a row: code and saved form are ours."""

from __future__ import annotations

import re
import shlex

import pytest

from pystack.applets import virtual
from pystack.host import Host
from tests.applets.iptables.test_rows import DATA, REFUSED
from tests.applets.transcripts import read_file


def rows() -> list[list[str]]:
    path = DATA / "iptables-rules-nft.tsv"
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    return [line for line in lines if line[2] == "ebtables"]


def test_every_row_is_taken_as_the_real_tool_takes_it_or_refused_by_name() -> None:
    compared, unlike = 0, []
    for _, _, _, table, chain, rule, rc, saved, err in rows():
        host, outside = Host(seed=1), virtual.Outside(read_file=read_file)
        done = virtual.run(["ebtables", "-t", table, "-A", chain, *shlex.split(rule)], host, None, outside)
        if REFUSED in done.err:
            continue
        compared += 1
        lines = virtual.run(["ebtables-save", "-t", table], host).out.splitlines()
        ours = "".join(line.removeprefix(f"-A {chain} ") for line in lines if line.startswith("-A"))
        if (done.rc, ours.strip(), plain(done.err)) != (int(rc), saved.strip(), plain(err)):
            unlike.append(f"{rule}: {(done.rc, ours, done.err)} is not {(rc, saved, err)}")
    assert unlike == []
    assert compared >= 95


def plain(err: str) -> str:
    return re.sub(r"v[0-9.]+ ", "", " ".join(err.partition("Try `")[0].split()))
