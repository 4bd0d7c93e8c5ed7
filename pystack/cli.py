"""The arguments of pystack's own verbs; what they do is elsewhere.

Modules that a verb needs are imported where it begins: `pystack run` must fork its keeper before anything
large is loaded, and no verb pays for another.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from pystack.compare.one_line_parser import USAGE, OneLineParser
from pystack.daemon.places import SOCKET_VARIABLE

NO_DAEMON: Final = 3


class Context(NamedTuple):
    """What stood before the verb."""

    socket: str = ""
    setup: str = ""
    ns: str = ""
    json: bool = False
    host: str | None = None
    tty: bool = False
    columns: int = 80


def run(arguments: Sequence[str], context: Context) -> int:
    """`pystack run`: the daemon in the foreground."""
    parser = OneLineParser(prog="pystack run", description="Run the daemon in the foreground.")
    parser.add_argument("-c", dest="config", metavar="FILE", default="", help="TOML; without: a small lab")
    parser.add_argument("--check", action="store_true", help="validate the configuration and end")
    parser.add_argument(
        "--allow-system-changes",
        action="store_true",
        help="also take over devices that pystack did not make (packet ports)",
    )
    parser.add_argument(
        "--state", metavar="FILE", default="", help="keep flows there from one run to the next"
    )
    options = parser.parse_args(arguments)
    if options.check:
        from pystack.daemon.checking import check

        return check(options.config, options.allow_system_changes)
    from pystack.daemon.keeper import Terms
    from pystack.daemon.keeper_link import start_keeper

    terms = Terms(options.config, options.state, options.allow_system_changes)
    link = start_keeper(terms)
    from pystack.daemon.server import run as run_daemon

    return run_daemon(link, terms, context.socket)


def doctor(arguments: Sequence[str], context: Context) -> int:
    """`pystack doctor`: what this kernel and these rights allow, and what was left behind."""
    parser = OneLineParser(
        prog="pystack doctor", description="What works here, and what a dead daemon left behind."
    )
    parser.add_argument("--clean", action="store_true", help="take back what a dead daemon left")
    parser.add_argument("--json", action="store_true", help="one array, for programs")
    options = parser.parse_args(arguments)
    from pystack.daemon.doctor import doctor as examine

    return examine(
        context.socket or os.environ.get(SOCKET_VARIABLE, ""),
        clean=options.clean,
        as_json=context.json or options.json,
    )


def compare(arguments: Sequence[str], context: Context) -> int:
    """`pystack compare`: scenarios into the kernel and into pystack, or the kernel's log against pystack."""
    way, *rest = arguments or [""]
    if way == "live":
        from pystack.compare.lab.ending import end_cleanly
        from pystack.compare.live.verb import compare_live

        end_cleanly()
        return compare_live(rest, as_json=context.json)
    if way in ("-h", "--help"):
        sys.stdout.write(
            "usage: pystack compare lab SCENARIO…   (pystack compare lab --help says more)\n"
            "       pystack compare log FILE…       (pystack compare log --help says more)\n"
            "       pystack compare live [NETNS]    (pystack compare live --help says more)\n"
        )
        return 0
    if way == "log":
        import signal

        from pystack.compare.log.verb import compare_log

        signal.signal(signal.SIGTERM, signal.default_int_handler)  # following ends as by Ctrl-C
        return compare_log(rest, as_json=context.json)
    if way != "lab":
        return _complain(f"compare: which way? (known: lab, live, log), not {way!r}")
    from pystack.compare.lab.ending import end_cleanly
    from pystack.compare.lab.verb import compare_lab

    end_cleanly()
    return compare_lab(rest, as_json=context.json)


def fuzz(arguments: Sequence[str], context: Context) -> int:
    """`pystack fuzz`: random scenarios into the kernel and into pystack."""
    from pystack.compare.lab.ending import end_cleanly
    from pystack.compare.lab.fuzz_verb import fuzz as run_fuzz

    end_cleanly()
    return run_fuzz(arguments, as_json=context.json)


def _complain(sentence: str, rc: int = USAGE) -> int:
    sys.stderr.write("".join(f"pystack: {line}\n" for line in sentence.splitlines()))
    return rc


