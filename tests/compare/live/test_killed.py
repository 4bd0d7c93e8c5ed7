"""Whatever happens while a comparison runs, the traffic goes on, and nothing is left behind."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.compare.live import kernel
from pystack.hooks.shim import rules
from pystack.hooks.shim.counters import QueueTable
from pystack.hooks.shim.placement import USUAL
from pystack.hooks.shim.shims import LENGTH, Shims
from tests.compare.lab.patience import wait_until
from tests.compare.live.box import SETUP
from tests.compare.live.test_traffic import TALK, ended, inside, served
from tests.compare.live.watching import Watching
from tests.daemon.running import PYSTACK, clean_environment

pytestmark = pytest.mark.root

OF_PROCESS = re.compile(r"namespace of process (\d+) \(\S+\): (.*)")


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
    end = "that nobody answers for (pystack doctor --clean takes them back)"
    assert left_behind(netns) == [f"tables of probes {end}", f"rules of shims {end}"]
    taken_back = left_behind(netns, "--clean")  # or the doctor of another test has been quicker
    assert set(taken_back) <= {"5 tables of probes taken back", "5 rules of shims taken back"}
    assert left_behind(netns) == []
    assert "pystack" not in box.run("nft list ruleset; iptables-legacy-save").out


def left_behind(netns: str, *options: str) -> list[str]:
    """What `pystack doctor` says of a namespace that has no name, and is not the one where it runs."""
    argv = [*PYSTACK, "doctor", "--json", *options]
    said = subprocess.run(argv, env=clean_environment(), capture_output=True, check=False).stdout
    told = (OF_PROCESS.match(one["sentence"]) for one in json.loads(said) if one["check"] == "left behind")
    return [one[2] for one in told if one and os.path.samefile(f"/proc/{one[1]}/ns/net", netns)]


def test_connections_survive_queues_that_are_full_and_nobody_empties(box: KernelNetns) -> None:
    flood = [*TALK, "flood", "192.0.2.1", "8000"]
    assert ended(inside(box, "ca", *flood, "1"), 10) == "1\n"
    wait_until(lambda: "UNREPLIED" not in box.run("conntrack -L -p udp --sport 4000").out)  # shims see it now
    shims = Shims(box.netns_path, USUAL).start()
    try:
        transfers = [
            inside(box, "out", *TALK, "fetch", "192.0.2.2", "8080", "3000", "100", "0.01"),
            inside(box, "cb", *TALK, "fetch", "192.0.2.1", "8000", "200000", "100", "0.01"),
        ]
        for process in shims.processes:
            os.kill(process, signal.SIGSTOP)
        assert ended(inside(box, "ca", *flood, "100000"), 60) == "100000\n"
        waiting = [queue.waiting for queue in QueueTable(box.netns_path).read().values()]
        assert waiting.count(LENGTH) == 3, "what is forwarded passes three points"
        assert [ended(transfer, 60) for transfer in transfers] == ["whole\n", "whole\n"]
        dropped = [(queue.dropped_by_queue, queue.dropped_by_socket) for queue in shims.counts()]
        assert dropped == [(0, 0)] * len(USUAL)
    finally:
        for process in shims.processes:
            os.kill(process, signal.SIGCONT)
        shims.stop()
    assert not rules.is_orphaned(box.netns_path)
