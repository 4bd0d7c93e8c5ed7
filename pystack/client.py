"""What starts when you type `pystack`: a client of the daemon's control socket.

Almost every command runs inside the daemon; here its streams, its files and its signals are lent to it. So
this imports next to nothing and starts in a fraction of the time that the stack would take. Verbs that need
no daemon are passed on to cli.py.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from pystack import __version__
from pystack.applets.nearest import nearest
from pystack.daemon.output import OutputFailed, write_all
from pystack.daemon.places import SOCKET_VARIABLE
from pystack.daemon.protocol import ProtocolError, Request
from pystack.daemon.verb_help import asks_an_applet, help_of

if TYPE_CHECKING:
    from pystack.cli import Context

FAILED: Final = 1
USAGE: Final = 2
NO_DAEMON: Final = 3
LACKING: Final = 4

# They need no daemon.
OWN_VERBS: Final = frozenset({"run", "doctor", "compare", "fuzz", "exec", "forward", "import", "whatif"})
DAEMON_VERBS: Final = frozenset({"status", "reload", "stop", "setup", "explain"})
INSIDE_A_STACK: Final = frozenset(
    {("exec", "-n"), ("exec", "--setup"), ("forward", "-n"), ("whatif", "--host")}
)
NOT_BUILT_YET: Final = frozenset("trace web bench".split())

NAMESPACE: Final = re.compile(r"[\w./][\w./-]*")  # its name or path; a packet has more than one word

# Sent along: what decides how a command prints.
ENVIRONMENT: Final = ("COLUMNS", "LANG", "LC_ALL", "LC_TIME", "LINES", "NO_COLOR", "TERM", "TZ")

HELP: Final = """\
usage: pystack [-n NAME] [-S PATH | --setup FILE | --host[=NETNS]] [--json] COMMAND [ARGUMENTS]

  run [-c FILE] [--check] [--allow-system-changes] [--state FILE]
                             the daemon in the foreground; without a file a small lab
  status                     how the daemon is
  reload [--dry-run]         take in the changed configuration; or print what would change
  stop                       end the daemon
  setup                      the running state as a setup
  hooks                      what hangs at the hooks: family, hook, priority, who, packets
  doctor [--clean]           what this kernel and these rights allow; what was left behind
  explain PACKET [--in DEV | --out] [--setup FILE | --host [NETNS]] [--reply] [--detailed | --path | --json]
                             what would happen to a packet, stage by stage, and why
  compare lab SCENARIO…      the same scenarios into the kernel and into pystack, side by side
  compare live [NETNS]       the packets of a live namespace through the kernel and a copy of it
  compare log FILE…          what LOG lines of the kernel's log tell of packets, held against pystack
  fuzz [AREA…]               random scenarios into both, and the smallest file for each difference
  import [NETNS]             the state of a namespace of the kernel as a setup
  whatif 'COMMAND'           what a change would cut on a live host, before it is typed
  exec [-c FILE] SCRIPT.py   a trio program on pystack's sockets instead of the kernel's
  forward [-R] tcp|udp HOST:PORT ADDR:PORT
                             join a socket of the kernel's (HOST:PORT) and one of pystack's (ADDR:PORT)
  sh [-c "CMD; CMD"] [FILE]  a prompt, or a file, of commands such as these:
  ip, bridge, sysctl, ping, arping, tcpdump …

  -n NAME       inside this namespace of pystack's
  -S PATH       the daemon's control socket (else PYSTACK_SOCKET, else the one daemon that runs)
  --setup FILE  no daemon: build the stack from the file, run the command, end
  --host[=NETNS]  the same with the state of a namespace of the kernel (pystack import says what it is)
  --json        for programs
  --version     the version
