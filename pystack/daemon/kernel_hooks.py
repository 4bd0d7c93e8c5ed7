"""The daemon in the kernel's path: shims of [hooks], and what the copy of their namespace says of packets.

    kernel --- queue ---> server process --- pair of sockets ---> here: the judge, in a burst of the pump

Nothing here can hold a packet: the server gives the verdicts, at the deadline if need be (hooks/shim). While
we only observe, packets have passed by the time they are seen here, and only so many a second are looked at.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from operator import itemgetter
from typing import Final

import trio

from pystack.compare.live.errors import LiveUnavailable
from pystack.compare.live.following import Following
from pystack.daemon.hooks_section import HooksFailed, points_of
from pystack.daemon.kernel_copy import KernelCopy, Reading, read_again
from pystack.daemon.settings import HookSettings
from pystack.daemon.stack import Stack
from pystack.drivers.unavailable import PortUnavailable
from pystack.hooks.imported.building import Building
from pystack.hooks.imported.connections import add_connections
from pystack.hooks.imported.imported import steps
from pystack.hooks.judge.answer import ACCEPT, Answer, Judge
from pystack.hooks.judge.kernel import LiveKernel, open_kernel
from pystack.hooks.judge.making import make_judge
from pystack.hooks.queue.packet import NF_DROP, Queued
from pystack.hooks.shim.letters import Mail
from pystack.hooks.shim.placement import Refused
from pystack.hooks.shim.rules import ShimsUnavailable
from pystack.hooks.shim.shims import Shims, Task
from pystack.profile import Profile

PORTION: Final = 64  # packets that are looked at before anybody else has his turn
MOST_OBSERVED: Final = 2000  # packets a second: whoever only looks leaves the processor to others
LOOK: Final = 0.1  # seconds from one look at what changes in the kernel to the next

_DONE: Final = object()

logger = logging.getLogger("pystack.hooks")


@dataclass(slots=True)
class Judged:
    """What was said of the packets of one point."""

    accepted: int = 0
    dropped: int = 0
    changed: int = 0  # accepted with another mark, or other octets

    def count(self, answer: Answer) -> None:
        """One more."""
        if answer.verdict == NF_DROP:
            self.dropped += 1
        elif answer == ACCEPT:
            self.accepted += 1
        else:
            self.changed += 1


class KernelHooks:
    """From `enter` to `stop`. Packets go on as they did before and behind."""

    def __init__(self, settings: HookSettings) -> None:
        self._settings = settings
        self._points = points_of(settings)
        self._decides = settings.mode != "observe"
        self._shims = Shims(
            settings.netns,
            self._points,
            base=settings.queue_base,
            deadline=settings.deadline_ms / 1000,
            task=Task.ASK if self._decides else Task.SHOW,
            by_library=settings.backend == "library",
        )
        self._following: Following | None = None
        self._kernel: LiveKernel | None = None
        self._judge: Judge | None = None
        self._judges: KernelCopy | None = None
        self._judged = [Judged() for _ in self._points]
        self._not_followed = ""
        self._unchanged_at: int | None = None  # when the copy was looked at: so many commands had ended
        self._failure = ""
        self._named: set[str] = set()  # what copies lack, each said once

    # --- start and end ----------------------------------------------------------------------------------

    def enter(self, note: Callable[[], object]) -> None:
        """Put the shims in, once that is noted; until `start` everything passes. Then hear what changes, and
        read what there is.

        Raises HooksFailed: then nothing has changed.
        """
        netns = self._settings.netns
        try:
            self._shims.start(note)
            self._following = Following(netns)
            self._kernel = open_kernel(netns)
        except (Refused, ShimsUnavailable, LiveUnavailable, PortUnavailable, OSError) as error:
            self.stop()
            raise HooksFailed(f"hooks: {error}") from None

    def start(self, stack: Stack) -> None:
        """Judge by a stack, which has read what there is. Raises HooksFailed."""
        try:
            self.use(stack)
        except Refused as error:
            raise HooksFailed(f"hooks: {error}") from None
        if self._decides and self._shims.mail is not None:
            self._shims.mail.greet()

    def stop(self) -> None:
        """Nothing of ours stands in the kernel's path then."""
        self._shims.stop()
        if self._following is not None:
            self._following.close()
        if self._kernel is not None:
            self._kernel.close()
        self._following = self._kernel = None

    # --- run --------------------------------------------------------------------------------------------

    async def run(self, stack: Callable[[], Stack]) -> None:
        """Look at packets, and at what changes, until cancelled. `stack` says which one runs.

        Without who answers, or his keeper, the shims may not stay.
        """
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._look_at_packets, stack)
            nursery.start_soon(self._follow, stack)
            await self._until_abandoned()
            nursery.cancel_scope.cancel()
        self._failure = "a process of the shims is gone: they were taken back"
        logger.error("hooks: %s", self._failure)
        await trio.to_thread.run_sync(self._shims.stop)

    async def _look_at_packets(self, stack: Callable[[], Stack]) -> None:
        mail = self._shims.mail
        assert mail is not None, "nobody runs before start()"
        while True:
            await trio.lowlevel.wait_readable(mail.fileno())
            try:
                shown = mail.shown(PORTION)
            except EOFError:  # run() tells
                return
            self._look_at(shown, stack(), mail)
            if not self._decides:
                await trio.sleep(len(shown) / MOST_OBSERVED)

    def _look_at(self, shown: Sequence[tuple[int, Queued]], stack: Stack, mail: Mail) -> None:
        with stack.pump.burst():
            for place, group in groupby(shown, key=itemgetter(0)):
                packets = [packet for _, packet in group]
                answers = self._answers(place, packets, stack)
                for packet, answer in zip(packets, answers, strict=True):
                    self._judged[place].count(answer)
                    if self._decides:
                        mail.reply(place, packet.id, answer)
            if self._judge is not None:
                self._shims.be_strict(self._decides and self._judge.is_indispensable)

    def _answers(self, place: int, packets: Sequence[Queued], stack: Stack) -> list[Answer]:
        """A fault of ours lets packets pass."""
        assert self._judge is not None, "somebody judges since start()"
        point = self._points[place]
        try:
            return self._judge.judge(point, packets)
        except Exception:
            stack.pump.count_fault(f"packets at {point}", packets[0].payload)
            return [ACCEPT] * len(packets)

    def use(self, stack: Stack) -> None:
        """Judge by the copy of a stack that begins now; its setups may have added to it.

        Raises Refused: not by these points.
        """
        self._judge_by(stack)
        self._unchanged_at = None if copy_of(stack).was_changed else stack.commands

    def _judge_by(self, stack: Stack) -> None:
        copy = copy_of(stack)
        assert self._kernel is not None, "nobody judges before enter()"
        assert self._following is not None, "likewise"
        self._following.keep(copy.building)
        settings = self._settings
        self._judge = make_judge(settings.mode, stack.host, copy.netns, self._points, self._kernel)
        self._judges, self._not_followed = copy, ""
        for sentence in copy.building.left_out:
            if sentence not in self._named:
                self._named.add(sentence)
                logger.warning("hooks: not in the copy: %s", sentence)

    # --- what changes in the kernel ---------------------------------------------------------------------

    async def _follow(self, stack: Callable[[], Stack]) -> None:
        while (following := self._following) is not None:
            await trio.sleep(LOOK)
            now = trio.current_time()
            changed = following.look(now)
            if neighbours := following.neighbours():
                with stack().pump.burst():
                    copy_of(stack()).meet(neighbours)
            if changed and following.is_calm(now):
                await trio.to_thread.run_sync(following.begin)
                await self._read_again(changed, stack)

    async def _read_again(self, what: str, stack: Callable[[], Stack]) -> None:
        """As long as nobody has changed the copy: he would lose what he did."""
        old = stack()
        if self._goes_its_own_way(old, what):
            return
        try:
            reading = await trio.to_thread.run_sync(self._read, copy_of(old), old.host.profile)
            await self.look()
        except HooksFailed as error:
            logger.error("%s", error)
            return
        heir = copy_of(old).heir()
        await _bit_by_bit(old, steps(heir, replace(reading.seen, connections=[])))
        if stack() is not old or self._goes_its_own_way(old, what):  # a reload has read it, too
            heir.netns.close()
        else:
            await self._succeed(old, heir, reading)
            logger.info("hooks: %s changed in the kernel: read again", what)

    def _read(self, copy: KernelCopy, profile: Profile) -> Reading:
        return read_again(self._settings.netns, copy.name, profile)

    def _goes_its_own_way(self, stack: Stack, what: str) -> bool:
        """Whether somebody has changed the copy. Nobody looks where no command has run."""
        if self._unchanged_at is not None and stack.commands == self._unchanged_at:
            return False
        if not copy_of(stack).was_changed:
            self._unchanged_at = stack.commands
            return False
        self._not_followed = what
        logger.warning("hooks: %s changed in the kernel, not here: the copy has changes of its own", what)
        return True

    async def _succeed(self, stack: Stack, heir: Building, reading: Reading) -> None:
        replaced = copy_of(stack).netns
        with stack.pump.burst():
            stack.take_over_again(heir, reading.lines)
        self._judge_by(stack)
        self._unchanged_at = stack.commands
        await trio.lowlevel.checkpoint()
        with stack.pump.burst():
            replaced.close()
        await _bit_by_bit(stack, add_connections(heir, reading.seen.connections))

    async def look(self) -> None:
        """What rules of the kernel's do decides how packets are judged. Raises HooksFailed."""
        if self._kernel is None:
            return
        try:
            await trio.to_thread.run_sync(self._kernel.look)
        except ShimsUnavailable as error:
            raise HooksFailed(f"hooks: {error}") from None

    async def _until_abandoned(self) -> None:
        while True:
            await trio.sleep(LOOK)
            if self._shims.is_abandoned:
                return

    # --- facts ------------------------------------------------------------------------------------------

    async def facts(self) -> dict[str, object]:
        """For programs."""
        settings = self._settings
        counted = await trio.to_thread.run_sync(self._shims.counts)
        queues = [
            {**counts._asdict(), **asdict(judged)}
            for counts, judged in zip(counted, self._judged, strict=False)
        ]
        return {
            "mode": settings.mode,
            "netns": settings.netns,
            "namespace": self._judges.name if self._judges is not None else "",
            "failure": self._failure,
            "not_followed": self._not_followed,
            "notes": self._notes(),
            "queues": queues,
        }

    def _notes(self) -> list[str]:
        if self._judge is None or self._judges is None:
            return []
        lacking = len(self._judges.building.left_out)
        told = f"{lacking} things of the kernel's are not in the copy: `pystack import` names them"
        return [*([told] if lacking else []), *self._judge.notes]


async def _bit_by_bit(stack: Stack, work: Iterator[None]) -> None:
    """Packets and commands have their turn in between."""
    is_done = False
    while not is_done:
        with stack.pump.burst():
            is_done = next(work, _DONE) is _DONE
        await trio.lowlevel.checkpoint()


def copy_of(stack: Stack) -> KernelCopy:
    """Of a daemon that stands in the kernel's path every stack has one."""
    assert stack.copy is not None, "it was built with [hooks]"
    return stack.copy
