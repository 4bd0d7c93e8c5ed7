"""`pystack compare log`: files and standard input, exit codes, JSON, and a log that grows."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pystack.compare.log.verb import compare_log
from tests.compare.log.logs import BRIDGE, SETUP, VM, echo, routed

LOG = [line for line in routed() if not line.startswith("EB-")]
COMMAND = [sys.executable, "-m", "pystack", "compare", "log"]


def write(path: Path, lines: list[str]) -> str:
    path.write_text("".join(f"{line}\n" for line in lines))
    return str(path)


def test_a_log_without_a_setup_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare_log([write(tmp_path / "log", routed())]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "#1 10.0.0.2 > 192.0.2.7: ICMP echo request, id 1, seq 1, IP id 7   (lines 1-6)"
    assert out[1] == "    path 1-6: from a port of a bridge, routed, out by a device that is no port"
    assert out[-2:] == [
        "1 packet in 6 lines: 1-6 1x",
        "held against the kernel's order, and each other: no difference",
    ]
    hooks = [line[12:30].strip() for line in out if line.startswith("      |     ")]
    assert [hook for hook in hooks if hook] == [
        "bridge BROUTING",
        "bridge PREROUTING",
        "ip PREROUTING",
        "bridge INPUT",
        "ip FORWARD",
        "ip POSTROUTING",
    ]


def test_a_difference_to_the_setup_is_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    setup = write(tmp_path / "lab.setup", SETUP.splitlines())
    assert compare_log([write(tmp_path / "log", LOG), "--setup", setup]) == 0
    assert "held against the setup: no difference" in capsys.readouterr().out
    assert compare_log([write(tmp_path / "log", LOG[:-2] + LOG[-1:]), "--setup", setup]) == 1
    out = capsys.readouterr().out
    assert "    ! not in the log: FILTER-FORWARD IN=br0 OUT=wan" in out
    assert "held against the setup: 1 difference" in out


def test_what_differs_is_summed_up_by_cause(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line.replace("TTL=63", "TTL=60") for number in range(1, 6) for line in routed(number)]
    assert compare_log([write(tmp_path / "log", lines)]) == 1
    assert capsys.readouterr().out.splitlines()[-5:-2] == [
        "what differs, by cause:",
        "    5x field: FILTER-FORWARD TTL",
        "    5x field: NAT-POSTROUTING TTL",
    ]


def test_what_pystack_answers_and_the_log_does_not_know_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    setup = write(tmp_path / "lab.setup", SETUP.splitlines())
    asks = f"RAW-PREROUTING IN=br0 OUT= PHYSIN=tap1 MAC={BRIDGE}:{VM}:08:00 {echo(to='10.0.0.1')}"
    asked = [asks, asks.replace("RAW", "NAT")]
    assert compare_log([write(tmp_path / "log", asked), "--setup", setup]) == 1
    out = capsys.readouterr().out
    assert "! not in the log: a packet that pystack makes, path 4-2-8\n    FILTER-OUTPUT IN= OUT=br0 " in out


def test_json_is_one_object_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [*routed()[:4], "IN=x OUT=", routed()[4].replace("TTL=63", "TTL=60"), *routed()[5:]]
    assert compare_log([write(tmp_path / "log", lines)], as_json=True) == 1
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(entry["v"], entry["type"]) for entry in objects] == [
        *((1, "packet"), (1, "diff"), (1, "remark"), (1, "summary"))
    ]
    packet, diff, remark, summary = objects
    assert (packet["packet"], packet["path"], packet["end"], len(packet["lines"])) == (
        1,
        "1-6",
        "sent by wan",
        6,
    )
    assert packet["without_line"] == ["bridge BROUTING"]
    assert (diff["fault"], diff["packet"], diff["line"]) == ("field", 1, 6)
    assert remark["line"] == 5
    assert (summary["packets"], summary["differences"], summary["paths"]) == (1, 1, {"1-6": 1})


def test_logs_of_host_and_guest_are_told_apart_by_their_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ends = echo(source="10.0.0.1", to="10.0.0.2")
    host = write(tmp_path / "host", [f"OUTPUT IN= OUT=br0 {ends}"])
    guest = write(tmp_path / "guest", [f"INPUT IN=enp0s3 OUT= MAC={VM}:{BRIDGE}:08:00 {ends}"])
    assert compare_log([host, guest]) == 0
    out = capsys.readouterr().out
    assert "(host, line 1)" in out
    assert "goes on as #2" in out
    assert "(guest, line 1)" in out


@pytest.mark.parametrize(
    ("words", "rc", "err"),
    [
        (["nowhere"], 2, "pystack: nowhere: No such file or directory\n"),
        (["/dev/null"], 1, "pystack: compare log: no line tells of a packet\n"),
        (["/dev/null", "--host", "--setup", "x"], 2, "pystack: compare log: --setup or --host, not both\n"),
        (["/dev/null", "--setup", "nowhere"], 2, "pystack: nowhere: No such file or directory\n"),
        (["/dev/null", "/dev/null", "-f"], 2, "pystack: compare log: --follow is about one file\n"),
    ],
)
def test_a_mistake_is_one_line(
    words: list[str], rc: int, err: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare_log(words) == rc
    assert capsys.readouterr().err == err


def test_a_setup_that_fails_is_exit_code_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    setup = write(tmp_path / "lab.setup", ["ip link set lo up", "iptables -A INPUT -j NOWHERE"])
    assert compare_log(["/dev/null", "--setup", setup]) == 2
    assert f"pystack: {setup}:2: " in capsys.readouterr().err


def test_no_file_at_all_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        compare_log([])
    assert "the following arguments are required: FILE" in capsys.readouterr().err


def _until(lines: Iterator[str], begin: str) -> str:
    return next(line for line in lines if line.startswith(begin))


@pytest.mark.slow
def test_what_comes_through_a_pipe_is_told_when_the_log_is_quiet() -> None:
    with subprocess.Popen(
        [*COMMAND, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("".join(f"{line}\n" for line in routed(7)))
        process.stdin.flush()
        assert "IP id 7" in _until(process.stdout, "#1")
        process.stdin.write("".join(f"{line}\n" for line in routed(8)))
        process.stdin.close()
        assert "IP id 8" in _until(process.stdout, "#2")
        assert _until(process.stdout, "2 packets")
        assert process.wait() == 0


@pytest.mark.slow
def test_a_file_is_followed_as_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "log"
    write(path, routed(7))
    with subprocess.Popen([*COMMAND, "-f", str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "IP id 7" in _until(process.stdout, "#1")
        with path.open("a") as file:
            file.write("".join(f"{line}\n" for line in routed(8)))
        assert "IP id 8" in _until(process.stdout, "#2")
        process.terminate()
        assert _until(process.stdout, "2 packets")
        assert process.wait() == 0
