"""`pystack compare lab` as a user meets it; for the kernel stands a pystack that loses frames."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pystack.compare.lab import verb
from pystack.compare.lab.pystack_side import PystackSide
from pystack.compare.lab.runner import Runner
from pystack.compare.records import Frame, Hop, Record
from pystack.compare.scenario import Scenario
from pystack.wire import capture, pcap
from pystack.wire.pcap import Captured

SETUP = """
ip link add br0 type bridge
ip link set tap1 master br0; ip link set tap1 up
ip link set tap2 master br0; ip link set tap2 up
ip link set br0 up
"""
FRAME = bytes.fromhex("0200000000bb0200000000aa88b5") + b"hello"
Lab = Callable[..., int]


class Forgetful(PystackSide):
    """Shows nothing of what the bridge passed on."""

    def play(self, scenario: Scenario, hops: bool = True) -> list[Record]:
        return [record for record in super().play(scenario, hops) if not _is_behind(record)]

    def version(self) -> tuple[int, int]:
        return 6, 18


def _is_behind(record: Record) -> bool:
    is_out = isinstance(record, Frame) and record.dir == "out"
    return is_out or (isinstance(record, Hop) and record.hook in ("FORWARD", "POSTROUTING", "EGRESS"))


def scenario(title: str, *more: str) -> str:
    send = f'[[step]]\nsend = {{ port = "tap1", hex = "{FRAME.hex()}" }}'
    return "\n".join(
        [f'title = "{title}"', 'ports = ["tap1", "tap2"]', f'setup = """{SETUP}"""', send, *more]
    )


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Lab:
    """Two scenarios, a.toml and b.toml, that are played on both sides."""
    monkeypatch.setattr(verb, "Runner", partial(Runner, make_kernel=Forgetful))
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    Path("in/a.toml").write_text(scenario("The first"))
    Path("in/b.toml").write_text(scenario("The second"))
    return lambda *arguments: verb.compare_lab(list(arguments))


def test_numbers_run_through_the_run_and_each_can_be_explained(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lab("in") == 1
    told = capsys.readouterr().out
    assert "differ   in/a.toml  The first  [1 to 2]" in told
    assert "differ   in/b.toml  The second  [3 to 4]" in told
    assert lab("in", "--explain", "3") == 1
    assert capsys.readouterr().out.startswith("3: in/b.toml  The second\n")


def test_a_number_that_is_too_high_is_refused_with_the_highest(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lab("in", "--explain", "9") == 2
    assert capsys.readouterr().err == "pystack: there is no difference 9: the run has 4\n"


def test_with_json_nothing_else_is_printed(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    Path("in/b.toml").write_text(scenario("The second", '[[expect]]\npath = "1-7"'))
    assert lab("in", "--json", "--predict", "--junit", "j.xml", "--html", "h.html", "--keep", "kept") == 1
    said = capsys.readouterr()
    events = [json.loads(line) for line in said.out.splitlines()]
    assert said.err == ""
    assert all(event["v"] == 1 for event in events)
    assert (
        list(events[-1])
        == (
            "v type scenarios same known differ pending skipped errors not_observable "
            "not_compared not_as_predicted wavered forgiven interrupted planned"
        ).split()
    )
    assert [event["type"] for event in events].count("prediction") == 1


def test_reports_are_written_into_the_files_that_were_named(lab: Lab) -> None:
    lab("in", "--junit", "j.xml", "--html", "h.html")
    assert len(list(ElementTree.parse("j.xml").iter("failure"))) == 2
    assert "The second" in Path("h.html").read_text()


def test_a_file_that_cannot_be_written_is_named_before_anything_is_played(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lab("in", "--html", "nowhere/h.html") == 2
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "pystack: nowhere/h.html: No such file or directory\n")


def test_a_kept_run_is_whole(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    lab("in", "--keep", "kept")
    names = ["events.jsonl", "kernel.pcapng", "pystack.pcapng", "report.html", "scenarios", "summary.json"]
    assert sorted(path.name for path in Path("kept").iterdir()) == names
    summary = json.loads(Path("kept/summary.json").read_text())
    assert summary["differ"] == 2
    assert [(one["n"], one["kept"]) for one in summary["differences"]] == [
        *((1, "scenarios/a.toml"), (2, "scenarios/a.toml")),
        *((3, "scenarios/b.toml"), (4, "scenarios/b.toml")),
    ]
    capsys.readouterr()
    lab("in", "--json")
    assert Path("kept/events.jsonl").read_text() in capsys.readouterr().out


def test_a_kept_difference_is_explained_without_being_played(
    lab: Lab, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lab("in", "--keep", "kept")
    capsys.readouterr()
    lab("in", "--explain", "4")
    played = capsys.readouterr().out
    shutil.rmtree("in")
    monkeypatch.setattr(verb, "Runner", None)
    assert lab("kept", "--explain", "4") == 1
    assert capsys.readouterr().out == played


def test_a_kept_difference_is_played_again_with_the_capture_that_it_sends(lab: Lab) -> None:
    Path("frames").mkdir()
    Path("frames/one.pcap").write_bytes(pcap.file_header() + pcap.record(0, FRAME))
    sends = 'send = { port = "tap1", pcap = "../frames/one.pcap" }'
    Path("in/b.toml").write_text(scenario("The second") + f"\n[[step]]\n{sends}\n")
    lab("in", "--keep", "kept")
    shutil.rmtree("in")
    shutil.rmtree("frames")
    assert lab("kept", "--keep", "again") == 1
    counts = [json.loads(Path(run, "summary.json").read_text())["differ"] for run in ("kept", "again")]
    assert counts == [2, 2]


def test_what_is_known_stays_known_when_it_is_played_again(lab: Lab) -> None:
    rows = [f'[[known]]\nclass = "{cls}"\nreason = "planted"\n' for cls in ("VERDICT", "EGRESS", "REWRITE")]
    Path("in/known.toml").write_text("".join(rows))
    assert lab("in", "--keep", "kept") == 0
    shutil.rmtree("in")
    assert lab("kept") == 0
    assert lab("kept", "--explain", "1") == 0


def test_frames_are_kept_with_the_path_of_their_packet(lab: Lab) -> None:
    lab("in/a.toml", "--keep", "kept")
    frames = [
        one for one in capture.parse(Path("kept/pystack.pcapng").read_bytes()) if isinstance(one, Captured)
    ]
    assert [(one.interface, one.frame) for one in frames] == [("tap1", FRAME), ("tap2", FRAME)]
    lines = frames[1].comment.splitlines()
    assert lines[0] == "in/a.toml, step 1"
    assert lines[1] == "packet 1: 1-7 sent by tap2"
    assert "bridge FORWARD tap1>tap2" in lines[2]


@pytest.mark.parametrize("side", ["kernel", "pystack"])
def test_tcpdump_reads_what_was_kept(lab: Lab, side: str) -> None:
    if shutil.which("tcpdump") is None:
        pytest.skip("tcpdump is not installed")
    lab("in", "--keep", "kept")
    command = ["tcpdump", "-nn", "-e", "-r", f"kept/{side}.pcapng"]
    read = subprocess.run(command, capture_output=True, text=True, check=True)
    assert read.stdout.count("ethertype Unknown (0x88b5)") == (2 if side == "kernel" else 4)


def test_a_folder_that_holds_something_is_not_written_into(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lab("in", "--keep", "in") == 2
    assert capsys.readouterr().err == "pystack: in: is not empty; a run is kept in a folder of its own\n"


def test_a_damaged_folder_is_named(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    lab("in", "--keep", "kept")
    Path("kept/events.jsonl").write_text('{"type": "scenario"}\n')
    capsys.readouterr()
    assert lab("kept", "--explain", "1") == 2
    assert capsys.readouterr().err.startswith("pystack: kept/events.jsonl: is no stream of")


def test_a_prediction_that_does_not_hold_is_shown_and_fails(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    ip = "Ether(src='02:00:00:00:00:aa', dst='02:00:00:00:00:bb')/IP(src='10.0.0.1', dst='10.0.0.2')/UDP()"
    for path, code in (("1-7", 0), ("1-2", 1)):
        more = f'[[step]]\nsend = {{ port = "tap1", packet = "{ip}" }}\n[[expect]]\npath = "{path}"'
        Path("in/a.toml").write_text(scenario("The first", more))
        assert lab("in/a.toml", "--predict", "--side", "pystack") == code
        assert (
            f"expected {path}\n      kernel   -\n      pystack  1-7 sent by tap2" in capsys.readouterr().out
        )


@pytest.mark.parametrize("option", ["--json", "--keep=x", "--html=x"])
def test_an_explanation_is_no_report(lab: Lab, option: str) -> None:
    with pytest.raises(SystemExit) as refused:
        lab("in", "--explain", "1", option)
    assert refused.value.code == 2


class Interrupted(Forgetful):
    """Somebody presses Ctrl-C while the second scenario is played."""

    def play(self, scenario: Scenario, hops: bool = True) -> list[Record]:
        if scenario.title == "The second":
            raise KeyboardInterrupt
        return super().play(scenario, hops)


def test_an_interrupted_run_is_told_as_far_as_it_came(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(verb, "Runner", partial(Runner, make_kernel=Interrupted))
    with pytest.raises(KeyboardInterrupt):
        lab("in", "--keep", "kept")
    said = capsys.readouterr().out
    assert "1 scenario: 1 differ" in said
    assert said.endswith("interrupted: 1 of 2 played\n")
    monkeypatch.setattr(verb, "Runner", None)
    assert lab("kept", "--explain", "1") == 1


def test_what_one_side_plays_alone_is_not_called_the_same(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lab("in", "--side", "pystack") == 0
    assert capsys.readouterr().out.endswith("2 scenarios: 2 played\n")


def test_programs_are_told_that_nothing_was_compared(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    lab("in/a.toml", "--side", "pystack", "--json")
    *_, result, summary = map(json.loads, capsys.readouterr().out.splitlines())
    assert (result["result"], result["compared"]) == ("same", False)
    assert result["reason"] == "played on one side alone: nothing was compared"
    assert (summary["same"], summary["not_compared"]) == (1, 1)


def test_one_side_without_an_expectation_has_nothing_to_predict(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    lab("in/a.toml", "--side", "pystack", "--predict")
    assert "The first: no [[expect]], so nothing was predicted" in capsys.readouterr().out


def test_a_broken_prediction_fails_in_every_report(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    Path("in/a.toml").write_text(scenario("The first", '[[expect]]\nlog = "[NOBODY]"'))
    assert lab("in/a.toml", "--side", "pystack", "--predict", "--json", "--junit", "j.xml") == 1
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert summary["not_as_predicted"] == 1
    assert ElementTree.parse("j.xml").getroot()[0].get("failures") == "1"


def test_a_path_that_there_is_not_is_a_mistake_of_the_file(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("in/a.toml").write_text(scenario("The first", '[[expect]]\npath = "9-9"'))
    assert lab("in/a.toml") == 1
    assert 'expect.path: there is no path "9-9" (known: 1-2,' in capsys.readouterr().out


def test_one_file_that_is_named_in_several_ways_is_played_once(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("link.toml").symlink_to("in/a.toml")
    lab("in/a.toml", "./in/a.toml", str(Path("in/a.toml").absolute()), "link.toml", "--side", "pystack")
    assert capsys.readouterr().out.endswith("1 scenario: 1 played\n")


def test_a_mark_of_the_encoding_before_a_file_is_passed_over(
    lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("in/a.toml").write_text("\ufeff" + scenario("The first"))
    assert lab("in/a.toml", "--side", "pystack") == 0


FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("option", ["--junit", "--html"])
def test_a_report_that_finds_no_room_is_named_in_one_line(
    option: str, lab: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lab("in", "--side", "pystack", option, str(FULL)) == 1
    said = capsys.readouterr()
    assert said.err == "pystack: /dev/full cannot be written: No space left on device\n"
    assert said.out.endswith("2 scenarios: 2 played\n")


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_standard_output_without_room_is_named_in_one_line(options: list[str], lab: Lab) -> None:
    command = [sys.executable, "-m", "pystack", "compare", "lab", "in", "--side", "pystack", *options]
    with FULL.open("w") as full:
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    said = "pystack: standard output cannot be written: No space left on device\n"
    assert (ran.returncode, ran.stderr) == (1, said)
