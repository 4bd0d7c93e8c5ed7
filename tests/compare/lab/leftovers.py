"""What a lab must not leave on the machine, and how to see whether it did."""

import fcntl
import os
from pathlib import Path

from pystack.compare.lab.kernel_log import KMSG, SWITCH
from pystack.compare.lab.kernel_side_drops import INSTANCES, PREFIX


def users_of_netns(inode: int) -> list[str]:
    """Every process that lives in the namespace or holds it open."""
    users = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            held = [process / "ns/net", *process.glob("fd/*")]
            if any(os.readlink(path) == f"net:[{inode}]" for path in held):
                users.append(process.name)
        except OSError:
            continue  # it has ended while we looked
    return users


def has_ended(pid: int) -> bool:
    """Gone, or waiting for its new parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def netns_names() -> list[str]:
    return os.listdir("/run/netns") if os.path.exists("/run/netns") else []


def traces_of(pid: int) -> list[str]:
    """The trace instances of a process."""
    return [folder.name for folder in INSTANCES.glob(f"{PREFIX}{pid}-*")]


def switch_at_rest() -> str:
    """Its value while no lab reads the log: other tests of this machine may do so at any time."""
    with KMSG.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return SWITCH.read_text().strip()