"""


class UsageError(Exception):
    """The command line says nothing that we know; the text is the sentence."""


class Options(NamedTuple):
    """What stands before the command."""

    socket: str = ""
    setup: str = ""
    ns: str = ""
    json: bool = False
    host: str | None = None  # a namespace of the kernel that is taken over; "": where we are


def main() -> int:
    """The exit code of the command."""
    fill_closed_streams()
    try:
        return dispatch(sys.argv)
    except UsageError as error:
        return complain(str(error), USAGE)
    except ProtocolError as error:
        return complain(f"the daemon and this client do not understand each other: {error}", FAILED)
    except OutputFailed as error:
        return complain(str(error), FAILED)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return abandon_output()


def dispatch(argv: list[str]) -> int:
    """Find out who serves the command."""
    name = os.path.basename(argv[0])
    if name not in ("pystack", "__main__.py"):  # linked under an applet's name
        return serve(Options(), [name, *argv[1:]])
    options, command = parse(argv[1:])
    if not command:
        raise UsageError("what is to be done? (pystack --help)")
    if command[0] in ("-h", "--help", "help"):
        write_all(1, HELP.encode())
        return 0
    if command[0] in ("-V", "--version"):
        write_all(1, f"pystack {__version__}\n".encode())
        return 0
    return serve(options, command)


def parse(arguments: list[str]) -> tuple[Options, list[str]]:
    """Split what is ours from the command; everything behind the command's name is the command's."""
    options: dict[str, str] = {}
    wanted = {"-n": "ns", "-S": "socket", "--setup": "setup"}
    json = False
    host: str | None = None
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        word, equals, value = rest[0].partition("=")
        if word in ("-h", "--help", "-V", "--version"):
            break
        del rest[0]
        if word == "--json" and not equals:
            json = True
        elif word == "--host":
            host = value
        elif word in wanted and (equals or rest):
            options[wanted[word]] = value if equals else rest.pop(0)
        elif word in wanted:
            raise UsageError(f"{word} takes a value")
        else:
            raise UsageError(
                f"{word} is not an option (known: -n, -S, --setup, --host, --json, --help, --version)"
            )
    return Options(**options, json=json, host=host), rest


def serve(options: Options, command: list[str]) -> int:
    """Have the command done, by whoever can."""
    verb = command[0]
    if verb in NOT_BUILT_YET:
        raise UsageError(f"{verb}: not built yet")
    if told := help_of(command):
        write_all(1, told.encode())
        return 0
    refuse_misspelt(verb)
    if verb == "explain":
        options, command = explain_request(options, command)
    if sum(map(bool, (options.socket, options.setup, options.host is not None))) > 1:
        raise UsageError("-S, --setup and --host: one stack is enough")
    if verb in OWN_VERBS:
        return serve_without_stack(options, command)
    if options.setup or options.host is not None:
        from pystack import cli

        return cli.in_process(command, context_of(options, command))
    from pystack.daemon.client_session import TooLong, Unreachable, connect, converse

    try:
        connection = connect(options.socket or os.environ.get(SOCKET_VARIABLE, ""))
        return converse(connection, request_for(options, command))
    except Unreachable as error:
        refuse_unknown(verb)
        if verb not in DAEMON_VERBS and asks_an_applet(command):
            from pystack import cli

            return cli.in_process(command, context_of(Options(setup=os.devnull), command))
        return complain(str(error), error.rc)
    except TooLong as error:
        return complain(str(error), USAGE)


def refuse_misspelt(verb: str) -> None:
    """Whoever carries commands out knows no verbs of ours, and could not say which one was meant."""
    verbs = OWN_VERBS | DAEMON_VERBS
    if verb in verbs or (meant := nearest(verb, sorted(verbs))) is None:
        return
    from pystack.applets.registry import COMMANDS

    if COMMANDS.refusal(verb) is not None:
        raise UsageError(f"{verb}: there is no such command; did you mean {meant}? (pystack --help)")


def refuse_unknown(verb: str) -> None:
    """A word that no daemon would know is no reason to look for one."""
    from pystack.applets.registry import COMMANDS

    refusal = COMMANDS.refusal(verb)
    if refusal is not None and verb not in DAEMON_VERBS:
        raise UsageError(refusal)


def explain_request(options: Options, command: list[str]) -> tuple[Options, list[str]]:
    """Its --setup may stand behind it, and a packet in scapy's notation is read here."""
    words = command[1:]
    if "--host" in words:
        at = words.index("--host")
        is_named = at + 1 < len(words) and NAMESPACE.fullmatch(words[at + 1]) is not None
        options = options._replace(host=words[at + 1] if is_named else "")
        del words[at : at + 1 + is_named]
    while "--setup" in words[:-1]:
        at = words.index("--setup")
        options = options._replace(setup=words[at + 1])
        del words[at : at + 2]
    if any("(" in word for word in words):
        from pystack.daemon.explain_packet import NoPacket, without_notation

        try:
            words = without_notation(words)
        except NoPacket as error:
            raise UsageError(str(error)) from None
    return options, ["explain", *words]


def serve_without_stack(options: Options, command: list[str]) -> int:
    """A verb that is about this machine, or begins a daemon."""
    from pystack import cli
    from pystack.daemon.json_output import VERBS, json_refusal

    verb = command[0]
    for option, value in (
        ("-n", options.ns),
        ("--setup", options.setup),
        ("--host", options.host is not None),
    ):
        if value and (verb, option) not in INSIDE_A_STACK:
            raise UsageError(f"{verb}: {option} is for commands inside a stack")
    if options.json and verb not in VERBS:
        raise UsageError(json_refusal(verb))
    return cli.VERBS[verb](command[1:], context_of(options, command))


def context_of(options: Options, command: list[str]) -> Context:
    """What cli.py is to know of us."""
    from pystack.cli import Context

    return Context(*options, tty=is_interactive(command), columns=columns())


def request_for(options: Options, command: list[str]) -> Request:
    """What the daemon is to know of us."""
    import time

    return Request(
        argv=command,
        ns=options.ns,
        env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
        tty=is_interactive(command),
        columns=columns(),
        utc_offset=time.localtime().tm_gmtoff,
        json=options.json,
    )


def is_interactive(command: list[str]) -> bool:
    """Whether somebody looks at the output; a shell's prompt is for those who also type."""
    return os.isatty(1) and (command[0] != "sh" or os.isatty(0))


def columns() -> int:
    """How wide the terminal is."""
    given = os.environ.get("COLUMNS", "")
    if given.isascii() and given.isdigit() and 0 < int(given) <= 10_000:
        return int(given)
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80


def fill_closed_streams() -> None:
    """Started with a standard stream closed, our socket would get its number, and be taken for it."""
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number: this one


def complain(text: str, rc: int) -> int:
    """One line a fault."""
    sys.stderr.write("".join(f"pystack: {line}\n" for line in text.splitlines()))
    return rc


def abandon_output() -> int:
    """The reader of our output went: end like those whom SIGPIPE ends, and let nothing be flushed at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    return 128 + 13
