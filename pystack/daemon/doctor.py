"""`pystack doctor`: what this kernel and these rights allow, what talks where it should not, what was left.

The kernel is asked in a network namespace of a child process, so that nothing of the asking is seen outside.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from pystack.daemon import places, undo
from pystack.daemon.client_session import Unreachable, ask
from pystack.daemon.ledger import Ledger, LedgerBusy, parse
from pystack.daemon.output import write_all
from pystack.daemon.probes import Finding, probe_kernel, probe_rights
from pystack.drivers.kernel_netns import namespaces
from pystack.drivers.unavailable import PortUnavailable

DONE: Final = 0
FAILED: Final = 1
LACKING: Final = 4


class Leftover(NamedTuple):
    """The ledger of a daemon that is dead."""

    path: str
    things: list[str]


def doctor(socket_path: str, *, clean: bool, as_json: bool) -> int:
    """Print the findings. 4: an essential is lacking; 1: something is left behind; else 0."""
    findings = [*probe_rights(), *probe_kernel(), *examine_daemons(socket_path)]
    leftovers = list(left_behind(socket_path))
    findings += [clean_up(it) if clean else complaint_about(it) for it in leftovers]
    findings += examine_traces(clean=clean)
    findings += examine_namespaces(clean=clean)
    if as_json:
        rows = [{"check": it.name, "result": it.result, "sentence": it.sentence} for it in findings]
        text = json.dumps(rows) + "\n"
    else:
        text = "".join(f"{it.result:5} {it.name:16} {it.sentence}\n" for it in findings)
    write_all(1, text.encode(errors="surrogateescape"))
    if any(it.result == "no" and it.essential for it in findings):
        return LACKING
    return FAILED if any(it.result == "left" for it in findings) else DONE


def left_behind(socket_path: str) -> Iterator[Leftover]:
    """What dead daemons made and nobody took back."""
    paths = places.listed(places.directories(os.environ), places.STATE_SUFFIX)
    if socket_path:
        paths.append(places.state_of(os.path.abspath(socket_path)))
    for path in paths:
        try:
            with open(path, "rb") as file:
                records = undo.pending(parse(file.read()))
        except OSError:
            continue
        if not is_held(path):
            yield Leftover(path, [undo.describe(record) for record in records])


def is_held(path: str) -> bool:
    """Whether a keeper lives that holds this ledger; one that we may not even open is somebody's."""
    try:
        Ledger.claim(path, patience=0).release()
    except (LedgerBusy, OSError):
        return True
    return False


def complaint_about(leftover: Leftover) -> Finding:
    """What lies there."""
    things = ", ".join(leftover.things) or "nothing but itself"
    return Finding("left behind", "left", f"{leftover.path}: {things} (pystack doctor --clean takes it back)")


def clean_up(leftover: Leftover) -> Finding:
    """Take it back."""
    try:
        ledger = Ledger.claim(leftover.path, patience=0)
    except (LedgerBusy, OSError) as error:
        return Finding("left behind", "left", f"{leftover.path}: {error}")
    complaints = undo.undo_all(undo.pending(ledger.records()))
    if complaints:
        ledger.release()
        return Finding("left behind", "left", f"{leftover.path}: {'; '.join(complaints)}")
    ledger.remove()
    return Finding(
        "left behind", "ok", f"{leftover.path}: taken back: {', '.join(leftover.things) or 'nothing'}"
    )


def examine_traces(*, clean: bool) -> Iterator[Finding]:
    """What `compare lab` and `fuzz` trace drops with, and leave behind only when they are killed."""
    from pystack.compare.lab.kernel_side_drops import orphans

    for folder in orphans():
        told = "a trace of a process that was killed"
        if not clean:
            yield Finding("left behind", "left", f"{folder}: {told} (pystack doctor --clean takes it back)")
            continue
        try:
            folder.rmdir()
        except OSError as error:
            yield Finding("left behind", "left", f"{folder}: {error.strerror}")
        else:
            yield Finding("left behind", "ok", f"{folder}: taken back: {told}")


def examine_namespaces(*, clean: bool) -> Iterator[Finding]:
    """What `compare live` and [hooks] leave in a namespace only when they are killed, with their keepers."""
    from pystack.compare.live import kernel
    from pystack.hooks.shim import rules

    kinds = (
        ("tables of probes", kernel.is_orphaned, kernel.clean),
        ("rules of shims", rules.is_orphaned, rules.take_back_orphans),
    )
    for where, netns in namespaces():
        for what, is_left, take_back in kinds:
            yield from _of_the_killed(where, netns, what, is_left, take_back if clean else None)


def _of_the_killed(
    where: str, netns: str, what: str, is_left: Callable[[str], bool], take_back: Callable[[str], int] | None
) -> Iterator[Finding]:
    from pystack.compare.live.errors import LiveUnavailable
    from pystack.hooks.shim.rules import ShimsUnavailable

    try:
        if not is_left(netns):
            return
        count = 0 if take_back is None else take_back(netns)
    except (LiveUnavailable, ShimsUnavailable, PortUnavailable, OSError):
        return  # without the rights, or the programs, there are none of ours either
    if take_back is None:
        told = f"{where}: {what} that nobody answers for (pystack doctor --clean takes them back)"
        yield Finding("left behind", "left", told)
    else:
        yield Finding("left behind", "ok", f"{where}: {count} {what} taken back")


def examine_daemons(socket_path: str) -> Iterator[Finding]:
    """The daemons that run: who talks on the devices that they took over, and which sysctls do nothing."""
    paths = [socket_path] if socket_path else places.listed(places.directories(os.environ), places.SUFFIX)
    for path in paths:
        if not undo.is_alive(path):
            continue
        try:
            facts = json.loads(ask(path, ["status"]))
        except (Unreachable, ValueError) as error:
            yield Finding("daemon", "note", f"{path}: {error}")
            continue
        name = f"daemon {facts['name']}"
        yield Finding(name, "ok", f"runs as process {facts['pid']}, {len(facts['ports'])} ports")
        for key in facts["without_effect"]:
            yield Finding(name, "note", f"{key} is stored and shown, and has no effect yet")
        for port in facts["ports"]:
            if port["driver"] == "packet":
                yield from examine_device(name, port)
        if facts["hooks"] is not None:
            yield from examine_hooks(name, facts["hooks"])


def examine_hooks(name: str, hooks: dict[str, object]) -> Iterator[Finding]:
    """What is not as it should be in the kernel's path."""
    if hooks["failure"]:
        yield Finding(name, "note", f"hooks: {hooks['failure']}")
    if hooks["not_followed"]:
        yield Finding(name, "note", f"hooks: {hooks['not_followed']} changed in the kernel, not in the copy")


def examine_device(name: str, port: dict[str, object]) -> Iterator[Finding]:
    """Everything besides pystack that speaks on a device that was taken over."""
    from pystack.drivers.kernel_silence import what_still_talks
    from pystack.drivers.unavailable import PortUnavailable

    try:
        sentences = what_still_talks(str(port["ifname"]), str(port["netns"]))
    except (PortUnavailable, OSError) as error:
        sentences = [f"it cannot be examined: {error}"]
    for sentence in sentences:
        yield Finding(name, "note", f"port {port['port']}, {port['outside']}: {sentence}")
