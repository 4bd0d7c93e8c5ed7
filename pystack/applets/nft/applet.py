"""`nft`: commands from the command line or a file, as one batch."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Final

from pystack.applets.nft.cache import Cache
from pystack.applets.nft.errors import NftError
from pystack.applets.nft.evaluate import as_declared, evaluate, expand
from pystack.applets.nft.evaluate.collapse import collapsed
from pystack.applets.nft.evaluate.dynamic import with_dynamic_sets
from pystack.applets.nft.files import KnownFiles, Wanted
from pystack.applets.nft.grammar.variables import Variables
from pystack.applets.nft.json_in.commands import read_json
from pystack.applets.nft.loads import loads_of
from pystack.applets.nft.monitor import MONITOR, Watched, monitor, watched_of
from pystack.applets.nft.options import Ended, Options, parse_options
from pystack.applets.nft.place import COMMAND_LINE, NOWHERE, STDIN, Source
from pystack.applets.nft.printer.page import Page
from pystack.applets.nft.reading import Read, parse, read
from pystack.applets.nft.shown import Shown
from pystack.applets.nft.source import source_of
from pystack.applets.nft.surroundings import Surroundings
from pystack.applets.nft.transaction import Transaction
from pystack.applets.nft.tree.commands import Command
from pystack.applets.requests import Answer, FileRefused, Request, Steps, find_files, read_file, read_stdin
from pystack.applets.session import Session
from pystack.applets.tcpdump.names import load_names
from pystack.netfilter.nft.editor import Editor
from pystack.netfilter.nft.journal import Journal
from pystack.netfilter.nft.table import OWNER

_MOST_ERRORS: Final = 10

Reading = Generator[Request, Answer, Read]


def run(args: Sequence[str], session: Session) -> Steps:
    """The exit code."""
    try:
        options = parse_options(args)
    except Ended as ended:
        session.io.out.write(ended.out)
        session.io.err.write(ended.err)
        return ended.code
    names = yield from load_names()
    devices = {dev.name: dev.ifindex for dev in session.netns.devices}
    nft = Nft(options, session, Surroundings(names, devices, session.io.utc_offset))
    try:
        yield from nft.run()
    except NftError as error:
        session.io.err.write(error.octets())
        return 1
    return 0


class Nft:
    """One run."""

    def __init__(self, options: Options, session: Session, surroundings: Surroundings) -> None:
        self._options = options
        self._session = session
        self._surroundings = surroundings
        self._cache = Cache(session.netns.nft, surroundings)

    def run(self) -> Generator[Request, Answer, None]:
        """Raises NftError."""
        source = yield from self._source()
        found = yield from self._read(source)
        evaluated = self._evaluated(found)
        watched = [self._watched(command) for command in evaluated if command.operation == MONITOR]
        shown = Shown(self._session, self._options, self._cache)
        transaction = Transaction(self._session.netns, self._cache, self._session.host.origins, shown.show)
        changes = transaction.run(
            [command for command in evaluated if command.operation != MONITOR], check=self._options.check
        )
        if self._options.style.echo:
            shown.echo(changes)
        self._end_owned()
        for wanted in watched[:1]:
            yield from monitor(wanted, self._session, Page(self._options.style, self._surroundings))

    def _watched(self, command: Command) -> Watched:
        return watched_of(command, is_json=self._options.json)

    def _source(self) -> Generator[Request, Answer, Source]:
        options = self._options
        if options.words:
            return source_of(COMMAND_LINE, f"{' '.join(options.words)}\n".encode(errors="surrogateescape"))
        name = STDIN if options.file == "-" else options.file
        if name == STDIN:
            octets = yield from read_stdin(self._session.io)
        else:
            try:
                octets = yield from read_file(name)
            except FileRefused as refused:
                raise NftError(NOWHERE, f'Could not open file "{name}": {refused.text}\n') from None
        return source_of(name, octets)

    def _read(self, source: Source) -> Reading:
        """Again from the beginning whenever a file is wanted that was not read yet.

        With -j JSON is read, too; what is none is read as nft's language. nft: nft_run_cmd_from_buffer()
        """
        found = read_json(source) if self._options.json else None
        if found is not None:
            return found
        files = KnownFiles()
        while True:
            try:
                return read(source, files, self._variables(), self._options.folders)
            except Wanted as wanted:
                yield from _fetch(wanted, files)

    def _variables(self) -> Variables:
        """Those of the command line. nft: src/libnftables.c load_cmdline_vars()"""
        variables = Variables()
        text = "".join(f"define {name}={value}; " for name, value in self._options.defines)
        parse(source_of(COMMAND_LINE, f"{text}\n".encode()), variables=variables)
        return variables

    def _evaluated(self, found: Read) -> list[Command]:
        """Also where something could not be read. nft: src/libnftables.c nft_evaluate()"""
        errors, evaluated = list(found.errors), list[Command]()
        self._cache.load(loads_of(found.commands))
        for command in collapsed(part for whole in found.commands for part in expand(whole)):
            try:
                evaluated.append(evaluate(command, self._cache))
            except NftError as error:
                errors.append(error)
                if len(errors) - len(found.errors) + found.counted == _MOST_ERRORS:
                    break
                declared = as_declared(command, self._cache)
                if declared is not None:
                    self._cache.enter(declared)
            else:
                self._cache.enter(evaluated[-1])
        if errors:
            raise NftError.of(errors)
        return self._cache.completed(with_dynamic_sets(evaluated))

    def _end_owned(self) -> None:
        """A table with the flag `owner` ends with the program that made it."""
        ruleset, journal = self._session.netns.nft, Journal()
        editor = Editor(ruleset, journal)
        for table in editor.tables_of(""):
            if OWNER in table.flags:
                editor.delete_table(table)
        journal.commit()


def _fetch(wanted: Wanted, files: KnownFiles) -> Generator[Request, Answer, None]:
    """A file, or what a pattern finds; or why not."""
    try:
        if wanted.is_pattern:
            files.know_names(wanted.path, (yield from find_files(wanted.path)))
        else:
            files.know(wanted.path, (yield from read_file(wanted.path)))
    except FileRefused as refused:
        files.know(wanted.path, refused.text)
