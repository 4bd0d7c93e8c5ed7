"""A process of the test's own decides about real packets, as the daemon does it."""

import select
import shlex
import threading
import time
from itertools import groupby
from types import TracebackType

from pystack.applets.virtual import run
from pystack.clock import Clock
from pystack.hooks.imported.imported import build
from pystack.hooks.imported.reading import read
from pystack.hooks.judge.kernel import open_kernel
from pystack.hooks.judge.making import DECIDE, make_judge
from pystack.hooks.shim.shims import Shims, Task
from pystack.host import Host

BEHIND_TRACKING = [f"mangle/{chain}" for chain in ("prerouting", "input", "forward", "output", "postrouting")]
IN_FRONT_OF_TRACKING = [
    "raw/prerouting",
    "mangle/input",
    "mangle/forward",
    "raw/output",
    "mangle/postrouting",
]


class Deputy:
    """For a namespace, at some points."""

    def __init__(
        self, netns: str, points: list[str], *, mode: str = DECIDE, by_library: bool = False
    ) -> None:
        self.building = build(read(netns), Host(seed=1, clock=Clock(now=time.monotonic(), wall=time.time())))
        self.host = self.building.host
        self.kernel = open_kernel(netns)
        self.judge = make_judge(mode, self.host, self.building.netns, points, self.kernel)
        self.shims = Shims(netns, points, task=Task.ASK, by_library=by_library, deadline=20.0)
        self.verdicts: list[tuple[str, int]] = []
        self._lock = threading.Lock()
        self._is_over = False
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> "Deputy":
        self.shims.start()
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
