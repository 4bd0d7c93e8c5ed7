"""Packets pass, and are shown to whoever looks; nobody's absence holds one."""

import os
import signal
from collections.abc import Iterator

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.hooks.shim import desks
from pystack.hooks.shim.shims import LENGTH, Shims, Task
from tests.compare.lab.patience import wait_until
from tests.hooks.shim.pinged import POINT, asked, be_there, counts, echoes, ping, pinged_host

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def kernel() -> Iterator[KernelNetns]:
    with pinged_host() as lab:
        yield lab


@pytest.mark.parametrize("by_library", [False, True], ids=["raw", "library"])
def test_packets_pass_first_and_are_shown_as_far_as_somebody_looks(
    kernel: KernelNetns, by_library: bool
) -> None:
    with Shims(kernel.netns_path, [POINT], task=Task.SHOW, by_library=by_library) as shims:
        assert shims.mail is not None
        sent = ping(kernel)
        wait_until(lambda: echoes(kernel) == [sent[24:]])
        assert asked(shims).payload == sent
        for _ in range(160):  # more than the pair of sockets holds
            ping(kernel, 60000)
            wait_until(lambda: bool(echoes(kernel)))
        seen, shown = counts(shims).seen, 0
        while packets := shims.mail.shown(64):
            shown += len(packets)
        assert seen == 1 + 160
        assert counts(shims).uncompared == 160 - shown > 0
        assert counts(shims).late == 0


def test_what_passes_by_a_queue_that_is_full_is_counted(kernel: KernelNetns) -> None:
    with Shims(kernel.netns_path, [POINT], task=Task.SHOW) as shims:
        for process in shims.processes:
            os.kill(process, signal.SIGSTOP)
        for _ in range(LENGTH + 3):
            ping(kernel)
        assert len(echoes(kernel)) == 3
        for process in shims.processes:
            os.kill(process, signal.SIGCONT)
        wait_until(lambda: counts(shims).seen == LENGTH)
        assert counts(shims).uncompared == 3
    kernel.drain()


def test_who_must_not_be_passed_by_and_sleeps_on_is_passed_by(
    kernel: KernelNetns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desks, "STRICT_FOR", 1.0)
    with Shims(kernel.netns_path, [POINT], task=Task.ASK) as shims:
        shims.be_strict(True)
        be_there(shims)
        ping(kernel)
        asked(shims)
        wait_until(lambda: counts(shims).late == 1)
        assert echoes(kernel) == []
        wait_until(lambda: bool(ping(kernel) and echoes(kernel)))
        shims.be_strict(False)
    kernel.drain()


def test_packets_pass_when_nobody_is_left_to_be_asked(kernel: KernelNetns) -> None:
    with Shims(kernel.netns_path, [POINT], task=Task.ASK, deadline=60.0) as shims:
        assert shims.mail is not None
        sent = ping(kernel)
        wait_until(lambda: echoes(kernel) == [sent[24:]])  # nobody has come yet
        be_there(shims)
        ping(kernel)
        asked(shims)
        shims.mail.close()
        sent = ping(kernel)
        wait_until(lambda: echoes(kernel)[-1:] == [sent[24:]])
        assert counts(shims).late >= 1
