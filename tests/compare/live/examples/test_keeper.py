"""The file of a cause."""

from pathlib import Path

import pytest

from pystack.compare.lab.scenario_file import read
from pystack.compare.live.changed import CHANGED
from pystack.compare.live.examples.keeper import Keeper, NoFolder
from pystack.compare.live.judge import Told
from tests.compare.live.made import PING, entering, example

RULE = "iptables -A INPUT -p icmp -j DROP"


def test_it_reads_back_as_the_scenario_and_tells_what_that_cannot_say(tmp_path: Path) -> None:
    keeper = Keeper(str(tmp_path / "new"))
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
