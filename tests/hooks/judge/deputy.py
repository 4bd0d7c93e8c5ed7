"""A thread of the test's own decides about real packets as the daemon does it, and programs send them."""

import select
import shlex
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from itertools import groupby
from types import TracebackType

import tests.compare.live.talk
from pystack.applets.virtual import run
from pystack.clock import Clock
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.hooks.imported.imported import build
from pystack.hooks.imported.reading import read
from pystack.hooks.judge.kernel import open_kernel
from pystack.hooks.judge.making import DECIDE, make_judge
from pystack.hooks.shim.shims import Shims, Task
from pystack.host import Host
from tests.compare.lab.patience import wait_until

BEHIND_TRACKING = [f"mangle/{chain}" for chain in ("prerouting", "input", "forward", "output", "postrouting")]
IN_FRONT_OF_TRACKING = [
    "raw/prerouting",
    "mangle/input",
    "mangle/forward",
    "raw/output",
    "mangle/postrouting",
]
TALK = f"{sys.executable} {tests.compare.live.talk.__file__}"


def serve(box: KernelNetns, side: str, port: int) -> None:
    """A program there, behind `ip netns exec NAME`, gives what it is asked for."""
    box.start(f"{side} {TALK} serve {port}".split())
    wait_until(lambda: f":{port} " in box.run(f"{side} ss -Htln").out)


def said(box: KernelNetns, side: str, words: str) -> str:
    """The last line of a program there that asks; killed after a while, it has said nothing."""
    ended = box.sh(f"timeout 15 {side} {TALK} {words} 2>&1")
    return (ended.out.splitlines() or [""])[-1]


class Deputy:
    """For a namespace, at some points."""

    def __init__(
        self, netns: str, points: Sequence[str], *, by_library: bool = False, deadline: float = 20.0
    ) -> None:
        self.building = build(read(netns), Host(seed=1, clock=Clock(now=time.monotonic(), wall=time.time())))
        self.host = self.building.host
        self.kernel = open_kernel(netns)
        self.judge = make_judge(DECIDE, self.host, self.building.netns, points, self.kernel)
        self.shims = Shims(netns, points, task=Task.ASK, by_library=by_library, deadline=deadline)
        self.verdicts: list[tuple[str, int]] = []
        self._lock = threading.Lock()
        self._is_over = False
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> "Deputy":
        self.shims.start()
        assert self.shims.mail is not None
        self.shims.mail.greet()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over = True
        self._thread.join()
        self.shims.stop()
        self.kernel.close()

    def do(self, text: str) -> str:
        """Commands in the copy."""
        with self._lock:
            said = ""
            for line in filter(None, map(str.strip, text.splitlines())):
                ended = run(shlex.split(line), self.host)
                assert ended.rc == 0, f"{line}: {ended.err}"
                said += ended.out
            return said

    def hang(self) -> AbstractContextManager[object]:
        """Meanwhile nobody is answered."""
        return self._lock

    def _work(self) -> None:
        mail = self.shims.mail
        assert mail is not None
        while not self._is_over:
            if not select.select([mail], [], [], 0.05)[0]:
                continue
            with self._lock:
                self.host.clock.set(max(time.monotonic(), self.host.clock.now))
                self.host.run_timers()
                shown = mail.shown(64)
                for place, group in groupby(shown, key=lambda one: one[0]):
                    packets = [packet for _, packet in group]
                    point = self.shims.points[place]
                    answers = self.judge.judge(point, packets)
                    self.verdicts += [(point, answer.verdict) for answer in answers]
                    for packet, answer in zip(packets, answers, strict=True):
                        mail.reply(place, packet.id, answer)
                self.shims.be_strict(self.judge.is_indispensable)
