"""One run of `tcpdump`: from the words of the command line to the last line of its statistics.

Linux differs: numbers get names only from files (names.py), `-v -w` does not count aloud, and nothing is
written by another user.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

from pystack.applets.io import Output
from pystack.applets.requests import (
    SIGINT,
    SIGTERM,
    Answer,
    FileRefused,
    Flush,
    Interrupted,
    Request,
    Steps,
    Wait,
    read_file,
    read_stdin,
    write_file,
)
from pystack.applets.session import Session
from pystack.applets.tcpdump import devices
from pystack.applets.tcpdump.capture import Capture
from pystack.applets.tcpdump.dissect import Dissector
from pystack.applets.tcpdump.filter import FilterError, Subject, Test, compile_filter, matches
from pystack.applets.tcpdump.link import LINUX_SLL2, LinkType
from pystack.applets.tcpdump.names import Names, load_names
from pystack.applets.tcpdump.nflog import NflogCapture, groups_of
from pystack.applets.tcpdump.options import Options, Refused, Shown, parse
from pystack.applets.tcpdump.savefile import Savefile, open_savefile
from pystack.netns import Netns
from pystack.wire import pcap
from pystack.wire.pcap import Captured

FRAMES_PER_FLUSH = 64  # so that a file of any size does not pile up as text


def run(args: Sequence[str], session: Session) -> Steps:
    """Ends 0, or 1 if something was wrong."""
    io = session.io
    try:
        options = parse(args)
        if options.counts["D"]:
            lines = devices.listing(session.netns)
            io.out.write("".join(f"{number}.{line}\n" for number, line in enumerate(lines, start=1)))
            return 0
        dump = Tcpdump(options, session)
        return (yield from dump.read() if options.read is not None else dump.listen())
    except Shown as shown:
        (io.err if shown.code else io.out).write(str(shown))
        return shown.code
    except (Refused, FilterError) as refused:
        io.err.line(f"tcpdump: {refused}")
        return 1
    except FileRefused as refused:
        io.err.line(f"tcpdump: {refused}")
        return 1


class Tcpdump:
    """tcpdump: tcpdump.c main()"""

    def __init__(self, options: Options, session: Session) -> None:
        self.options = options
        self.session = session
        self.io = session.io
        self.look = options.look(session.io.utc_offset)
        self.captured = 0
        self._file: Output | None = None
        self._dissector: Dissector | None = None

    # -- from a device -------------------------------------------------------------------------------------

    def listen(self) -> Steps:
        """Show frames as they pass, until enough were seen, the device goes, or the user says so."""
        options, netns = self.options, self.session.netns
        name = devices.first_name(netns) if options.device is None else options.device
        capture = self._capture(netns, name)
        try:
            if capture.link is LINUX_SLL2:
                self.io.err.line(f"tcpdump: data link type {capture.link.name}")
            test, names = yield from self._compile(capture.link, live=True)
            yield from self._open_output(capture.link, names, options.snaplen)
            self._say_listening(name, capture.link)
            capture.use(test)
            code = yield from self._loop(capture)
            self._say_statistics(capture)
            return code
        finally:
            capture.close()
            self._close_output()

    def _capture(self, netns: Netns, name: str) -> Capture | NflogCapture:
        options = self.options
        groups = groups_of(name)
        if groups is not None:
            return NflogCapture(netns, groups, snaplen=options.snaplen)
        return Capture(
            netns,
            name,
            snaplen=options.snaplen,
            direction=options.direction,
            promiscuous=not options.counts["p"],
        )

    def _say_listening(self, name: str, link: LinkType) -> None:
        options = self.options
        if options.counts["v"] or options.write is not None:
            self.io.err.write("tcpdump: ")
        else:
            hint = "verbose output suppressed, use -v[v]... for full protocol decode"
            self.io.err.line(f"tcpdump: {hint}")
        kind = f"link-type {link.name} ({link.description})"
        self.io.err.line(f"listening on {name}, {kind}, snapshot length {options.snaplen} bytes")

    def _loop(self, capture: Capture | NflogCapture) -> Steps:
        while True:
            try:
                yield Wait(capture.has_news)
                while self._take_some(capture):
                    yield Flush()
            except Interrupted as interrupted:
                if interrupted.signal not in (SIGINT, SIGTERM):
                    raise
                return self._end_by_user(capture)
            if self._has_enough():
                return 0
            if capture.is_gone():
                self.io.err.line("tcpdump: pcap_loop: The interface disappeared")
                return 1

    def _take_some(self, capture: Capture | NflogCapture) -> bool:
        """Show what came; whether there may be more."""
        for _ in range(FRAMES_PER_FLUSH):
            frame = None if self._has_enough() else capture.take()
            if frame is None:
                return False
            self._take(frame)
        return True

    def _end_by_user(self, capture: Capture | NflogCapture) -> int:
        """What came before the signal is still shown; a real tcpdump has shown it by then."""
        while self._take_some(capture):
            pass
        if self.options.write is None:
            self.io.out.line()
        return 0

    def _say_statistics(self, capture: Capture | NflogCapture) -> None:
        for number, what in (
            (self.captured, "captured"),
            (capture.received, "received by filter"),
            (capture.dropped, "dropped by kernel"),
        ):
            self.io.err.line(f"{number} packet{'' if number == 1 else 's'} {what}")

    # -- from a file ---------------------------------------------------------------------------------------

    def read(self) -> Steps:
        """Show the frames of a file."""
        path = self.options.read
        assert path is not None
        data = yield from (read_stdin(self.io) if path == "-" else read_file(path))
        file = open_savefile(data)
        kind = f"link-type {file.link.name} ({file.link.description})"
        self.io.err.line(f"reading from file {path}, {kind}, snapshot length {file.snaplen}")
        if file.link is LINUX_SLL2:
            self.io.err.line("Warning: interface names might be incorrect")
        test, names = yield from self._compile(file.link, live=False)
        try:
            yield from self._open_output(file.link, names, file.snaplen)
            yield from self._show_all(file, test)
        finally:
            self._close_output()
        if self.options.count_only:
            self.io.out.line(f"{self.captured} packet{'' if self.captured == 1 else 's'}")
        return 0

    def _show_all(self, file: Savefile, test: Test) -> Generator[Request, Answer, None]:
        for frame in file.frames():
            if not matches(test, Subject(frame.frame, frame.length)):
                continue
            self._take(frame)
            if self._has_enough():
                return
            if self.captured % FRAMES_PER_FLUSH == 0:
                yield Flush()

    # -- both ----------------------------------------------------------------------------------------------

    def _compile(self, link: LinkType, *, live: bool) -> Generator[Request, Answer, tuple[Test, Names]]:
        """The filter, and the names: files are asked only if somebody needs them."""
        text = yield from self._expression()
        names = Names()
        test = None
        if self.look.n:
            try:
                test = compile_filter(text, link, names, live=live)
            except FilterError:
                test = None  # perhaps a word that a file knows
        if test is None:
            names = yield from load_names()
            test = compile_filter(text, link, names, live=live)
        names.devices = {dev.ifindex: dev.name for dev in self.session.netns.devices}
        return test, names

    def _expression(self) -> Generator[Request, Answer, str]:
        if self.options.filter_file is None:
            return " ".join(self.options.words)
        try:
            content = yield from read_file(self.options.filter_file)
        except FileRefused as refused:
            raise Refused(f"can't open {refused}") from None
        lines = content.decode(errors="replace").split("\n")
        return "\n".join(line.partition("#")[0] for line in lines)

    def _open_output(self, link: LinkType, names: Names, snaplen: int) -> Generator[Request, Answer, None]:
        options = self.options
        if options.write is None or options.print_too:
            self._dissector = Dissector(self.look, names, link)
        if options.write is None:
            return
        self._file = self.io.out if options.write == "-" else (yield from write_file(options.write))
        header = pcap.file_header(nanoseconds=options.nano, snaplen=snaplen, linktype=link.number)
        self._file.write(header)

    def _has_enough(self) -> bool:
        return 0 < self.options.count <= self.captured

    def _take(self, frame: Captured) -> None:
        self.captured += 1
        if self._file is not None:
            self._file.write(_record(frame, nanoseconds=self.options.nano))
        if self._dissector is not None and not self.options.count_only:
            self.io.out.write(self._dissector.text(frame.time, frame.frame, frame.length))

    def _close_output(self) -> None:
        if self._file is not None:
            self._file.close()


def _record(frame: Captured, *, nanoseconds: bool) -> bytes:
    """A record of a frame that was cut already: its own length stays what it was on the wire."""
    record = bytearray(pcap.record(frame.time, frame.frame, nanoseconds=nanoseconds))
    record[12:16] = frame.length.to_bytes(4, "little")
    return bytes(record)
