"""`sysctl`: read and write what stands below /proc/sys, in the words of procps-ng 4.0.2 on Debian 12."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Final

from pystack.applets.ere import compile_ere
from pystack.applets.getopt import BadOption, Getopt
from pystack.applets.glob import is_glob
from pystack.applets.requests import Answer, FileRefused, Request, Steps, read_file, read_stdin
from pystack.applets.session import USAGE as NOT_MODELLED
from pystack.applets.session import Session
from pystack.applets.sysctl_keys import Branch, Tree, swap
from pystack.errors import NetError, NotModelled
from pystack.sysctl import Knob

VERSION: Final = "sysctl from procps-ng 4.0.2\n"
PROC_SYS: Final = "/proc/sys/"
DEFAULT_FILE: Final = "/etc/sysctl.conf"
DEPRECATED: Final = ("base_reachable_time", "retrans_time")
FAILURE: Final = 1
UNKNOWN_KEY: Final = -1

_SHORT: Final = "bneNwfp::qoxaAXr:Vdh"
_LONG: Final = {
    "all": "a",
    "deprecated": "deprecated",
    "dry-run": "dry_run",
    "binary": "b",
    "ignore": "e",
    "names": "N",
    "values": "n",
    "load": "p",
    "quiet": "q",
    "write": "w",
    "system": "system",
    "pattern": "r",
    "help": "h",
    "version": "V",
}
_FLAGS: Final = {
    "a": "all",
    "A": "all",
    "X": "all",
    "e": "ignore_errors",
    "N": "name_only",
    "w": "write_mode",
    "q": "quiet",
    "deprecated": "deprecated",
    "dry_run": "dry_run",
}
_SPACE: Final = " \t\n\v\f\r"
_FILE_PATTERN: Final = "*?[{"


@dataclass(slots=True)
class Options:
    """What the command line asks for."""

    all: bool = False
    print_name: bool = True
    print_newline: bool = True
    ignore_errors: bool = False
    name_only: bool = False
    write_mode: bool = False
    quiet: bool = False
    deprecated: bool = False
    dry_run: bool = False
    load: bool = False
    file: str = ""
    pattern: re.Pattern[str] | None = None
    no_match: bool = False  # the pattern is broken

    def wants(self, text: str) -> bool:
        """Whether -r lets it through. Linux: procps src/sysctl.c pattern_match()"""
        return not self.no_match and (self.pattern is None or self.pattern.search(text) is not None)


@dataclass(frozen=True, slots=True)
class Setting:
    """`path = value`; without a value it keeps a path from the patterns of other lines."""

    path: str
    value: str | None
    excluded: bool = False


def run(args: Sequence[str], session: Session) -> Steps:
    """Linux: procps src/sysctl.c main()"""
    io = session.io
    if not args:
        io.err.write(USAGE)
        return FAILURE
    options = Options()
    getopt = Getopt(args, _SHORT, {name: _takes(letter) for name, letter in _LONG.items()})
    try:
        for name, argument in getopt:
            letter = _LONG.get(name, name)
            if letter == "V":
                io.out.write(VERSION)
                return 0
            if letter in ("d", "h"):
                io.out.write(USAGE)
                return 0
            _take(options, letter, argument)
    except BadOption as bad:
        io.err.line(f"sysctl: {bad}")
        io.out.write(USAGE)
        return 0
    return (yield from _Sysctl(options, session).run(getopt.operands))


def _takes(letter: str) -> int:
    return {"p": 2, "r": 1}.get(letter, 0)


def _take(options: Options, letter: str, argument: str) -> None:
    if letter in _FLAGS:
        setattr(options, _FLAGS[letter], True)
    elif letter in ("b", "n"):
        options.print_name = False
        options.print_newline = options.print_newline and letter != "b"
    elif letter in ("p", "f"):
        options.load = True
        options.file = argument or options.file
    elif letter == "r":
        options.pattern = compile_ere(argument)
        options.no_match = options.pattern is None
    elif letter == "system":
        raise NotModelled("sysctl --system", ("--load=FILE",))


class _Sysctl:
    def __init__(self, options: Options, session: Session) -> None:
        self._options = options
        self._io = session.io
        self._out = session.io.out
        self._tree = Tree(session.netns)
        self._origins = session.host.origins
        self._refused = False  # something is not modelled, and was said to be so

    def run(self, words: Sequence[str]) -> Steps:
        options = self._options
        rc = 0
        if options.all:
            rc = self._show_folder("")
        elif options.load:
            rc = yield from self._load(words)
        elif not words:
            return self._usage("no variables specified")
        elif options.name_only and options.quiet:
            return self._usage("options -N and -q cannot coexist")
        else:
            for word in words:
                rc = self._word(word, rc)
        return NOT_MODELLED if self._refused else rc & 0xFF

    def _usage(self, complaint: str) -> int:
        self._warn(f"{complaint}\nTry `sysctl --help' for more information.")
        return FAILURE

    def _word(self, word: str, rc: int) -> int:
        """One operand; failures of reading are counted, those of writing are not."""
        try:
            if not self._options.write_mode and "=" not in word:
                return rc + self._show(word)
            setting = self._parse(word, "command line", 0)
            return rc | (FAILURE if setting is None else self._write(setting.path, setting))
        except NotModelled as error:
            self._refuse(error)
            return rc

    # --- reading ----------------------------------------------------------------------------------------

    def _show(self, name: str) -> int:
        """Linux: procps src/sysctl.c ReadSetting()"""
        if not name:
            self._warn('"" is an unknown key')
            return UNKNOWN_KEY
        swap(name, ".", self._warn)  # procps does it twice, and warns twice
        key = swap(name, ".", self._warn)
        path = swap(name, "/", self._warn)
        node = self._stat(path)
        if node is None:
            return 0 if self._options.ignore_errors else FAILURE
        if isinstance(node, Knob):
            return self._show_knob(key, node)
        if self._is_root(path):
            return UNKNOWN_KEY
        return self._show_folder(f"{path}/")

    def _show_folder(self, path: str) -> int:
        """Linux: procps src/sysctl.c DisplayAll()"""
        node = self._tree.find(path)
        assert isinstance(node, dict)
        rc = 0
        for name in sorted(node):
            if name in DEPRECATED and not self._options.deprecated:
                continue
            if isinstance(node[name], dict):
                self._show_folder(f"{path}{name}/")
            else:
                rc |= self._show(f"{path}{name}")
        return rc

    def _show_knob(self, key: str, knob: Knob) -> int:
        options = self._options
        if not knob.readable or not options.wants(key):
            return 0
        if options.name_only:
            self._out.line(key)
        elif options.print_name:
            self._out.line(f"{key} = {knob.text}")
        else:
            self._out.write(knob.text + ("\n" if options.print_newline else ""))
        return 0

    # --- writing ----------------------------------------------------------------------------------------

    def _parse(self, line: str, where: str, number: int) -> Setting | None:
        """Linux: procps src/sysctl.c parse_setting_line()"""
        key = line.lstrip(_SPACE)
        if len(key.encode(errors="surrogateescape")) < 2 or key[0] in "#;" or not self._options.wants(key):
            return None
        head, equals, value = key.partition("=")
        if not equals and not head.startswith("-"):
            self._warn(f"{where}({number}): invalid syntax, continuing...")
            return None
        path = swap(head.removeprefix("-").rstrip(_SPACE).removeprefix("-"), "/", self._warn)
        return Setting(path, value.strip(_SPACE) if equals else None, excluded=not equals)

    def _write(self, path: str, setting: Setting) -> int:
        """Linux: procps src/sysctl.c WriteSetting()"""
        node = self._stat(path)
        if node is None:
            return 0 if self._options.ignore_errors else FAILURE
        if self._is_root(path):
            return FAILURE
        key = swap(path, ".", self._warn)
        if not isinstance(node, Knob) or not node.writable:
            self._warn(f'setting key "{key}": Invalid argument')  # and that is no failure
            return 0
        # Without a value procps 4.0.2 writes what the C library prints for none.
        value = "(null)" if setting.value is None else setting.value
        if not self._options.dry_run:
            try:
                node.write(value)
                self._origins.note(node)
            except NetError as error:
                self._warn(f'setting key "{key}": {error.text}')
                return FAILURE
        if not self._options.quiet or self._options.dry_run:
            self._echo(key, value)
        return 0

    def _echo(self, key: str, value: str) -> None:
        if self._options.name_only:
            self._out.line(value)  # not the name: procps 4.0.2 does so
        elif self._options.print_name:
            self._out.line(f"{key} = {value}")
        else:
            self._out.write(value + ("\n" if self._options.print_newline else ""))

    def _load(self, words: Sequence[str]) -> Generator[Request, Answer, int]:
        """Linux: procps src/sysctl.c Preload(), write_setting_list()"""
        settings: list[Setting] = []
        rc = 0
        files = [*([self._options.file] if self._options.file else []), *words] or [DEFAULT_FILE]
        for path in files:
            if any(sign in path for sign in _FILE_PATTERN):
                raise NotModelled(f"sysctl -p with a pattern of files ({path})", ("-p FILE",))
            try:
                content = yield from (read_stdin(self._io) if path == "-" else read_file(path))
            except FileRefused as refused:
                if refused.text == "Is a directory":  # can be opened, and holds no line
                    continue
                self._warn(f'cannot open "{path}": {refused.text}')
                rc = FAILURE
                continue
            settings += self._lines(path, content.decode(errors="surrogateescape"))
        return rc | self._write_all(settings)

    def _lines(self, path: str, content: str) -> list[Setting]:
        found = []
        for number, line in enumerate(content.split("\n"), start=1):
            text = line.partition("\0")[0]  # as far as C reads
            setting = self._parse(f"{text}\n" if text else "", path, number)
            if setting is not None:
                found.append(setting)
        return found

    def _write_all(self, settings: Sequence[Setting]) -> int:
        """Patterns spare what another line names. Linux: procps src/sysctl.c write_setting_list()"""
        named = {setting.path for setting in settings}
        rc = 0
        for setting in settings:
            if setting.excluded:
                continue
            pattern = is_glob(setting.path)
            paths = list(self._tree.matches(setting.path)) if pattern else [setting.path]
            for path in paths:
                if pattern and path in named:
                    continue
                try:
                    rc |= self._write(path, setting)
                except NotModelled as error:
                    self._refuse(error)
        return rc

    # --- both -------------------------------------------------------------------------------------------

    def _stat(self, path: str) -> Branch | Knob | None:
        try:
            return self._tree.find(path)
        except NetError as error:
            if not self._options.ignore_errors:
                self._warn(f"cannot stat {PROC_SYS}{path}: {error.text}")
            return None

    def _is_root(self, path: str) -> bool:
        """Linux: procps src/sysctl.c is_proc_path()"""
        if path.strip("/"):
            return False
        self._warn(f"Path is not under {PROC_SYS}: {PROC_SYS}{path}")
        return True

    def _warn(self, text: str) -> None:
        self._io.err.line(f"sysctl: {text}")

    def _refuse(self, error: NotModelled) -> None:
        self._refused = True
        self._io.err.line(f"pystack: {error}")


USAGE: Final = """
Usage:
 sysctl [options] [variable[=value] ...]

Options:
  -a, --all            display all variables
  -A                   alias of -a
  -X                   alias of -a
      --deprecated     include deprecated parameters to listing
      --dry-run        Print the key and values but do not write
  -b, --binary         print value without new line
  -e, --ignore         ignore unknown variables errors
  -N, --names          print variable names without values
  -n, --values         print only values of the given variable(s)
  -p, --load[=<file>]  read values from file
  -f                   alias of -p
      --system         read values from all system directories
  -r, --pattern <expression>
                       select setting that match expression
  -q, --quiet          do not echo variable set
  -w, --write          enable writing a value to variable
  -o                   does nothing
  -x                   does nothing
  -d                   alias of -h

 -h, --help     display this help and exit
 -V, --version  output version information and exit

For more details see sysctl(8).
"""
