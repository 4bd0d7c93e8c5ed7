"""`ip netns`: the namespaces of the host, and commands within them."""

from __future__ import annotations

from pystack.applets.iproute.nsid import remember_peers
from pystack.applets.iproute.options import Options
from pystack.applets.iproute.usage_of_objects import NETNS_USAGE, explained
from pystack.applets.iproute.words import USAGE_CODE, ToolExit, Words
from pystack.applets.requests import Steps
from pystack.applets.session import Session
from pystack.errors import NetError, NotModelled
from pystack.netns import Netns

RUN_DIR = "/run/netns"
NAME_MAX = 255


def run(words: Words, options: Options, session: Session) -> Steps:
    """Linux: iproute2 ip/ipnetns.c do_netns()"""
    if not words:
        return _list(options, session)
    command = words.take()
    if not options.all and words and _is_invalid(words.word):
        raise ToolExit(USAGE_CODE, f'Invalid netns name "{words.word}"\n')
    if command and any(name.startswith(command) for name in ("list", "show", "lst")):
        return _list(options, session)
    if command and "add".startswith(command):
        return _add(words, session)
    if command and "delete".startswith(command):
        return _delete(words, options, session)
    if command and "identify".startswith(command):
        return _identify(words, session)
    if command and "exec".startswith(command):
        return (yield from _exec(words, options, session))
    if command and "help".startswith(command):
        raise explained(NETNS_USAGE)
    for name in ("list-id", "set", "pids", "monitor", "attach"):
        if command and name.startswith(command):
            raise NotModelled(f"ip netns {name}", ("list", "add", "delete", "exec", "identify"))
    raise ToolExit(USAGE_CODE, f'Command "{command}" is unknown, try "ip netns help".\n')


def find(session: Session, name: str) -> Netns | None:
    """A namespace that has a name."""
    return session.host.namespaces.get(name) if name else None


def _is_invalid(name: str) -> bool:
    return not name or len(name.encode()) > NAME_MAX or "/" in name or name in (".", "..")


def _named(session: Session) -> list[Netns]:
    """Newest first, as the folder lists them."""
    return [netns for name, netns in reversed(session.host.namespaces.items()) if name]


def _list(options: Options, session: Session) -> int:
    remember_peers(session.host)
    printer = options.printer(session.io)
    if not _named(session) and not printer.json:
        return 0
    printer.begin()
    for netns in _named(session):
        printer.open_object()
        printer.put("name", netns.name, netns.name)
        number = session.netns.nsids.get(netns)
        if number is not None:
            printer.put("id", number, f" (id: {number})")
        printer.text("\n")
        printer.close_object()
    printer.end()
    return 0


def _add(words: Words, session: Session) -> int:
    if not words:
        raise ToolExit(1, "No netns name specified\n")
    name = words.take()
    try:
        session.host.add_netns(name)
    except NetError as error:
        path = f"{RUN_DIR}/{name}"
        raise ToolExit(1, f'Cannot create namespace file "{path}": {error.text}\n') from None
    return 0


def _delete(words: Words, options: Options, session: Session) -> int:
    if options.all:
        for netns in _named(session):
            session.host.del_netns(netns.name)
        return 0
    if not words:
        raise ToolExit(1, "No netns name specified\n")
    name = words.take()
    try:
        session.host.del_netns(name)
    except NetError as error:
        path = f"{RUN_DIR}/{name}"
        raise ToolExit(1, f'Cannot remove namespace file "{path}": {error.text}\n') from None
    return 0


def _identify(words: Words, session: Session) -> int:
    if words:
        raise NotModelled("ip netns identify PID", ("ip netns identify",))
    session.io.out.line(session.netns.name)
    return 0


def _exec(words: Words, options: Options, session: Session) -> Steps:
    if options.all:
        return (yield from _exec_everywhere(words.rest(), session))
    if not words:
        raise ToolExit(1, "No netns name specified\n")
    name = words.take()
    argv = words.rest()
    if not argv:
        raise ToolExit(1, "No command specified\n")
    target = find(session, name)
    if target is None:
        text = f'Cannot open network namespace "{name}": No such file or directory\n'
        raise ToolExit(USAGE_CODE, text)
    return (yield from session.within(target).call(argv))


def _exec_everywhere(argv: list[str], session: Session) -> Steps:
    if not argv:
        raise ToolExit(1, "No command specified\n")
    for netns in _named(session):
        session.io.out.write(f"\nnetns: {netns.name}\n")
        yield from session.within(netns).call(argv)
    return 0
