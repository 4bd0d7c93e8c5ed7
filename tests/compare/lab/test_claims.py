"""docs/claims.md is what scripts/claims makes of the scenarios."""

import tomllib
from pathlib import Path

import pytest

from pystack.compare.lab.claims import TABLE, evidence, main, pages
from pystack.compare.lab.scenario_file import find, read
from pystack.compare.records import Captured, Frame, Log, Output, Record
from pystack.wire.ethernet import ETH_P_ARP, ETH_P_IP, header

ROOT = Path(__file__).parent.parent.parent.parent
STATION = bytes(6)
IP = header(STATION, STATION, ETH_P_IP) + bytes.fromhex("450000140000000040003e06ac100a0bc0a81501")
ARP = header(STATION, STATION, ETH_P_ARP) + bytes(28)


def test_the_pages_are_current() -> None:
    for path, text in pages(ROOT).items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: run scripts/claims"


def test_every_claim_of_a_scenario_is_on_the_pages() -> None:
    scenarios = ROOT / "scenarios"
    claimed = {file for file in find([str(scenarios)]) if read(file).claim}
    table = tomllib.loads((ROOT / TABLE).read_text(encoding="utf-8"))
    told = [str(scenarios / claim["scenario"]) for section in table["section"] for claim in section["claim"]]
    assert sorted(told) == sorted(claimed)


def test_a_page_that_is_not_current_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / TABLE).write_text("section = []\n")
    monkeypatch.chdir(tmp_path)
    assert main(["--check"]) == 1
    assert "docs/claims.md is not current: run scripts/claims" in capsys.readouterr().err
    assert main([]) == 0
    assert main(["--check"]) == 0


def test_a_command_stands_before_what_it_did_and_its_output_behind() -> None:
    records: list[Record] = [
        Frame(1, "e1", "out", IP),
        Output(1, "ping x", 0, "64 bytes time=0.1 ms\n", "", ""),
    ]
    lines = evidence(records, ["e1"])
    assert lines[0] == "$ ping x"
    assert lines[1].startswith("e1       out  IP 172.16.10.11 > 192.168.21.1:")
    assert lines[2] == "64 bytes"


def test_a_line_of_a_log_rule_stands_where_it_was_written() -> None:
    records: list[Record] = [
        Frame(1, "e1", "in", IP),
        Log(1, "[FWD] IN=e1 OUT=e2 "),
        Frame(1, "e2", "out", IP),
    ]
    assert [line.split()[:2] for line in evidence(records, ["e1", "e2"])] == [
        ["e1", "in"],
        ["log", "[FWD]"],
        ["e2", "out"],
    ]


def test_what_repeats_itself_is_told_once() -> None:
    pair = [Captured(1, "lo", "out", IP), Captured(1, "lo", "in", IP)]
    lines = evidence(pair * 3, [])
    assert [line[-4:] for line in lines] == ["(3x)", "(3x)"]


def test_arp_is_left_out_where_ip_packets_show_it_already() -> None:
    assert len(evidence([Frame(1, "e1", "out", ARP), Frame(1, "e1", "out", IP)], ["e1"])) == 1
    assert len(evidence([Frame(1, "e1", "out", ARP)], ["e1"])) == 1
