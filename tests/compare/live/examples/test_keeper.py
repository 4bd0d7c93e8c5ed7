"""The file of a cause."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pystack.compare.explanation import explain
from pystack.compare.lab.kept import kept_finding
from pystack.compare.lab.scenario_file import read
from pystack.compare.live.changed import CHANGED
from pystack.compare.live.examples.keeper import Keeper, NoFolder
from pystack.compare.live.judge import Told
from pystack.compare.rows import ALSO, FIRST
from pystack.wire import capture
from pystack.wire.malformed import Malformed
from tests.compare.live.made import PING, entering, example

RULE = "iptables -A INPUT -p icmp -j DROP"


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    with closing(Keeper(str(tmp_path / "new"))) as keeper:
        yield keeper


def test_it_reads_back_as_the_scenario_and_tells_what_that_cannot_say(keeper: Keeper) -> None:
    one = example(
        entering(PING)[:-2],
        entering(PING),
        Told("route", "local 10.0.0.1", "none"),
        Told(CHANGED, RULE, "-"),
        lacks="the weather",
    )
    one.result = "not reproduced"
    keeper.write(one)
    file = keeper.file_of(one)
    again = read(str(file))
    assert again.title == "compare live: VERDICT at ip INPUT 40: only pystack"
    assert again.steps == one.scenario.steps
    assert again.topology.setup == f"ip link set eth7 up\n# the live kernel has: {RULE}\n"
    comment = [line for line in file.read_text().splitlines() if line.startswith("# ")]
    assert comment[2:6] == [
        "# not reproduced",
        "# not carried over: the weather",
        "# route: kernel: local 10.0.0.1",
        "# route: pystack: none",
    ]


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(NoFolder, match="is not empty"):
        Keeper(str(tmp_path))
    with pytest.raises(NoFolder, match="mine: File exists"):
        Keeper(str(tmp_path / "mine"))


def test_the_report_of_a_run_stands_beside_them_and_one_difference_can_be_explained(
    keeper: Keeper, tmp_path: Path
) -> None:
    one = example(entering(PING)[:-2], entering(PING))
    keeper.write(one)
    told = keeper.finish([one])
    assert told.endswith("--explain N` shows one, N up to 1")
    summary = json.loads((tmp_path / "new" / "summary.json").read_text())
    assert [(row["n"], row["kept"], row["class"]) for row in summary["differences"]] == [
        (1, "cause-1.toml", "VERDICT")
    ]
    assert {file.name for file in (tmp_path / "new").iterdir()} == {
        "cause-1.toml",
        "events.jsonl",
        "kernel.pcapng",
        "pystack.pcapng",
        "report.html",
        "summary.json",
    }
    found = kept_finding(str(tmp_path / "new"), 1)
    (hops,) = (section for section in explain(found).sections if section.heading == "hops")
    assert [row.mark for row in hops.rows if row.mark.strip()] == [FIRST, ALSO]


def test_frames_are_written_as_they_came_and_left(keeper: Keeper, tmp_path: Path) -> None:
    one = example(entering(PING)[:-2], entering(PING))
    keeper.write(one)
    keeper.finish([one])
    (frame,) = capture.parse((tmp_path / "new" / "kernel.pcapng").read_bytes())
    assert not isinstance(frame, Malformed)
    assert bytes(frame.frame) == entering(PING)[0].data


def test_what_no_hop_shows_is_kept_even_so(keeper: Keeper, tmp_path: Path) -> None:
    one = example(entering(PING), entering(PING))  # such as another source that a route gives
    keeper.write(one)
    assert "explain" not in keeper.finish([one])
    assert json.loads((tmp_path / "new" / "summary.json").read_text())["differences"] == []
