"""Whatever happens while a comparison runs, the traffic goes on, and nothing is left behind."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.compare.live import kernel
from pystack.hooks.shim import rules
from tests.compare.lab.patience import wait_until
from tests.compare.live.box import SETUP
from tests.compare.live.test_traffic import TALK, ended, inside, served
from tests.compare.live.watching import Watching

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def box() -> Iterator[KernelNetns]:
    with KernelNetns() as lab:
        lab.sh(SETUP).check()
        wait_until(lambda: lab.run("ip -br link").out.count(" UP ") == 4)
        served(lab)
        yield lab


def test_connections_survive_when_all_processes_are_killed(box: KernelNetns) -> None:
    netns = box.netns_path
    with Watching(box, "--shims") as watching:
        transfers = [
            inside(box, "out", *TALK, "fetch", "192.0.2.2", "8080", "3000", "50", "0.02"),
            inside(box, "cb", *TALK, "fetch", "192.0.2.1", "8000", "200000", "50", "0.02"),
        ]
        pid = watching.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        assert len(children) == 2
        for number in (*map(int, children), pid):
            os.kill(number, signal.SIGKILL)
        watching.process.wait()
        assert [ended(transfer, 60) for transfer in transfers] == ["whole\n", "whole\n"]
    wait_until(lambda: rules.is_orphaned(netns) and kernel.is_orphaned(netns))
    assert kernel.clean(netns) == 5
    assert rules.take_back_orphans(netns) == 5
    assert not kernel.is_orphaned(netns)
    assert not rules.is_orphaned(netns)
