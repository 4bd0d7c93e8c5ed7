"""Command lines that the real tools were given, one after the other, with what they said."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from pystack.applets import virtual
from pystack.host import Host

PROTOCOLS = b"icmp 1 ICMP\nigmp 2 IGMP\ntcp 6 TCP\nudp 17 UDP\nipv6-icmp 58 IPv6-ICMP\n"
SERVICES = b"ssh 22/tcp\nhttp 80/tcp\n"
DATE = re.compile(r"on \w+ \w+ +\d+ [\d:]+ \d+")


def unlike(path: Path) -> list[str]:
    """Where ours says something else than the real tool did."""
    found, host = [], Host(seed=1)
    for line, expected in entries(path):
        if not line:
            host = Host(seed=1)
        elif (ours := told(line, host)) != expected:
            found.append(f"$ {line}\n{ours}\n--- instead of\n{expected}")
    return found


def entries(path: Path) -> Iterator[tuple[str, str]]:
    """Each command, and what stands below it; the command is empty where a new host begins."""
    for entry in re.split(r"^(?=\$ |= a new host)", path.read_text(), flags=re.MULTILINE)[1:]:
        head, _, said = entry.partition("\n")
        yield head.removeprefix("$ ") if head.startswith("$") else "", said.rstrip("\n")


def told(line: str, host: Host) -> str:
    """Output, exit code and errors of ours, as they stand in a transcript."""
    done = virtual.run(shlex.split(line), host, None, virtual.Outside(read_file=read_file))
    code = f"= {done.rc}\n" if done.rc else ""
    errors = "".join(f"! {error}\n" for error in done.err.splitlines())
    return DATE.sub("on DATE", f"{done.out}{code}{errors}").rstrip("\n")


def read_file(path: str) -> bytes:
    """The files of names, as short as the transcripts need them."""
    return {"/etc/protocols": PROTOCOLS, "/etc/services": SERVICES}.get(path, b"")
