"""A host accepts and drops the same with the daemon in its path and without, also when that is killed."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from tests.conftest import FULL
from tests.daemon.hooked import hooked
from tests.hooks.shim.hosts import HOSTS, NET, Fate, counted, fate, rulesets

pytestmark = pytest.mark.root

KINDS = list(HOSTS) if FULL else ["legacy"]


@pytest.fixture(params=KINDS)
def kernel(request: pytest.FixtureRequest) -> Iterator[KernelNetns]:
    with KernelNetns(["tap1", "tap2"]) as lab:
        lab.sh(NET + HOSTS[request.param]).check()
        yield lab


Seen = tuple[list[Fate], dict[str, int]]


def seen(kernel: KernelNetns, expected: Seen | None = None) -> Seen:
    """What becomes of packets, and how many each rule of the host's decides about."""
    before = counted(kernel)
    told = fate(kernel, None if expected is None else expected[0])
    return told, {rule: count - before[rule] for rule, count in counted(kernel).items()}


def test_observing_changes_nothing(kernel: KernelNetns, tmp_path: Path) -> None:
    without, rules = seen(kernel), rulesets(kernel)
    with hooked(tmp_path, kernel) as running:
        assert seen(kernel, without) == without
        os.kill(running.process.pid, signal.SIGSTOP)
        assert seen(kernel, without) == without
        running.process.kill()
        assert seen(kernel, without) == without
        running.wait()
    assert seen(kernel) == without
    assert rulesets(kernel) == rules
    with hooked(tmp_path, kernel) as running:
        assert seen(kernel, without) == without
        assert running.end() == 0
    assert rulesets(kernel) == rules


def test_a_copy_that_nobody_changed_decides_as_the_kernel_does(kernel: KernelNetns, tmp_path: Path) -> None:
    without, rules = fate(kernel), rulesets(kernel)
    with hooked(tmp_path, kernel, 'mode = "decide"\ndeadline_ms = 400') as running:
        assert fate(kernel, without) == without
        os.kill(running.process.pid, signal.SIGSTOP)
        assert fate(kernel, without) == without
        os.kill(running.process.pid, signal.SIGCONT)
        assert running.end() == 0
    assert fate(kernel) == without
    assert rulesets(kernel) == rules
