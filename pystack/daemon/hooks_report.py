"""What `pystack status` says of [hooks]."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pystack.daemon.columns import in_columns

_MODES: Final = {
    "observe": "the kernel decides; ACCEPT, DROP and CHANGE are what pystack would have said",
    "decide": "the kernel does what pystack says",
    "divert": "pystack takes packets from the kernel",
}
_COLUMNS: Final = {  # by the keys of a queue's facts
    "point": "POINT",
    "queue": "QUEUE",
    "seen": "SEEN",
    "accepted": "ACCEPT",
    "dropped": "DROP",
    "changed": "CHANGE",
    "late": "LATE",
    "uncompared": "UNCOMPARED",
    "dropped_by_queue": "QUEUE FULL",
    "dropped_by_socket": "SOCKET FULL",
}


def hooks_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    """Where we stand and how, then a line a queue."""
    where = f"namespace {facts['netns']}" if facts["netns"] else "the daemon's own namespace"
    name = facts["namespace"]
    yield f"hooks    {facts['mode']} in {where} (pystack -n {name} …): {_MODES[facts['mode']]}"
    if facts["failure"]:
        yield f"         {facts['failure']}"
    if facts["not_followed"]:
        told = f"{facts['not_followed']} changed in the kernel, not here: the copy has changes of its own"
        yield f"         {told} (a reload reads the kernel again)"
    yield from (f"         {note}" for note in facts["notes"])
    if facts["queues"]:
        rows = [[str(queue[key]) for key in _COLUMNS] for queue in facts["queues"]]
        yield from in_columns([list(_COLUMNS.values()), *rows])
