"""`conntrack -E`: what becomes of connections, or of what they expect, line by line as it happens.

Linux: conntrack-tools src/conntrack.c event_cb(), event_exp_cb()
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from pystack.applets.conntrack.expect_text import expect_line
from pystack.applets.conntrack.options import Options
from pystack.applets.conntrack.save import save_line
from pystack.applets.conntrack.selection import is_meant
from pystack.applets.conntrack.text import event_line
from pystack.applets.requests import SIGINT, SIGTERM, Interrupted, Steps, Wait
from pystack.applets.session import Session
from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.context import Event, TrackContext
from pystack.netfilter.conntrack.expectation import Expectation
from pystack.netfilter.conntrack.expectations import ExpectationEvent
from pystack.netfilter.conntrack.snapshot import snapshot

_WORDS: Final = {"N": "    [NEW]", "U": " [UPDATE]", "D": "[DESTROY]"}
_SAVED: Final = {"N": "A", "U": "U", "D": "D"}
_SMALLEST_BUFFER, _LARGEST_BUFFER = 2304, 425984  # octets of a socket. Linux: net.core.rmem_max


def watch(options: Options, session: Session) -> Steps:
    """Until the user ends it; how many lines were shown."""
    waiting: deque[str] = deque()
    context, out = session.netns.conntrack.context, session.io.out
    listen = _listen_to_expectations if options.table == "expect" else _listen
    stop = listen(options, session, context, waiting)
    if "buffer-size" in options.given:
        size = min(max(2 * options.buffer_size, _SMALLEST_BUFFER), _LARGEST_BUFFER)
        session.io.err.line(f"NOTICE: Netlink socket buffer size has been set to {size} bytes.")
    shown = 0
    try:
        while True:
            yield Wait(lambda: bool(waiting))
            while waiting:
                out.line(waiting.popleft())
                shown += 1
    except Interrupted as interrupted:
        if interrupted.signal not in (SIGINT, SIGTERM):
            raise
    finally:
        stop()
    return shown


def stamp(options: Options, session: Session, *, padded: bool = True) -> str:
    """The time of day in front of a line, with `-o timestamp`; without zeros where the tool forgot them."""
    if "timestamp" not in options.outputs:
        return ""
    seconds, fraction = divmod(session.host.clock.wall, 1)
    micros = int(fraction * 1_000_000)
    return f"[{int(seconds)}.{micros:06}]\t" if padded else f"[{int(seconds):<8}.{micros:<6}]\t"


def _listen(
    options: Options, session: Session, context: TrackContext, waiting: deque[str]
) -> Callable[[], None]:
    def note(conn: Conn, event: Event, portid: int) -> None:
        letter = "U"
        if event & Event.DESTROY:
            letter = "D"
        elif event & (Event.NEW | Event.RELATED):
            letter = "N"
        flow = snapshot(conn, context)
        if not event & (Event.DESTROY | Event.PROTOINFO):
            flow = replace(flow, state=None)
        if (options.events and letter not in options.events) or not is_meant(flow, options):
            return
        if "save" in options.outputs:
            line = save_line(flow, _SAVED[letter])
        else:
            line = f"{_WORDS[letter]} {event_line(flow, event, options.outputs)}"
        by = f" [USERSPACE] portid={portid} progname=conntrack" if portid else ""
        waiting.append(f"{stamp(options, session)}{line}{by}")

    return context.watch(note)


def _listen_to_expectations(
    options: Options, session: Session, context: TrackContext, waiting: deque[str]
) -> Callable[[], None]:
    def note(expected: Expectation, event: ExpectationEvent) -> None:
        word = _WORDS["D" if event is ExpectationEvent.DESTROY else "N"]
        at = stamp(options, session, padded=False)
        waiting.append(f"{at}{word} {expect_line(expected, context)}")

    return context.watch_expectations(note)
