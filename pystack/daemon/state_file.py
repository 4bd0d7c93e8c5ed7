"""`pystack run --state FILE`: flows that go on where they were when a daemon is stopped and started again.

    {"kind":"state","v":1,"saved":…}     when it was written, on the calendar
    {"kind":"flow",…}                    one line a flow
    {"kind":"end","flows":N}             without it the file is not whole

It is written beside itself and then renamed, so that there is always a whole one. Who finds anything wrong in
it does not start: a guess would let strangers through a firewall.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
import trio
import trio.lowlevel

from pystack.daemon.config import ConfigError
from pystack.daemon.kept_flows import KeptFlow, NotSound, Struct, kept, revive
from pystack.drivers.regular_file import read_whole
from pystack.host import Host
from pystack.netfilter.conntrack.context import TrackContext
from pystack.netfilter.conntrack.table import SHARDS

logger = logging.getLogger("pystack.state")

INTERVAL: Final = 60.0  # seconds from one saving to the next
VERSION: Final = 1
_AT_ONCE: Final = 2000  # flows between two looks at the clock
_UNFINISHED: Final = ".new"


class Head(Struct, tag="state"):
    """The first line."""

    v: int
    saved: float


class End(Struct, tag="end"):
    """The last line."""

    flows: int


_DECODER: Final = msgspec.json.Decoder(Head | KeptFlow | End)
_ENCODER: Final = msgspec.json.Encoder()


class StateFile:
    """One daemon's."""

    def __init__(self, path: str) -> None:
        self.path = os.path.abspath(path)
        self._failed = False  # and that was said

    # --- reading ------------------------------------------------------------------------------------------

    def load(self, host: Host, wall: float) -> None:
        """Let flows go on in a new host; a file that is not there is the first start. Raises ConfigError."""
        host.clock.wall = wall
        try:
            octets = read_whole(self.path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise ConfigError([f"{self.path}: {error.strerror or error}"]) from None
        taken, dropped = self._take(octets.splitlines(), host)
        for netns in host.namespaces.values():
            netns.conntrack.look_after()
        logger.info("%s: %d flows go on, %d are over or have no place", self.path, taken, dropped)

    def _take(self, lines: list[bytes], host: Host) -> tuple[int, int]:
        """How many go on, and how many do not. Raises ConfigError."""
        head, end = (self._record(lines, number) for number in (1, len(lines)))
        if not isinstance(head, Head) or head.v != VERSION:
            raise self._wrong(1, f"this is no state of version {VERSION}")
        if not isinstance(end, End) or end.flows != len(lines) - 2:
            raise self._wrong(len(lines), "the end is missing: the file was cut off")
        elapsed, taken = max(0.0, host.clock.wall - head.saved), 0
        for number in range(2, len(lines)):
            flow = self._record(lines, number)
            if not isinstance(flow, KeptFlow):
                raise self._wrong(number, "this is no flow")
            try:
                taken += _revived(flow, host, elapsed)
            except NotSound as why:
                raise self._wrong(number, f"no flow has such a {why}") from None
        return taken, end.flows - taken

    def _record(self, lines: list[bytes], number: int) -> Head | KeptFlow | End:
        if not lines:
            raise self._wrong(1, "the file is empty")
        try:
            record: Head | KeptFlow | End = _DECODER.decode(lines[number - 1])
            return record
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise self._wrong(number, str(error)) from None

    def _wrong(self, number: int, why: str) -> ConfigError:
        return ConfigError([f"{self.path}:{number}: {why} (without this file all flows begin anew)"])

    # --- writing ------------------------------------------------------------------------------------------

    def save(self, host: Host) -> None:
        """Write all flows; a fault is told once."""
        self._write(_lines(host))

    async def save_bit_by_bit(self, host: Host) -> None:
        """The same, some flows at a time, so that packets do not wait for it."""
        parts = []
        for part in _lines(host):
            parts.append(part)
            await trio.lowlevel.checkpoint()
        await trio.to_thread.run_sync(self._write, parts)

    def _write(self, parts: Iterable[bytes]) -> None:
        unfinished = self.path + _UNFINISHED
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            with open(os.open(unfinished, flags, 0o600), "wb") as file:
                file.writelines(parts)
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, self.path)
            self._failed = False
        except OSError as error:
            if not self._failed:
                logger.error("%s: flows are not kept: %s", self.path, error.strerror or error)
            self._failed = True


def _revived(flow: KeptFlow, host: Host, elapsed: float) -> bool:
    """Whether it goes on. Raises NotSound."""
    netns = host.namespaces.get(flow.ns)
    dev = None if netns is None or not flow.device else netns.devices.get(flow.device)
    if netns is None or (flow.device and dev is None):
        return False
    return revive(flow, netns.conntrack.context, 0 if dev is None else dev.ifindex, elapsed)


def _lines(host: Host) -> Iterator[bytes]:
    """All of the file, some flows at a time."""
    count, part = 0, [_ENCODER.encode(Head(VERSION, host.clock.wall))]
    for ns, netns in host.namespaces.items():
        context = netns.conntrack.context
        names = {dev.ifindex: dev.name for dev in netns.devices}
        for number in range(SHARDS):
            found = _flows(context, number, ns, names)
            count += len(found)
            part += map(_ENCODER.encode, found)
            if len(part) > _AT_ONCE:
                yield b"\n".join(part) + b"\n"
                part = []
    part.append(_ENCODER.encode(End(count)))
    yield b"\n".join(part) + b"\n"


def _flows(context: TrackContext, number: int, ns: str, names: dict[int, str]) -> list[KeptFlow]:
    living = (conn for conn in context.table.slice(number) if not context.is_over(conn))
    return [kept(conn, context, ns, names.get(conn.masq_index, "")) for conn in living]
