"""Texts of nftables with slips in them: some are taken, some refused, and both sides say the same of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pystack.applets import virtual
from pystack.applets.nft.evaluate import constants
from pystack.applets.virtual import Outside
from pystack.compare.fuzz import nft_text
from pystack.compare.fuzz.dice import Dice
from pystack.compare.lab.fuzz_session import Limit, Session
from pystack.compare.lab.fuzz_twin import Twin
from pystack.compare.lab.fuzz_verb import fuzz
from pystack.compare.lab.pystack_side import PystackSide
from pystack.compare.records import Record
from pystack.compare.scenario import Scenario
from pystack.host import Host


def refused(text: str, host: Host) -> bool:
    outside = Outside(read_file=lambda _: b"", stdin=text.encode())
    return bool(virtual.run(["nft", "-c", "-f", "-"], host, outside=outside).rc)


def test_some_texts_are_taken_and_most_are_refused() -> None:
    dice, host = Dice(1), Host(seed=1)
    count = sum(refused(nft_text.text(dice), host) for _ in range(150))
    assert 50 < count < 148


class Lenient(PystackSide):
    """pystack that takes every number, however great."""

    def play(self, scenario: Scenario, hops: bool = True) -> list[Record]:
        with pytest.MonkeyPatch.context() as patch:
            whole = constants._checked
            patch.setattr(constants, "_checked", lambda at, number, kind, wanted: whole(at, 0, kind, wanted))
            return super().play(scenario, hops)


def test_what_only_one_side_refuses_is_found() -> None:
    session = Session(Twin(PystackSide, Lenient), ["nft-text"], 1, Limit(cases=100))
    assert next(session.run()).area == "nft-text"


@pytest.mark.root
@pytest.mark.xdist_group("nft")
def test_both_sides_take_and_refuse_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], scaled: Callable[[int], int]
) -> None:
    arguments = ["nft-text", "--seed", "7", "--cases", str(scaled(1000)), "--keep", str(tmp_path / "found")]
    assert fuzz(arguments) == 0, capsys.readouterr().out
