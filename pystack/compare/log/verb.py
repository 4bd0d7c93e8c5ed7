"""The verb: `pystack compare log FILE…`."""

from __future__ import annotations

import argparse
import json
import os
import select
import stat
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from typing import BinaryIO, Final

from pystack.applets.virtual import Outside
from pystack.compare.log import report
from pystack.compare.log.account import Accountant
from pystack.compare.log.lines import Cutter
from pystack.compare.log.machine import Machine, SetupFailed, build
from pystack.compare.log.passage import Passage
from pystack.compare.log.reading import Reading
from pystack.compare.log.replay import Replay
from pystack.compare.one_line_parser import USAGE, OneLineParser
from pystack.drivers.named_files import find_files, read_file
from pystack.drivers.unavailable import PortUnavailable
from pystack.hooks.imported import imported
from pystack.hooks.imported.reading import Unreadable, read
from pystack.hooks.imported.text import lines
from pystack.host import Host

SAME: Final = 0
DIFFERS: Final = 1
LACKING: Final = 4
SEED: Final = 1
CHUNK: Final = 65536
QUIET: Final = 1.0  # seconds without a line, after which the packets that were seen are complete
_LOOK_AGAIN: Final = 0.2  # seconds, at a file that may grow
EPILOG: Final = """\
LOG and ebtables --log lines of the kernel, as journalctl (text, json, export), dmesg, syslog or /dev/kmsg
show them, in any language, also among the prose of a note. Each packet is named by its kind of path (README:
the path of a packet), with the lines of its hooks. Without a setup its lines are held against what every
kernel does; with one each packet is played through it, and its lines are held against those that pystack
prints. Several files are logs of the same packets from several machines (host and guest).
Exit codes: 0 no difference; 1 something differs, or no line tells of a packet; 2 bad usage or a bad setup."""