def execute(arguments: Sequence[str], context: Context) -> int:
    """`pystack exec`: a trio program on pystack's sockets."""
    parser = OneLineParser(
        prog="pystack exec",
        description="Run a trio program on pystack's sockets instead of the kernel's: a daemon's, or, with "
        "-c, with `pystack --setup FILE exec`, or if no daemon runs, those of a stack that lives as long.",
    )
    parser.add_argument("-c", dest="config", metavar="FILE", default="", help="TOML as for `run`")
    parser.add_argument("--allow-system-changes", action="store_true", help="as for `run`")
    parser.add_argument("script", metavar="SCRIPT.py")
    rest = parser.add_argument("arguments", metavar="ARGUMENTS", nargs=argparse.REMAINDER)
    rest.required = False  # argparse would name it among what is missing
    options = parser.parse_args(arguments)
    if not os.access(options.script, os.R_OK):
        return _complain(f"exec: {options.script}: no such file, or it may not be read")
    if sum(map(bool, (options.config, context.setup, context.socket))) > 1:
        return _complain("exec: -c, --setup and -S: one stack is enough")
    if not options.config and not context.setup:
        from pystack.daemon.client_session import Unreachable, connect

        named = context.socket or os.environ.get(SOCKET_VARIABLE, "")
        try:
            return _execute_on_daemon(connect(named), options, context)
        except Unreachable as error:
            if error.rc != NO_DAEMON or named:
                return _complain(str(error), error.rc)
    return _execute_on_own_stack(options, context)


def _execute_on_daemon(connection: socket.socket, options: argparse.Namespace, context: Context) -> int:
    from pystack.daemon.script_on_daemon import run_script

    return run_script(connection, context.ns, options.script, options.arguments)


def _execute_on_own_stack(options: argparse.Namespace, context: Context) -> int:
    from pystack.daemon.keeper import Terms
    from pystack.daemon.keeper_link import start_keeper

    terms = Terms(options.config, "", options.allow_system_changes)
    link = start_keeper(terms)
    from pystack.daemon.script_on_own import run_script

    return run_script(link, terms, context.setup, context.ns, options.script, options.arguments)


def forward(arguments: Sequence[str], context: Context) -> int:
    """`pystack forward`: joins a socket of the kernel's and one of pystack's."""
    parser = OneLineParser(
        prog="pystack forward",
        description="Join sockets of the kernel and of pystack, until Ctrl-C: who connects to HOST:PORT in "
        "the kernel is joined with a connection from pystack to ADDR:PORT; with -R the other way round.",
    )
    parser.add_argument("-R", "--reverse", action="store_true", help="listen at ADDR:PORT inside pystack")
    parser.add_argument("protocol", choices=("tcp", "udp"))
    parser.add_argument("here", metavar="HOST:PORT", help="the kernel's side")
    parser.add_argument("there", metavar="ADDR:PORT", help="pystack's side")
    options = parser.parse_args(arguments)
    from pystack.daemon.forward import forward_places

    named = context.socket or os.environ.get(SOCKET_VARIABLE, "")
    words = options.here, options.there
    return forward_places(named, context.ns, options.protocol, words, reverse=options.reverse)


def take_over(arguments: Sequence[str], context: Context) -> int:
    """`pystack import`: the state of a namespace of the kernel as a setup."""
    parser = OneLineParser(
        prog="pystack import",
        description="Print the state of a namespace of the kernel as a setup: links, addresses, routes, "
        "rules, neighbours, bridges, sysctls, firewalls; on standard error by name what is not modelled.",
    )
    parser.add_argument(
        "netns", metavar="NETNS", nargs="?", default="", help="a name or a path; without: where you are"
    )
    options = parser.parse_args(arguments)
    from pystack.daemon.importing import print_state

    return print_state(options.netns)


def whatif(arguments: Sequence[str], context: Context) -> int:
    """`pystack whatif`: what a change would cut on a live host."""
    from pystack.compare.whatif.verb import whatif as ask

    return ask(arguments, netns=context.host or "", as_json=context.json)


VERBS: Final[dict[str, Callable[[Sequence[str], Context], int]]] = {
    "run": run,
    "doctor": doctor,
    "compare": compare,
    "fuzz": fuzz,
    "exec": execute,
    "forward": forward,
    "import": take_over,
    "whatif": whatif,
}


def in_process(argv: Sequence[str], context: Context) -> int:
    """`pystack --setup FILE COMMAND`, `pystack --host COMMAND`: build a stack, run one command, end."""
    from pystack.daemon.in_process import Manner, run_command
    from pystack.drivers.garbage import gc_discipline

    gc_discipline()
    manner = Manner(context.ns, tty=context.tty, columns=context.columns, json=context.json)
    if context.host is None:
        return run_command(argv, context.setup, manner)
    from pystack.daemon.importing import run_on_copy

    return run_on_copy(argv, context.host, manner)
