"""Rules that the real iptables was asked to take, one a row: code, saved form and error text are ours."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from pystack.applets import virtual
from pystack.host import Host

DATA: Final = Path(__file__).parents[4] / "shared" / "data"
REFUSED: Final = "is not modelled"
FILES: Final = {
    "/etc/protocols": b"dccp 33 DCCP\nipcomp 108 IPCOMP\n",
    "/etc/passwd": b"root:x:0:0:root:/root:/bin/sh\n",
    "/etc/group": b"root:x:0:\n",
}


@dataclass(frozen=True)
class Row:
    extension: str
    table: str
    chain: str
    rule: str
    rc: int
    saved: str
    err: str


def rows(owner: str, program: str) -> list[Row]:
    path = DATA / f"iptables-rules-{owner}.tsv"
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    found = []
    for line in path.read_text().splitlines()[1:]:
        extension, _, command, table, chain, rule, rc, saved, err = line.split("\t")
        if command == program:
            found.append(Row(extension, table, chain, rule, int(rc), saved, err))
    return found


def taken(owner: str, program: str, row: Row) -> tuple[int, str, str]:
    """What ours makes of a rule."""
    host, program = Host(seed=1), f"{program}-{owner}"
    outside = virtual.Outside(read_file=lambda path: FILES.get(path, b""))
    done = virtual.run(
        [program, "-t", row.table, "-A", row.chain, *shlex.split(row.rule)], host, None, outside
    )
    saved = virtual.run([program, "-t", row.table, "-S", row.chain], host).out.splitlines()
    rules = [line.removeprefix(f"-A {row.chain}").strip() for line in saved if line.startswith("-A")]
    return done.rc, "".join(rules), done.err


def plain(err: str) -> str:
    """Without the version, and the hint that follows a usage error."""
    return re.sub(r"v[0-9.]+ ", "", " ".join(err.partition("Try `")[0].split()))


@pytest.mark.parametrize("program", ["iptables", "ip6tables"])
@pytest.mark.parametrize("owner", ["nft", "legacy"])
def test_every_row_is_taken_as_the_real_tool_takes_it_or_refused_by_name(owner: str, program: str) -> None:
    compared, unlike = 0, []
    for row in rows(owner, program):
        rc, saved, err = taken(owner, program, row)
        if REFUSED in err:
            continue
        compared += 1
        expected = plain(row.err) if row.err or not row.rc else plain(err)  # of some it was not recorded
        if (rc, saved, plain(err)) != (row.rc, row.saved.strip(), expected):
            unlike.append(f"{row.extension}: {row.rule}: {(rc, saved, err)} is not {row}")
    assert unlike == []
    assert compared > 200