def _options(arguments: Sequence[str], as_json: bool) -> argparse.Namespace:
    parser = OneLineParser(
        prog="pystack compare log",
        description="What the kernel's log says of packets, explained and held against pystack.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("files", nargs="+", metavar="FILE", help="a log, or - for standard input")
    add("--setup", metavar="FILE", help="commands that make the machine which wrote the log")
    add("--host", action="store_const", const="", help="the machine is this one")
    add("-f", "--follow", action="store_true", help="go on as the file grows")
    add("--json", action="store_true", default=as_json, help="one object a line")
    return parser.parse_args(arguments)


def compare_log(arguments: Sequence[str], *, as_json: bool = False) -> int:
    """Read, group, judge, and tell by the exit code whether anything differs."""
    options = _options(arguments, as_json)
    if options.host is not None and options.setup is not None:
        return _complain("compare log: --setup or --host, not both")
    if options.follow and len(options.files) > 1:
        return _complain("compare log: --follow is about one file")
    try:
        accountant, with_setup = _accountant(options.setup, options.host)
    except (OSError, UnicodeDecodeError) as error:
        return _complain(f"{options.setup}: {_why(error)}")
    except SetupFailed as error:
        return _complain(*str(error).splitlines())
    except (PortUnavailable, Unreadable) as error:
        return _complain(f"compare log: --host: {error}", rc=LACKING)
    screen = _Screen(accountant, as_json=options.json, with_setup=with_setup)
    with ExitStack() as stack:
        try:
            files = [stack.enter_context(_open(name)) for name in options.files]
        except OSError as error:
            return _complain(f"{error.filename}: {error.strerror}")
        return _read_all(files, options, screen)


def _read_all(files: Sequence[BinaryIO], options: argparse.Namespace, screen: _Screen) -> int:
    reading = Reading()
    try:
        for name, file in zip(options.files, files, strict=True):
            reading.begin(os.path.basename(name) if len(files) > 1 else "")
            for passages in _passages(reading, file, follow=options.follow):
                screen.show(passages)
    except KeyboardInterrupt:
        pass  # how following ends
    except OSError as error:
        return _complain(f"{name}: {error.strerror}")
    screen.show(reading.rest())
    screen.finish(reading)
    if not reading.lines:
        return _complain("compare log: no line tells of a packet", rc=DIFFERS)
    return DIFFERS if screen.tally.differences else SAME


def _accountant(setup: str | None, netns: str | None) -> tuple[Accountant, bool]:
    """Who judges. Raises OSError, UnicodeDecodeError, SetupFailed, PortUnavailable, Unreadable."""
    if netns is not None:
        building = imported.build(read(netns), Host(seed=SEED))
        _complain(*(f"compare log: --host: {sentence}" for sentence in building.left_out))
        text = "\n".join(lines(building))
        return Accountant(Replay(Machine(building.host, text)), text), True
    if setup is None:
        return Accountant(), False
    with open(setup, encoding="utf-8") as file:
        text = file.read()
    folder = os.path.dirname(setup)
    outside = Outside(partial(read_file, folder=folder), find_files=partial(find_files, folder=folder))
    host = build(text, setup, outside)
    return Accountant(Replay(Machine(host, text)), text), True


def _open(name: str) -> BinaryIO:
    return open(0 if name == "-" else name, "rb", buffering=0, closefd=name != "-")


def _why(error: OSError | UnicodeDecodeError) -> str:
    return "not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror or str(error)


def _complain(*sentences: str, rc: int = USAGE) -> int:
    for sentence in sentences:
        print(f"pystack: {sentence}", file=sys.stderr)
    return rc


# --- octets, as they come -------------------------------------------------------------------------------


def _passages(reading: Reading, file: BinaryIO, *, follow: bool) -> Iterator[list[Passage]]:
    """Packets as soon as they are complete: when there are many, or when the log is quiet."""
    cutter = Cutter()
    for chunk in _chunks(file, follow=follow):
        if chunk is None:
            yield reading.rest()
        else:
            yield from reading.take_in(cutter.feed(chunk))
    yield from reading.take_in(cutter.end())


def _chunks(file: BinaryIO, *, follow: bool) -> Iterator[bytes | None]:
    """What is there to read; None for a moment of quiet."""
    is_regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    quiet_since = time.monotonic()
    is_told = False
    while True:
        if not is_regular and not select.select([file], [], [], QUIET)[0]:
            yield None
            continue
        chunk = file.read(CHUNK)
        if chunk:
            quiet_since, is_told = time.monotonic(), False
            yield chunk
        elif not (follow and is_regular):
            return
        else:
            if not is_told and time.monotonic() - quiet_since >= QUIET:
                is_told = True
                yield None
            time.sleep(_LOOK_AGAIN)


# --- what is said ---------------------------------------------------------------------------------------


class _Screen:
    """Standard output: text for people, or objects for programs."""

    def __init__(self, accountant: Accountant, *, as_json: bool, with_setup: bool) -> None:
        self.tally = report.Tally()
        self._accountant = accountant
        self._as_json = as_json
        self._with_setup = with_setup

    def show(self, passages: Sequence[Passage]) -> None:
        """Judge packets, and say what comes of it."""
        for account in self._accountant.accounts(passages):
            self.tally.add(account)
            if self._as_json:
                for entry in (report.to_json(account), *(one.to_json() for one in account.findings)):
                    print(json.dumps(entry))
            else:
                print(*report.told(account), sep="\n")
        sys.stdout.flush()

    def finish(self, reading: Reading) -> None:
        """The whole: what pystack alone made, remarks, numbers."""
        tally, unseen = self.tally, list(self._accountant.awaited())
        tally.lines, tally.others, tally.remarks = reading.lines, reading.others, reading.remarked
        tally.add_unseen(len(unseen))
        if self._as_json:
            for remark in reading.remarks:
                print(json.dumps({"v": 1, "type": "remark", "line": remark.line, "text": remark.text}))
            for finding in report.unseen_findings(unseen):
                print(json.dumps(finding.to_json()))
            print(json.dumps(tally.to_json()), flush=True)
        else:
            for part in (
                report.unseen(unseen),
                report.remarks(reading.remarks, reading.remarked),
                report.causes(tally),
                report.summary(tally, self._with_setup),
            ):
                for line in part:
                    print(line)
            sys.stdout.flush()
