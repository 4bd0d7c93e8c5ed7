"""Taking back what a daemon made on this system, from the records of its ledger."""

from __future__ import annotations

import os
import socket
import stat

from pystack.daemon.ledger import Record


def pending(records: list[Record]) -> list[Record]:
    """What is still to be taken back: not the settings of ports that were given up."""
    left: list[Record] = []
    for record in records:
        if record.get("what") == "released":
            left = [other for other in left if other.get("port") != record.get("port")]
        elif record.get("what") in ("socket", "tap", "change", "rule", "shims"):
            left.append(record)
    return left


def undo_all(records: list[Record]) -> list[str]:
    """The last first; a sentence for each thing that could not be taken back."""
    return [complaint for record in reversed(records) for complaint in undo(record)]


def undo(record: Record) -> list[str]:
    """Take one thing back."""
    if record["what"] == "socket":
        return remove_socket(str(record.get("path")))
    if record["what"] == "change":
        return _restore(record)
    if record["what"] == "rule":
        return _remove_rule(record)
    if record["what"] == "shims":
        return _remove_shims(record)
    return []  # a TAP that we made goes with its last descriptor


def describe(record: Record) -> str:
    """A thing, for the user."""
    if record["what"] == "socket":
        return f"socket {record.get('path')}"
    where = f" in namespace {record.get('netns')}" if record.get("netns") else ""
    if record["what"] == "change":
        of = f" of {record['ifname']}" if record.get("ifname") else ""
        return f"{record.get('key')}{of}{where} (was {record.get('before')})"
    if record["what"] == "rule":
        return f"iptables -t {record.get('table')} -A {record.get('chain')} {' '.join(_words(record))}{where}"
    if record["what"] == "shims":
        return f"rules of shims{where}"
    return f"TAP {record.get('ifname')}{where}"


def named(records: list[Record]) -> str:
    """Several things, for the user."""
    return ", ".join(describe(record) for record in records)


def is_socket(path: str) -> bool:
    """Whether a socket is there."""
    try:
        return stat.S_ISSOCK(os.lstat(path).st_mode)
    except OSError:
        return False


def is_alive(path: str) -> bool:
    """Whether somebody listens on a socket. A queue that is full, or that we may not enter, is somebody's."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        try:
            probe.connect(path)
        except (BlockingIOError, PermissionError):
            return True
        except OSError:
            return False
    return True


def remove_socket(path: str) -> list[str]:
    """Delete a socket that nobody listens on, and nothing else."""
    if not is_socket(path):
        return []
    try:
        os.unlink(path)
    except OSError as error:
        return [f"{path} cannot be removed: {error.strerror}"]
    return []


def _restore(record: Record) -> list[str]:
    from pystack.drivers import kernel_link
    from pystack.drivers.unavailable import PortUnavailable

    change = kernel_link.Change(*(str(record.get(key)) for key in ("ifname", "key", "before")))
    try:
        return kernel_link.restore(str(record.get("netns") or ""), (change,))
    except PortUnavailable:
        return []  # the namespace is gone, and its devices with it


def _remove_rule(record: Record) -> list[str]:
    from pystack.drivers.uplink_open import remove_rule

    rule = str(record.get("table")), str(record.get("chain")), _words(record)
    return remove_rule(str(record.get("netns") or ""), rule)


def _remove_shims(record: Record) -> list[str]:
    """Those that nobody answers for."""
    from pystack.drivers.unavailable import PortUnavailable
    from pystack.hooks.shim.rules import ShimsUnavailable, take_back_orphans

    try:
        take_back_orphans(str(record.get("netns") or ""))
    except PortUnavailable:
        return []  # the namespace is gone, and its rules with it
    except ShimsUnavailable as error:
        return [f"{describe(record)}: {error}"]
    return []


def _words(record: Record) -> list[str]:
    words = record.get("words")
    return [str(word) for word in words] if isinstance(words, list) else []
