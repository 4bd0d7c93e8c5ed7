"""`ipset`: makes, fills, lists, saves and restores sets of addresses."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from pystack.applets.ipset.elements import Elements
from pystack.applets.ipset.listing import listed, saved
from pystack.applets.ipset.options import addition_of, is_about_excluded, kind_named, settings_of
from pystack.applets.ipset.refused import FAILED, USAGE_ERROR, VERSION, Refused, syntax, usage, worded
from pystack.applets.ipset.usage import USAGE
from pystack.applets.iptables.restore import split
from pystack.applets.requests import Answer, FileRefused, Request, Steps, read_file, read_stdin, write_file
from pystack.applets.session import Session
from pystack.applets.tcpdump.names import Names, load_names
from pystack.errors import NotModelled
from pystack.netfilter.ipset import Fault, IpSet, SetRefused

# By name and by the letter of an old option, with the fewest and the most words that follow.
COMMANDS: Final = {
    "create": ("-N", 2),
    "new": ("", 2),
    "add": ("-A", 2),
    "del": ("-D", 2),
    "test": ("-T", 2),
    "destroy": ("-X", 0),
    "x": ("", 0),
    "list": ("-L", 0),
    "save": ("-S", 0),
    "restore": ("-R", 0),
    "flush": ("-F", 0),
    "rename": ("-E", 2),
    "e": ("", 2),
    "swap": ("-W", 2),
    "w": ("", 2),
    "help": ("-H", 0),
    "version": ("-V", 0),
}
_SAME: Final = {"new": "create", "x": "destroy", "e": "rename", "w": "swap"}
_SWITCHES: Final = {
    "-!": "exist",
    "-q": "quiet",
    "-s": "sorted",
    "-n": "name",
    "-t": "terse",
    "-r": "resolve",
}
_WITH_ARGUMENT: Final = {"-f": "file", "-o": "output"}
_LONGEST_NAME: Final = 31
_HINT: Final = "Try `ipset help' for more information."


@dataclass(slots=True)
class _Line:
    """One command: its words without those that begin with a dash and mean something to all commands."""

    words: list[str] = field(default_factory=list)
    switches: set[str] = field(default_factory=set)
    file: str = ""
    output: str = "plain"


def run(args: Sequence[str], session: Session) -> Steps:
    """The exit code."""
    names = yield from load_names()
    applet = Ipset(session, names)
    err = session.io.err
    try:
        line = _parsed(args)
        command = _command(line)
        if command == "restore":
            return applet.restore((yield from _text_of(line, session)), line)
        text = applet.run(command, line)
        if line.file and command in ("list", "save"):
            file = yield from write_file(line.file)
            file.write(text)
            file.close()
        else:
            session.io.out.write(text)
    except Refused as refused:
        if "-q" not in args and "-quiet" not in args:
            err.write(refusal_text(refused))
        return refused.code
    except FileRefused as refused_file:
        err.line(f"{VERSION}: Cannot open {refused_file.path} for writing: {refused_file.text}")
        return FAILED
    return applet.code


def refusal_text(refused: Refused) -> str:
    """As ipset prints it."""
    hint = f"{_HINT}\n" if refused.code == USAGE_ERROR else ""
    return f"{VERSION}: {refused.text}\n{hint}"


def _text_of(line: _Line, session: Session) -> Generator[Request, Answer, str]:
    """What is restored."""
    if not line.file:
        return (yield from read_stdin(session.io)).decode(errors="surrogateescape")
    try:
        return (yield from read_file(line.file)).decode(errors="surrogateescape")
    except FileRefused as refused:
        raise Refused(f"Cannot open {refused.path} for reading: {refused.text}") from None


def _parsed(args: Sequence[str]) -> _Line:
    """Options may stand anywhere. Linux: ipset lib/ipset.c ipset_match_envopt()"""
    line, waiting = _Line(), list(args)
    while waiting:
        word = waiting.pop(0)
        name = _option(word)
        if name in _SWITCHES.values():
            line.switches.add(name)
        elif name:
            if not waiting:
                raise usage(f"Missing mandatory argument to option -{name}")
            setattr(line, name, waiting.pop(0))
        else:
            line.words.append(word)
    if line.output not in ("plain", "save"):
        if line.output == "xml":
            raise NotModelled("ipset -o xml", ("plain", "save"))
        raise syntax(f"unknown output mode '{line.output}'")
    return line


def _option(word: str) -> str:
    known = _SWITCHES | _WITH_ARGUMENT
    name = known.get(word) or word.lstrip("-")
    return name if word.startswith("-") and name in known.values() else ""


def _command(line: _Line) -> str:
    if not line.words:
        raise usage("No command specified.")
    word = line.words.pop(0)
    plain = word.removeprefix("--")
    letters = {letter: name for name, (letter, _) in COMMANDS.items() if letter}
    found = letters.get(word) or next((name for name in COMMANDS if plain and name.startswith(plain)), None)
    if found is None:
        raise usage(f"No command specified: unknown argument {word}")
    fewest = COMMANDS[found][1]
    command = _SAME.get(found, found)
    if len(line.words) < fewest:
        ordinal = "second mandatory" if line.words else "mandatory"
        raise usage(f"Missing {ordinal} argument to command {command}")
    most = {"rename": 2, "swap": 2, "destroy": 1, "list": 1, "save": 1, "flush": 1}.get(command)
    if most is not None and len(line.words) > most:
        raise usage(f"Unknown argument {line.words[most]}")
    return command


class Ipset:
    """One run."""

    def __init__(self, session: Session, names: Names) -> None:
        self.code = 0
        self._session = session
        self._sets = session.netns.ipsets
        self._names = names

    def run(self, command: str, line: _Line) -> str:
        """Do it; what is printed. Raises Refused."""
        try:
            return self._run(command, line)
        except SetRefused as refused:
            raise Refused(worded(command, refused.fault)) from None

    def _run(self, command: str, line: _Line) -> str:
        words = line.words
        if command in ("list", "save"):
            return "".join(f"{text}\n" for text in self._shown(command, line))
        if command == "create":
            self._create(words, exists_too="exist" in line.switches)
        elif command == "add":
            self._add(words, renews="exist" in line.switches)
        elif command == "del":
            self._delete(words, may_miss="exist" in line.switches)
        elif command == "test":
            self._test(words, quiet="quiet" in line.switches)
        elif command == "rename":
            self._sets.rename(words[0], _checked(words[1]))
        elif command == "swap":
            self._sets.swap(words[0], words[1])
        elif command == "destroy":
            self._sets.destroy(words[0] if words else "")
        elif command == "flush":
            for one in [self._sets.find(words[0])] if words else self._sets:
                one.flush()
        elif command == "help" and not words:
            return USAGE
        elif command == "version":
            return f"{VERSION}, protocol version: 7\n"
        else:
            raise NotModelled(f"ipset {command}", tuple(sorted(set(COMMANDS) - {"help"})))
        return ""

    def restore(self, text: str, line: _Line) -> int:
        """A command a line; those before one that fails stay done."""
        for number, written in enumerate(text.splitlines(), 1):
            if not written.strip() or written.startswith("#") or written.strip() == "COMMIT":
                continue
            try:
                one = _parsed(split(written))
                one.switches |= line.switches
                self._session.io.out.write(self.run(_command(one), one))
            except Refused as refused:
                where = "" if refused.code == USAGE_ERROR else f"Error in line {number}: "
                self._session.io.err.write(refusal_text(Refused(where + refused.text, refused.code)))
                return refused.code
        return 0

    # --- sets ---------------------------------------------------------------------------------------------

    def _create(self, words: list[str], *, exists_too: bool) -> None:
        kind = kind_named(words[1])
        settings = settings_of(kind, words[2:], self._session.netns.rng.u32())
        self._sets.create(_checked(words[0]), settings, exists_too=exists_too)

    def _shown(self, command: str, line: _Line) -> Iterator[str]:
        chosen = [self._sets.find(line.words[0])] if line.words else list(self._sets)
        if "name" in line.switches:
            return (one.name for one in chosen)
        ordered = "sorted" in line.switches
        if command == "save" or line.output == "save":
            return chain.from_iterable(saved(one, self._names, ordered=ordered) for one in chosen)
        return self._listed(chosen, terse="terse" in line.switches, ordered=ordered)

    def _listed(self, chosen: list[IpSet], *, terse: bool, ordered: bool) -> Iterator[str]:
        for number, one in enumerate(chosen):
            if number:
                yield ""
            references = self._session.netns.ipset_references(one)
            yield from listed(one, references, self._names, terse=terse, ordered=ordered)

    # --- elements -----------------------------------------------------------------------------------------

    def _add(self, words: list[str], *, renews: bool) -> None:
        one = self._sets.find(words[0])
        addition = addition_of(one.settings.kind, words[2:])
        keys = Elements(one.settings, self._names).parse(words[1], stores=True)
        for key in keys:
            one.add(key, addition.element(one.settings), addition.timeout, renews=renews)

    def _delete(self, words: list[str], *, may_miss: bool) -> None:
        one = self._sets.find(words[0])
        is_about_excluded(one.settings.kind, words[2:])
        for key in Elements(one.settings, self._names).parse(words[1], stores=False):
            try:
                one.delete(key)
            except SetRefused as refused:
                if refused.fault is not Fault.MISSING or not may_miss:
                    raise

    def _test(self, words: list[str], *, quiet: bool) -> None:
        one = self._sets.find(words[0])
        wanted = is_about_excluded(one.settings.kind, words[2:])
        elements = Elements(one.settings, self._names)
        key = next(elements.parse(words[1], stores=False), None)
        found = None if key is None else next(one.candidates(key), None)
        text = words[1] if key is None or len(key) != 3 or "-" in words[1] else elements.text(key)
        self.code = 0 if found is not None and found.excludes == wanted else FAILED
        if not quiet:
            is_in = f"Warning: {text} is in set {one.name}."
            self._session.io.err.line(is_in if not self.code else f"{text} is NOT in set {one.name}.")


def _checked(name: str) -> str:
    if len(name) > _LONGEST_NAME:
        raise syntax(f"setname '{name}' is longer than {_LONGEST_NAME} characters")
    return name
