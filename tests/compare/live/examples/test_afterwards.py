"""Differences of a live namespace, kept and played again in a lab."""

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.compare.lab.verb import compare_lab
from pystack.compare.live.examples import clone
from pystack.compare.live.examples.afterwards import Afterwards
from pystack.compare.live.examples.keeper import Keeper
from pystack.compare.live.screen import Lines, Text
from pystack.compare.live.verb import compare_live
from tests.compare.lab import planted
from tests.compare.live.box import SETUP
from tests.compare.live.made import PING as PING_WORDS
from tests.compare.live.made import entering, example
from tests.compare.live.watching import Json

PING = "ip netns exec ca ping -q -c 1 -W 1 192.0.2.1 || true"
RULE = "FORWARD -s 172.18.0.2/32 -p icmp -j DROP"


@pytest.fixture(scope="module")
def box() -> Iterator[KernelNetns]:
    with KernelNetns() as lab:
        lab.sh(SETUP).check()
        yield lab


@pytest.fixture
def kept(
    box: KernelNetns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> "Kept":
    monkeypatch.setattr(clone, "TRIES", 20)
    begun = threading.Event()
    monkeypatch.setattr(Lines, "begin", lambda *_: begun.set())
    return Kept(box, tmp_path / "kept", capsys, begun)


def test_where_nothing_can_be_written_any_more_the_comparison_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = example(entering(PING_WORDS)[:-2], entering(PING_WORDS))
    with closing(Keeper(str(tmp_path / "gone"))) as keeper:
        shutil.rmtree(tmp_path / "gone")
        screen = Afterwards(Text(), lambda cause: one.reproduction, keeper, third=False)
        screen.cause(one.cause, one.state)
        screen.cause(one.cause, one.state)
    told = capsys.readouterr()
    assert told.out.count("VERDICT only pystack") == 2
    assert told.err.splitlines() == [
        "pystack: compare live: --keep: nothing can be written any more: No such file or directory"
    ]


class Kept:
    """A comparison in this process, which may have a fault."""

    def __init__(
        self, box: KernelNetns, folder: Path, capsys: pytest.CaptureFixture[str], begun: threading.Event
    ) -> None:
        self._box = box
        self.folder = folder
        self._capsys = capsys
        self._begun = begun

    def after(self, traffic: str) -> tuple[Json, Json]:
        """What was told of the first echo request: the third vote, and what is kept."""

        def talk() -> None:
            self._begun.wait()
            self._box.sh(traffic)

        talking = threading.Thread(target=talk)
        talking.start()
        words = ["--json", "--no-follow", "--filter", "icmp[0] = 8", "-c", "1", "--third"]
        assert compare_live([self._box.netns_path, *words, "--keep", str(self.folder)]) == 1
        talking.join()
        told = {one["type"]: one for one in map(json.loads, self._capsys.readouterr().out.splitlines())}
        return told["third"], told["kept"]

    def played(self) -> tuple[int, str]:
        """In the lab, as a user does it."""
        code = compare_lab([str(self.folder)])
        return code, self._capsys.readouterr().out


@pytest.mark.root
def test_a_fault_of_ours_shows_in_the_lab_and_a_clone_sides_with_the_kernel(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted.the_time_to_live_does_not_count_down(monkeypatch)
    voted, found = kept.after(PING)
    assert voted["differs"] == "code"
    assert (found["differs"], found["not_carried_over"]) == (True, [])
    small = Path(found["file"]).read_text()
    assert small.count("[[step]]") == 1
    assert "DOCKER" not in small
    code, out = kept.played()
    assert (code, out.splitlines()[-1]) == (1, "1 scenario: 1 differ")
    monkeypatch.undo()
    assert kept.played()[0] == 0


@pytest.mark.root
def test_what_was_changed_behind_the_copys_back_does_not_and_its_lines_are_named(
    kept: Kept, box: KernelNetns
) -> None:
    voted, found = kept.after(f"iptables -I {RULE.replace(' ', ' 1 ', 1)}; {PING}")
    box.sh("iptables -D FORWARD 1").check()
    assert voted["differs"] == "state"
    assert not found["differs"]
    assert found["result"] == (
        "not reproduced in the lab: both sides get the same setup; "
        f"the kernel's lines differ: iptables -A {RULE}"
    )
    text = Path(found["file"]).read_text()
    assert f"# the live kernel has: iptables -A {RULE}\n" in text
    assert kept.played()[0] == 0
