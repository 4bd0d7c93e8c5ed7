"""`conntrack -L -G -D -I -A -F -C -S -E`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from pystack.applets.conntrack.create import create, original_of
from pystack.applets.conntrack.options import BadUsage, Options, parse
from pystack.applets.conntrack.save import save_line
from pystack.applets.conntrack.selection import is_meant
from pystack.applets.conntrack.text import event_line, flow_line
from pystack.applets.conntrack.usage import USAGE
from pystack.applets.requests import SIGINT, SIGTERM, Interrupted, Steps, Wait
from pystack.applets.session import Session
from pystack.errors import EEXIST, NetError, NotModelled
from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.context import Event, TrackContext
from pystack.netfilter.conntrack.snapshot import Snapshot, snapshot

VERSION: Final = "conntrack v1.4.7 (conntrack-tools)"
_HINT: Final = "Try `conntrack -h' or 'conntrack --help' for more information."
_PARAMETER_PROBLEM: Final = 2
_OTHER_PROBLEM: Final = 1
_BUILT: Final = ("-L", "-G", "-D", "-I", "-A", "-F", "-C", "-S", "-E")


def run(args: Sequence[str], session: Session) -> Steps:
    """Linux: conntrack-tools src/conntrack.c main()"""
    err = session.io.err
    if not args:
        session.io.out.write(USAGE)
        return 0
    try:
        options = parse(args)
        return (yield from _Conntrack(options, session).run())
    except BadUsage as bad:
        err.line(f"{VERSION}: {bad}")
        err.line(_HINT)
        return _PARAMETER_PROBLEM


class _Conntrack:
    def __init__(self, options: Options, session: Session) -> None:
        self._options = options
        self._out, self._err = session.io.out, session.io.err
        self._tracking = session.netns.conntrack
        self._context: TrackContext = self._tracking.context

    def run(self) -> Steps:
        command = self._options.command
        if command == "E":
            return (yield from self._watch())
        if command in ("V", "h"):
            self._out.write(f"{VERSION}\n" if command == "V" else USAGE)
            return 0
        commands: dict[str, Callable[[], int]] = {
            "L": self._list,
            "G": self._get,
            "D": self._delete,
            "I": self._create,
            "A": self._create,
            "F": self._flush,
            "C": self._count,
            "S": self._statistics,
        }
        if command not in commands:
            raise NotModelled(f"conntrack -{command}", _BUILT)
        return commands[command]()

    # --- the table ----------------------------------------------------------------------------------------

    def _list(self) -> int:
        if self._options.table == "expect":
            return self._say("0 expectations have been shown.")
        if self._options.zero and self._options.has_filter:
            raise BadUsage("Can't use -z with filtering parameters")
        shown = 0
        for conn, flow in self._meant() if self._options.table == "conntrack" else ():
            self._out.line(self._line(flow))
            shown += 1
            if self._options.zero and conn.extension is not None:
                conn.extension.packets, conn.extension.octets = [0, 0], [0, 0]
        return self._say(f"{shown} flow entries have been shown.")

    def _get(self) -> int:
        """Linux: nfct_cmd_get()"""
        conn = self._context.find(original_of(self._options).key)
        if conn is None:
            return self._fail("Operation failed: such conntrack doesn't exist")
        self._out.line(self._line(snapshot(conn, self._context)).replace("use=1", "use=2"))
        return self._say("1 flow entries have been shown.")

    def _create(self) -> int:
        """With -A one that is there already is no fault."""
        adds = self._options.command == "A"
        verb = "added" if adds else "created"
        try:
            create(self._options, self._context)
        except NetError as refused:
            if refused.number == EEXIST and adds:
                return self._say(f"0 flow entries have been {verb}.")
            exists = "Such conntrack exists, try -U to update"
            why = exists if refused.number == EEXIST else "invalid parameters"
            return self._fail(f"Operation failed: {why}")
        return self._say(f"1 flow entries have been {verb}.")

    def _delete(self) -> int:
        """Linux: nfct_cmd_delete()"""
        deleted = 0
        for conn, flow in list(self._meant()):
            self._context.kill(conn)
            self._out.line(self._line(flow))
            deleted += 1
        self._say(f"{deleted} flow entries have been deleted.")
        return 0 if deleted else _OTHER_PROBLEM

    def _flush(self) -> int:
        if self._options.table == "expect":
            return self._say("expectation table has been emptied.")
        self._tracking.flush()
        return self._say("connection tracking table has been emptied.")

    def _count(self) -> int:
        self._out.line("0" if self._options.table == "expect" else str(self._tracking.count))
        return 0

    def _statistics(self) -> int:
        """Linux differs: it counts for each processor."""
        stats = self._context.stats
        pairs = " ".join(f"{name}={getattr(stats, name)}" for name in stats.__slots__)
        self._out.line(f"cpu=0   \t{pairs} ")
        return 0

    def _meant(self) -> Iterator[tuple[Conn, Snapshot]]:
        """What is over but still there is taken out by who looks. Linux: ctnetlink_dump_table()"""
        for conn in self._context.table:
            if self._context.is_over(conn):
                self._context.kill(conn)
                continue
            flow = snapshot(conn, self._context)
            if is_meant(flow, self._options):
                yield conn, flow

    def _line(self, flow: Snapshot) -> str:
        outputs = self._options.outputs
        if "save" in outputs:
            return save_line(flow)
        return flow_line(flow, extended="extended" in outputs, with_id="id" in outputs)

    # --- events -------------------------------------------------------------------------------------------

    def _watch(self) -> Steps:
        """Linux: nfct_cmd_event(), event_cb()"""
        waiting: deque[tuple[Event, Snapshot]] = deque()

        def note(conn: Conn, event: Event) -> None:
            waiting.append((event, snapshot(conn, self._context)))

        stop = self._context.watch(note)
        shown = 0
        try:
            while True:
                yield Wait(lambda: bool(waiting))
                while waiting:
                    shown += self._show_event(*waiting.popleft())
        except Interrupted as interrupted:
            if interrupted.signal not in (SIGINT, SIGTERM):
                raise
        finally:
            stop()
        self._say(f"{shown} flow events have been shown.")
        return 0

    def _show_event(self, event: Event, flow: Snapshot) -> int:
        letter, word = "U", " [UPDATE]"
        if event & Event.DESTROY:
            letter, word = "D", "[DESTROY]"
        elif event & (Event.NEW | Event.RELATED):
            letter, word = "N", "    [NEW]"
        wanted = self._options.events
        if (wanted and letter not in wanted) or not is_meant(flow, self._options):
            return 0
        outputs = self._options.outputs
        if "save" in outputs:
            self._out.line(save_line(flow, {"N": "A", "U": "U", "D": "D"}[letter]))
        else:
            extended, with_id = "extended" in outputs, "id" in outputs
            line = event_line(flow, ended=letter == "D", extended=extended, with_id=with_id)
            self._out.line(f"{word} {line}")
        return 1

    # --- what the tool says -------------------------------------------------------------------------------

    def _say(self, text: str) -> int:
        self._err.line(f"{VERSION}: {text}")
        return 0

    def _fail(self, text: str) -> int:
        self._say(text)
        return _OTHER_PROBLEM
