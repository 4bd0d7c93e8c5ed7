"""What processes and their children take of the machine, as the kernel counts it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from scripts.bench_parts.lab import BenchError
from scripts.bench_parts.results import Reading


def resident(pids: Iterable[int]) -> Reading:
    """Megabytes (10^6) resident in these processes and their descendants.

    Beside it the PSS, in which a page that n processes share counts a nth in each.
    """
    family = descendants(pids)
    rss = sum(_kilobytes(pid, "Rss") for pid in family)
    pss = sum(_kilobytes(pid, "Pss") for pid in family)
    return Reading(rss * 1024 / 1e6, {"PSS": pss * 1024 / 1e6, "processes": len(family)})


def cpu_seconds(pids: Iterable[int]) -> float:
    """What these processes and their descendants have used of the processors so far, in steps of 10 ms."""
    ticks = 0
    for pid in descendants(pids):
        user, system = _stat(Path(f"/proc/{pid}/stat").read_text())[11:13]
        ticks += int(user) + int(system)
    return ticks / os.sysconf("SC_CLK_TCK")


def own_cpu_seconds() -> float:
    """What this process has used so far, and all that it has started and that have ended."""
    return sum(os.times()[:4])


def descendants(pids: Iterable[int]) -> list[int]:
    """The processes and all that they started, down to the last."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:  # it ended meanwhile
            continue
        parent = int(_stat(text)[1])
        children.setdefault(parent, []).append(int(stat.parent.name))
    found = list(pids)
    for pid in found:
        found += children.get(pid, ())
    return found


def _stat(text: str) -> list[str]:
    """The fields of /proc/PID/stat from the state on; the name before them may hold anything."""
    return text.rpartition(")")[2].split()


def _kilobytes(pid: int, field: str) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError as error:
        raise BenchError(f"the memory of process {pid} cannot be read: {error.strerror}") from error
    found = re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE)
    if found is None:
        raise BenchError(f"the kernel does not say the {field} of process {pid}")
    return int(found[1])


def own_resident() -> int:
    """Octets of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def growth(module: str, count: int) -> float:
    """What a module prints that is run with a number in a process of its own: by how many octets it grew."""
    command = [sys.executable, "-m", module, str(count)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise BenchError(ended.stderr)
    return float(ended.stdout)
