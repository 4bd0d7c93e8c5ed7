"""The steps of a scenario file."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from pystack.applets import lexer
from pystack.compare.calls import parse as parse_call
from pystack.compare.lab.nearest import nearest
from pystack.compare.lab.notation import LONGEST_FRAME, NotationError, frame_of
from pystack.compare.lab.scenario_source import Path, Source, Table
from pystack.compare.scenario import Call, Run, Send, Start, Step, Stop, Wait
from pystack.wire import capture
from pystack.wire.ethernet import ETH_HLEN
from pystack.wire.malformed import Malformed

KINDS: Final = ("send", "call", "run", "start", "stop", "wait")
SEND_KEYS: Final = ("port", "packet", "hex", "pcap", "count", "relative")
FORMS: Final = ("packet", "hex", "pcap")
MOST_FRAMES: Final = 100_000
LONGEST_WAIT: Final = 3600.0  # seconds

_LAB_FILES: Final = ("/proc/sys/net/", "/proc/net/")  # every namespace has its own

ReadBytes = Callable[[str], bytes]


class StepReader:
    """Reads the steps in order: what one starts, a later one may stop."""

    def __init__(self, source: Source, ports: tuple[str, ...], read_bytes: ReadBytes) -> None:
        self._source = source
        self._ports = ports
        self._read_bytes = read_bytes
        self._running: set[str] = set()

    def read(self, table: Table, path: Path) -> tuple[Step, int] | None:
        """One step and its line; None if it is none, which was then complained about."""
        self._source.check_known(table, (*KINDS, "as"), path)
        kinds = [kind for kind in KINDS if kind in table]
        if len(kinds) != 1:
            self._source.complain(path, f"must be exactly one of {', '.join(KINDS)}")
            return None
        if "as" in table and kinds != ["start"]:
            self._source.complain((*path, "as"), "names what a start leaves running")
        return self._step(kinds[0], table, path), self._source.line((*path, kinds[0]))

    def _step(self, kind: str, table: Table, path: Path) -> Step:
        match kind:
            case "send":
                return self._send(self._source.table(table[kind], (*path, kind)), (*path, kind))
            case "call":
                return self._call(table, path)
            case "run":
                return Run(self._command(table, kind, path))
            case "start":
                return self._start(table, path)
            case "stop":
                return self._stop(table, path)
            case _:
                return self._wait(table[kind], (*path, kind))

    # --- commands and time ------------------------------------------------------------------------------

    def _command(self, table: Table, key: str, path: Path) -> str:
        text = self._source.text(table, key, path)
        if isinstance(table[key], str) and not text.strip():
            self._source.complain((*path, key), "names no command")
        for command in lexer.parse(text)[0]:
            for name in (command.stdin_path, command.stdout_path):
                if name is not None and not _is_of_the_lab(name):
                    self._source.complain(
                        (*path, key), f"{name}: is no file of the lab, as /proc/sys/net has"
                    )
        return self._source.commands(text, (*path, key))

    def _call(self, table: Table, path: Path) -> Call:
        text = self._source.text(table, "call", path)
        spoken = parse_call(text)
        if isinstance(spoken, str) and isinstance(table["call"], str):
            self._source.complain((*path, "call"), spoken)
        return Call(text)

    def _start(self, table: Table, path: Path) -> Start:
        command = self._command(table, "start", path)
        name = self._source.text(table, "as", path) or f"#{path[1]}"
        if name in self._running:
            self._source.complain((*path, "as"), f'"{name}" is running already')
        self._running.add(name)
        return Start(command, name)

    def _stop(self, table: Table, path: Path) -> Stop:
        name = self._source.text(table, "stop", path)
        if isinstance(table["stop"], str) and name not in self._running:
            self._source.complain((*path, "stop"), f'"{name}" is not running{nearest(name, self._running)}')
        self._running.discard(name)
        return Stop(name)

    def _wait(self, seconds: object, path: Path) -> Wait:
        if (
            isinstance(seconds, bool)
            or not isinstance(seconds, int | float)
            or not 0 < seconds <= LONGEST_WAIT
        ):
            self._source.complain(path, f"must be a number of seconds, up to {LONGEST_WAIT:.0f}")
            return Wait(0.0)
        return Wait(float(seconds))

    # --- frames -----------------------------------------------------------------------------------------

    def _send(self, table: Table, path: Path) -> Send:
        source = self._source
        source.check_known(table, SEND_KEYS, path)
        port = source.text(table, "port", path)
        if port not in self._ports:
            source.complain((*path, "port"), f'there is no port "{port}"{nearest(port, self._ports)}')
        forms = [form for form in FORMS if form in table]
        count = source.number(table.get("count", 1), 1, MOST_FRAMES, (*path, "count"))
        if len(forms) != 1:
            source.complain(path, f"has exactly one of {', '.join(FORMS)}")
            return Send(port, (), "")
        text = source.text(table, forms[0], path)
        frames = self._frames(forms[0], text, (*path, forms[0])) if isinstance(table[forms[0]], str) else []
        if len(frames) * count > MOST_FRAMES:
            source.complain((*path, "count"), f"makes {len(frames) * count} frames; up to {MOST_FRAMES}")
            count = 1
        relative = table.get("relative", False)
        if not isinstance(relative, bool):
            source.complain((*path, "relative"), "must be true or false")
        return Send(port, tuple(frames) * count, text, relative is True)

    def _frames(self, form: str, text: str, path: Path) -> list[bytes]:
        if form == "pcap":
            return self._captured(text, path)
        try:
            frame = frame_of(text) if form == "packet" else bytes.fromhex(text)
        except NotationError as error:
            self._source.complain(path, str(error))
            return []
        except ValueError as error:
            self._source.complain(path, f"must be hexadecimal digits, two an octet: {error}")
            return []
        return [frame] if self._has_a_frames_length(frame, path) else []

    def _captured(self, name: str, path: Path) -> list[bytes]:
        """The frames of a capture file, named from where the scenario stands."""
        place = os.path.join(os.path.dirname(self._source.file), name)
        try:
            content = self._read_bytes(place)
        except OSError as error:
            self._source.complain(path, f"{place}: {error.strerror}")
            return []
        frames: list[bytes] = []
        for captured in capture.parse(content):
            if isinstance(captured, Malformed):
                self._source.complain(path, f"{place}: frame {len(frames) + 1}: {captured.value}")
                break
            frames.append(bytes(captured.frame))
            if not self._has_a_frames_length(frames[-1], path, f"{place}: frame {len(frames)}: "):
                break
        return frames

    def _has_a_frames_length(self, frame: bytes, path: Path, where: str = "") -> bool:
        """Linux refuses what is shorter than a header before it is a frame."""
        if ETH_HLEN <= len(frame) <= LONGEST_FRAME:
            return True
        self._source.complain(
            path, f"{where}a frame has {ETH_HLEN} to {LONGEST_FRAME} octets, not {len(frame)}"
        )
        return False


def _is_of_the_lab(file: str) -> bool:
    """What else commands read or write would be the machine's."""
    return file.startswith(_LAB_FILES) and ".." not in file.split("/")
