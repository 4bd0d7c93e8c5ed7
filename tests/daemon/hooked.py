"""A daemon that stands in the path of a kernel namespace, and what it says of that."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pystack.compare.lab.kernel_netns import KernelNetns
from tests.daemon.running import Daemon, daemon

ALLOWED = "--allow-system-changes"


def configuration(folder: Path, kernel: KernelNetns, keys: str = "", more: str = "") -> str:
    path = folder / "hooked.toml"
    path.write_text(f'name = "hooked"\n{more}\n[hooks]\nnetns = "{kernel.netns_path}"\n{keys}\n')
    return str(path)


def copy_name(kernel: KernelNetns) -> str:
    """What the namespace is called in the daemon."""
    return os.path.basename(kernel.netns_path)


@contextmanager
def hooked(folder: Path, kernel: KernelNetns, keys: str = "", more: str = "") -> Iterator[Daemon]:
    with daemon(folder, "-c", configuration(folder, kernel, keys, more), ALLOWED) as running:
        yield running


def facts(running: Daemon) -> dict[str, Any]:
    """Of [hooks]."""
    told: dict[str, Any] = json.loads(running.run("status", "--json").out)["hooks"]
    return told


def queue(running: Daemon, point: str) -> dict[str, Any]:
    found: dict[str, Any] = next(row for row in facts(running)["queues"] if row["point"] == point)
    return found
