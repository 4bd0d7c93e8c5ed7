"""`conntrack -L -G -D -I -A -U -F -C -S -E -R`.

Linux: conntrack-tools src/conntrack.c do_command_ct()
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from pystack.applets.conntrack import expecting, update
from pystack.applets.conntrack.bad_usage import BadUsage
from pystack.applets.conntrack.create import USER, create, original_of
from pystack.applets.conntrack.expect_text import expect_line
from pystack.applets.conntrack.options import Options
from pystack.applets.conntrack.parser import parse
from pystack.applets.conntrack.save import save_line
from pystack.applets.conntrack.selection import all_of, has_flow, is_meant
from pystack.applets.conntrack.text import flow_line
from pystack.applets.conntrack.usage import USAGE, of_protocol
from pystack.applets.conntrack.watching import stamp, watch
from pystack.applets.requests import FileRefused, Steps, read_file, read_stdin
from pystack.applets.session import Session
from pystack.errors import EEXIST, EINVAL, ENOENT, EPERM, ESRCH, NetError
from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.context import TrackContext
from pystack.netfilter.conntrack.expectation import Expectation
from pystack.netfilter.conntrack.snapshot import Snapshot, snapshot
from pystack.netfilter.conntrack.tuples import WITH_ID, inverted
from pystack.netfilter.hooks import NFPROTO_IPV4

VERSION: Final = "conntrack v1.4.7 (conntrack-tools)"
_HINT: Final = "Try `conntrack -h' or 'conntrack --help' for more information."
_PARAMETER_PROBLEM: Final = 2
_OTHER_PROBLEM: Final = 1
_LOADABLE: Final = "IADUF"

# What went wrong, in the tool's words. Linux: err2str()
_ERRORS: Final = {
    (EINVAL, "conntrack"): "invalid parameters",
    (EEXIST, "conntrack"): "Such conntrack exists, try -U to update",
    (ENOENT, "conntrack"): "such conntrack doesn't exist",
    (EPERM, "conntrack"): "sorry, you must be root or get CAP_NET_ADMIN capability to do this",
    (ESRCH, "expect"): "master conntrack not found",
    (ENOENT, "expect"): "No such file or directory",
}


def run(args: Sequence[str], session: Session) -> Steps:
    """Linux: conntrack-tools src/conntrack.c main()"""
    if not args:
        session.io.out.write(USAGE)
        return 0
    try:
        options = parse(args)
        if options.command == "R":
            return (yield from _load(options.file, session))
        return (yield from _Conntrack(options, session).run())
    except BadUsage as bad:
        session.io.err.line(f"{VERSION}: {bad}")
        session.io.err.line(_HINT)
        return _PARAMETER_PROBLEM


def _load(file: str, session: Session) -> Steps:
    """`-R FILE`: the file's commands, once all of them were understood; - is standard input.

    Linux: ct_parse_file()
    """
    try:
        octets = yield from read_stdin(session.io) if file == "-" else read_file(file)
    except FileRefused:
        raise BadUsage(f"Failed to open file {file} for reading") from None
    wanted = []
    for line in octets.decode(errors="replace").splitlines():
        words = line.partition("#")[0].split()
        words = words[1:] if words[:1] == ["conntrack"] else words
        if not words:
            continue
        options = parse(words)
        if options.command not in _LOADABLE:
            raise BadUsage(f"Cannot use command `-{options.command}' with --load-file")
        wanted.append(options)
    for options in wanted:
        failed = yield from _Conntrack(options, session, quiet=True).run()
        if failed:
            return failed
    return 0


class _Conntrack:
    def __init__(self, options: Options, session: Session, *, quiet: bool = False) -> None:
        self._options = options
        self._session = session
        self._out, self._err = session.io.out, session.io.err
        self._tracking = session.netns.conntrack
        self._context: TrackContext = self._tracking.context
        self._quiet = quiet  # as one of a file's lines

    def run(self) -> Steps:
        options = self._options
        for warning in options.warnings:
            self._err.line(warning)
        if "save" in options.outputs and len(options.outputs) > 1:
            return self._fail("cannot combine save output with any other output type, use -o save only")
        if options.command == "E":
            shown = yield from watch(options, self._session)
            what = "expectation" if options.table == "expect" else "flow"
            return self._say(f"{shown} {what} events have been shown.")
        tables = _OF_EXPECTATIONS if options.table == "expect" else _OF_CONNECTIONS
        command = tables.get(options.command, _OF_CONNECTIONS[options.command])
        try:
            return command(self)
        except NetError as refused:
            return self._fail(f"Operation failed: {self._why(refused.number)}")

    # --- connections --------------------------------------------------------------------------------------

    def _list(self) -> int:
        options = self._options
        if "zero" in options.given and options.has_filter:
            raise BadUsage("Can't use -z with filtering parameters")
        self._check_status()
        shown = 0
        for conn, flow in all_of(self._context) if options.table == "conntrack" else ():
            if not is_meant(flow, options):
                continue
            self._out.line(self._line(flow))
            shown += 1
            if "zero" in options.given and conn.extension is not None:
                conn.extension.packets, conn.extension.octets = [0, 0], [0, 0]
        return self._say(f"{shown} flow entries have been shown.")

    def _get(self) -> int:
        """Linux: nfct_cmd_get()"""
        flow = original_of(self._options)
        if flow.protocol in WITH_ID and inverted(flow.key) is None:
            raise NetError(EINVAL)
        conn = self._context.find(flow.key)
        if conn is None:
            raise NetError(ENOENT)
        self._out.line(self._line(snapshot(conn, self._context), use=2))
        return self._say("1 flow entries have been shown.")

    def _create(self) -> int:
        """With -A one that is there already is no fault."""
        adds = self._options.command == "A"
        made = 1
        try:
            create(self._options, self._context)
        except NetError as refused:
            if refused.number != EEXIST or not adds:
                raise
            made = 0
        if self._quiet:
            return 0
        return self._say(f"{made} flow entries have been {'added' if adds else 'created'}.")

    def _update(self) -> int:
        """Every second one is shown: the tool asks for it while it has not let go of the one before."""
        updated = 0
        for conn, flow in list(all_of(self._context)):
            if has_flow(flow, self._options) and self._change(conn):
                if updated % 2 == 0:
                    self._out.line(self._line(snapshot(conn, self._context), use=2))
                updated += 1
        return self._count_done(updated, "updated")

    def _change(self, conn: Conn) -> bool:
        """What may not be changed is told, and counted as if it had been."""
        try:
            return update.change(conn, self._options, self._context)
        except NetError as refused:
            self._err.line(f"Operation failed: {self._why(refused.number)}")
            if refused.number != EPERM:
                raise
            return True

    def _delete(self) -> int:
        """Linux: nfct_cmd_delete()"""
        self._check_status()
        deleted = 0
        for conn, flow in list(all_of(self._context)):
            if is_meant(flow, self._options):
                self._context.kill(conn, USER)
                self._out.line(self._line(flow))
                deleted += 1
        return self._count_done(deleted, "deleted")

    def _flush(self) -> int:
        self._tracking.flush(USER)
        return self._say("connection tracking table has been emptied.")

    def _count(self) -> int:
        self._out.line(str(self._tracking.count))
        return 0

    def _statistics(self) -> int:
        """Linux differs: it counts for each processor."""
        return self._show_statistics(self._context.stats, "")

    # --- what they expect ---------------------------------------------------------------------------------

    def _list_expected(self) -> int:
        shown = 0
        for expected in self._expected():
            at = stamp(self._options, self._session, padded=False)
            self._out.line(f"{at}{expect_line(expected, self._context)}")
            shown += 1
        return self._say(f"{shown} expectations have been shown.")

    def _get_expected(self) -> int:
        self._out.line(expect_line(expecting.find(self._options, self._context), self._context))
        return 0

    def _create_expected(self) -> int:
        expecting.create(self._options, self._context)
        return 0

    def _delete_expected(self) -> int:
        self._context.expectations.forget(expecting.find(self._options, self._context))
        return self._say("0 expectations have been shown.") or _OTHER_PROBLEM

    def _flush_expected(self) -> int:
        for expected in list(self._context.expectations):
            self._context.expectations.forget(expected)
        return self._say("expectation table has been emptied.")

    def _count_expected(self) -> int:
        self._out.line(str(len(self._expected())))
        return 0

    def _expected(self) -> list[Expectation]:
        """Those of the family that was asked for: the tool asks for all connections, but IPv4 here."""
        family = self._options.family or NFPROTO_IPV4
        return [known for known in self._context.expectations if known.tuple.family == family]

    def _statistics_expected(self) -> int:
        return self._show_statistics(self._context.expectations.stats, "expect_")

    # --- what the tool says -------------------------------------------------------------------------------

    def _help(self) -> int:
        self._out.write(USAGE + of_protocol(self._options.protocol))
        return 0

    def _version(self) -> int:
        self._out.line(VERSION)
        return 0

    def _check_status(self) -> None:
        """The kernel filters by the bits that are asked for, and there have to be some."""
        options = self._options
        if "status" in options.given and not options.status | options.unset:
            raise NetError(EINVAL)

    def _line(self, flow: Snapshot, use: int = 1) -> str:
        if "save" in self._options.outputs:
            return save_line(flow)
        return flow_line(flow, self._options.outputs, use=use)

    def _show_statistics(self, stats: object, prefix: str) -> int:
        names: tuple[str, ...] = getattr(type(stats), "__slots__", ())
        pairs = " ".join(f"{prefix}{name}={getattr(stats, name)}" for name in names)
        self._out.line(f"cpu=0   \t{pairs} ")
        return 0

    def _count_done(self, count: int, verb: str) -> int:
        if self._quiet:
            return 0
        self._say(f"{count} flow entries have been {verb}.")
        return 0 if count else _OTHER_PROBLEM

    def _why(self, number: int) -> str:
        """Linux: err2str()"""
        return _ERRORS.get((number, self._options.table)) or NetError(number).text

    def _say(self, text: str) -> int:
        self._err.line(f"{VERSION}: {text}")
        return 0

    def _fail(self, text: str) -> int:
        self._say(text)
        return _OTHER_PROBLEM


_Command = Callable[[_Conntrack], int]
_OF_CONNECTIONS: Final[dict[str, _Command]] = {
    "L": _Conntrack._list,
    "G": _Conntrack._get,
    "D": _Conntrack._delete,
    "I": _Conntrack._create,
    "A": _Conntrack._create,
    "U": _Conntrack._update,
    "F": _Conntrack._flush,
    "C": _Conntrack._count,
    "S": _Conntrack._statistics,
    "V": _Conntrack._version,
    "h": _Conntrack._help,
    "": _Conntrack._help,
}
_OF_EXPECTATIONS: Final[dict[str, _Command]] = {
    "L": _Conntrack._list_expected,
    "G": _Conntrack._get_expected,
    "I": _Conntrack._create_expected,
    "D": _Conntrack._delete_expected,
    "F": _Conntrack._flush_expected,
    "C": _Conntrack._count_expected,
    "S": _Conntrack._statistics_expected,
}
