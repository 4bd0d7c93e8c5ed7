"""`sysctl`: read and write the settings below /proc/sys, in the words of procps 4.0.2."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from pystack.applets import procfs
from pystack.applets.glob import glob_matches, is_glob
from pystack.applets.procfs import ROUTE_FLUSH
from pystack.applets.requests import FileRefused, Steps, read_file, read_stdin
from pystack.applets.session import Session
from pystack.errors import ENOENT, NetError, NotModelled
from pystack.sysctl import Knob
from pystack.sysctl_defaults import Path

VERSION: Final = "sysctl from procps-ng 4.0.2\n"
PROC_SYS: Final = "/proc/sys/"
DEFAULT_FILE: Final = "/etc/sysctl.conf"
DEPRECATED: Final = ("base_reachable_time", "retrans_time")
FAILURE: Final = 1

_LONG: Final = {
    "all": "a",
    "binary": "b",
    "ignore": "e",
    "names": "N",
    "values": "n",
    "load": "p",
    "quiet": "q",
    "write": "w",
    "pattern": "r",
    "help": "h",
    "version": "V",
}
_FLAGS: Final = {"e": "ignore_errors", "N": "name_only", "w": "write_mode", "q": "quiet"}


@dataclass(slots=True)
class _Options:
    show_all: bool = False
    print_name: bool = True
    print_newline: bool = True
    ignore_errors: bool = False
    name_only: bool = False
    write_mode: bool = False
    quiet: bool = False
    deprecated: bool = False
    dry_run: bool = False
    pattern: re.Pattern[str] | None = None
    files: list[str] | None = None
    words: list[str] = field(default_factory=list)

    def wants(self, text: str) -> bool:
        """Whether -r lets it through."""
        return self.pattern is None or self.pattern.search(text) is not None


@dataclass(frozen=True, slots=True)
class _Setting:
    """One `key = value`; without a value it keeps a key from the patterns of others."""

    path: Path
    value: str | None


class _Usage(Exception):
    """The command line is not understood, or help is asked for."""

    def __init__(self, code: int, complaint: str = "") -> None:
        self.code = code
        self.complaint = complaint


def run(args: Sequence[str], session: Session) -> Steps:
    """Linux: procps src/sysctl.c main()"""
    try:
        options = _parse(args, session)
    except _Usage as usage:
        out = session.io.err if usage.code else session.io.out
        session.io.err.write(usage.complaint)
        out.write(USAGE)
        return usage.code
    if options is None:
        return 0
    applet = _Sysctl(options, session)
    if options.show_all:
        return applet.show_folder(())
    if options.files is not None:
        return (yield from _load(applet, options, session))
    if not options.words:
        session.io.err.write(f"sysctl: no variables specified\n{_TRY_HELP}")
        return FAILURE
    if options.name_only and options.quiet:
        session.io.err.write(f"sysctl: options -N and -q cannot coexist\n{_TRY_HELP}")
        return FAILURE
    return applet.each_word()


def _parse(args: Sequence[str], session: Session) -> _Options | None:
    """None where there is nothing more to do."""
    if not args:
        raise _Usage(FAILURE)
    options, rest = _Options(), list(args)
    while rest:
        word = rest.pop(0)
        if word == "--":
            options.words += rest
            break
        if word.startswith("--"):
            letters, value = _long_option(word[2:], options)
        elif word.startswith("-") and word != "-":
            letters, value = word[1:], None
        else:
            options.words.append(word)
            continue
        while letters:
            letter, letters = letters[0], letters[1:]
            if letter in "pr" and value is None:
                value, letters = letters, ""
            if letter == "r" and not value:
                if not rest:
                    raise _Usage(0, "sysctl: option requires an argument -- 'r'\n")
                value = rest.pop(0)
            if not _take(letter, value or "", options, session):
                return None
            value = None
    return options


def _long_option(word: str, options: _Options) -> tuple[str, str | None]:
    name, equals, value = word.partition("=")
    if name == "deprecated":
        options.deprecated = True
        return "", None
    if name == "dry-run":
        options.dry_run = True
        return "", None
    if name == "system":
        raise NotModelled("sysctl --system", ("-p FILE",))
    found = [full for full in _LONG if full.startswith(name)]
    exact = name if name in _LONG else found[0] if len(found) == 1 else ""
    if not exact:
        raise _Usage(0, f"sysctl: unrecognized option '--{word}'\n")
    return _LONG[exact], value if equals else None


def _take(letter: str, value: str, options: _Options, session: Session) -> bool:
    if letter in _FLAGS:
        setattr(options, _FLAGS[letter], True)
    elif letter in "bn":
        options.print_name = False
        options.print_newline = options.print_newline and letter != "b"
    elif letter in "aAX":
        options.show_all = True
    elif letter in "pf":
        options.files = [*(options.files or []), *([value] if value else [])]
    elif letter == "r":
        try:
            options.pattern = re.compile(value)
        except re.error:
            options.pattern = re.compile(r"(?!)")  # a broken pattern matches nothing
    elif letter == "V":
        session.io.out.write(VERSION)
        return False
    elif letter not in "ox":
        complaint = "" if letter in "dh" else f"sysctl: invalid option -- '{letter}'\n"
        raise _Usage(0, complaint)
    return True


def _load(applet: _Sysctl, options: _Options, session: Session) -> Steps:
    """Linux: procps src/sysctl.c Preload()"""
    files = [*(options.files or []), *options.words] or [DEFAULT_FILE]
    settings: list[_Setting] = []
    rc = 0
    for path in files:
        try:
            content = yield from read_stdin(session.io) if path == "-" else read_file(path)
        except FileRefused as refused:
            session.io.err.line(f'sysctl: cannot open "{path}": {refused.text}')
            rc = FAILURE
            continue
        lines = content.decode(errors="surrogateescape").splitlines()
        for number, line in enumerate(lines, start=1):
            setting = applet.parse_setting(line, path, number)
            if setting is not None:
                settings.append(setting)
    return rc | applet.write_all(settings)


class _Sysctl:
    def __init__(self, options: _Options, session: Session) -> None:
        self.options = options
        self.netns = session.netns
        self.out, self.err = session.io.out, session.io.err

    # --- reading ----------------------------------------------------------------------------------------

    def each_word(self) -> int:
        """What stands on the command line, in turn."""
        rc = 0
        for word in self.options.words:
            if not self.options.write_mode and "=" not in word:
                rc |= self.show(word)
                continue
            setting = self.parse_setting(word, "command line", 0)
            rc |= FAILURE if setting is None else self._write(setting.path, setting)
        return rc

    def show(self, word: str) -> int:
        """Linux: procps src/sysctl.c ReadSetting()"""
        path = key_path(word)
        knob = self.netns.sysctls.get(path)
        if knob is not None:
            return self._show_knob(path, knob)
        if path == ROUTE_FLUSH:  # can only be written
            return 0
        if any(True for _ in self._below(path)):
            return self.show_folder(path)
        procfs.refuse_unknown(path)
        if self.options.ignore_errors:
            return 0
        self.err.line(f"sysctl: cannot stat {PROC_SYS}{'/'.join(path)}: No such file or directory")
        return FAILURE

    def show_folder(self, folder: Path) -> int:
        """Linux: procps src/sysctl.c DisplayAll()"""
        for path, knob in self._below(folder):
            if self.options.deprecated or path[-1] not in DEPRECATED:
                self._show_knob(path, knob)
        return 0

    def _below(self, folder: Path) -> Iterator[tuple[Path, Knob]]:
        return ((path, knob) for path, knob in self.netns.sysctls if path[: len(folder)] == folder)

    def _show_knob(self, path: Path, knob: Knob) -> int:
        key = key_text(path)
        if not self.options.wants(key):
            return 0
        if self.options.name_only:
            self.out.line(key)
        elif self.options.print_name:
            self.out.line(f"{key} = {knob.text}")
        else:
            self.out.write(knob.text + ("\n" if self.options.print_newline else ""))
        return 0

    # --- writing ----------------------------------------------------------------------------------------

    def parse_setting(self, line: str, where: str, number: int) -> _Setting | None:
        """Linux: procps src/sysctl.c parse_setting_line()"""
        key = line.lstrip()
        if len(key.rstrip("\n")) < 1 or key[0] in "#;" or not self.options.wants(key):
            return None
        head, equals, value = key.partition("=")
        excluded = head.startswith("-")
        if not equals and not excluded:
            self.err.line(f"sysctl: {where}({number}): invalid syntax, continuing...")
            return None
        path = key_path(head.removeprefix("-").rstrip())
        return _Setting(path, value.strip() if equals else None)

    def write_all(self, settings: Sequence[_Setting]) -> int:
        """Patterns spare what another line names. Linux: procps src/sysctl.c write_setting_list()"""
        rc = 0
        named = {setting.path for setting in settings}
        for setting in settings:
            if setting.value is None:
                continue
            if not any(is_glob(word) for word in setting.path):
                rc |= self._write(setting.path, setting)
                continue
            for path, _ in list(self.netns.sysctls):
                if path not in named and _path_matches(setting.path, path):
                    rc |= self._write(path, setting)
        return rc

    def _write(self, path: Path, setting: _Setting) -> int:
        """Linux: procps src/sysctl.c WriteSetting()"""
        key, value = key_text(path), setting.value or ""
        if path == ("",):
            self.err.line(f"sysctl: Path is not under {PROC_SYS}: {PROC_SYS}")
            return FAILURE
        try:
            if path != ROUTE_FLUSH and not procfs.knob_of(self.netns, path).writable:
                self.err.line(f'sysctl: setting key "{key}": Invalid argument')  # and it goes on
                return 0
            if not self.options.dry_run:
                procfs.write_setting(self.netns, path, value)
        except NetError as error:
            return self._complain(path, error)
        if not self.options.quiet or self.options.dry_run:
            self._echo(key, value)
        return 0

    def _complain(self, path: Path, error: NetError) -> int:
        if error.number != ENOENT:
            self.err.line(f'sysctl: setting key "{key_text(path)}": {error.text}')
            return FAILURE
        if self.options.ignore_errors:
            return 0
        self.err.line(f"sysctl: cannot stat {PROC_SYS}{'/'.join(path)}: {error.text}")
        return FAILURE

    def _echo(self, key: str, value: str) -> None:
        if self.options.name_only:
            self.out.line(value)
        elif self.options.print_name:
            self.out.line(f"{key} = {value}")
        else:
            self.out.write(value + ("\n" if self.options.print_newline else ""))


def key_path(key: str) -> Path:
    """The folders and the name that a key means; the first separator says which of `.` and `/` separates.

    Linux: procps src/sysctl.c slashdot()
    """
    first = next((character for character in key if character in "./"), ".")
    if first == "/":
        return tuple(key.split("/"))
    return tuple(word.replace("/", ".") for word in key.split("."))


def key_text(path: Path) -> str:
    """A path as sysctl writes it: a dot within a name becomes a slash."""
    return ".".join(word.replace(".", "/") for word in path)


def _path_matches(pattern: Path, path: Path) -> bool:
    return len(pattern) == len(path) and all(map(glob_matches, pattern, path))


_TRY_HELP: Final = "Try `sysctl --help' for more information.\n"

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
