"""The scenarios that come with pystack: all can be read, all play here, and the kernel does the same."""

import json
import re
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

from pystack.compare.lab.folder import pending_scenarios
from pystack.compare.lab.runner import Options, Runner
from pystack.compare.lab.scenario_file import find, read
from pystack.compare.lab.verb import compare_lab
from pystack.compare.outcome import PENDING, PLAYED

SCENARIOS: Final = Path(__file__).parents[3] / "scenarios"
FILES: Final = [Path(file).relative_to(SCENARIOS).as_posix() for file in find([str(SCENARIOS)])]
WAITING: Final = {
    Path(file).relative_to(SCENARIOS).as_posix(): subject
    for file, subject in pending_scenarios([str(SCENARIOS)]).items()
}
PATH_KINDS: Final = "1-7 1-2 1-4 1-6 1-2-8 3-4 3-6 3-2-8 4-6 4-2-8 4-lo-4 x-ns".split()


@pytest.fixture
def runner() -> Any:
    runner = Runner(Options(side="pystack"))
    yield runner
    runner.close()


@pytest.mark.parametrize("file", FILES)
def test_a_scenario_plays_without_rights_unless_it_is_pending(file: str, runner: Runner) -> None:
    (outcome,) = runner.run([str(SCENARIOS / file)])
    assert (outcome.result, outcome.reason) == ((PENDING, WAITING[file]) if file in WAITING else (PLAYED, ""))
    assert outcome.pystack or file in WAITING


def test_what_is_pending_is_there_and_names_what_it_waits_for() -> None:
    assert set(WAITING) <= set(FILES)
    assert all(WAITING.values())


def test_no_two_scenarios_have_the_same_title() -> None:
    titles = Counter(read(str(SCENARIOS / file)).title for file in FILES)
    assert [title for title, count in titles.items() if count > 1] == []


@pytest.mark.parametrize("kind", PATH_KINDS)
def test_every_path_kind_has_scenarios_with_and_without_log_rules(kind: str) -> None:
    logged = [file for file in FILES if file.startswith(f"path-{kind}/") and "LOG" in setup_of(file)]
    plain = [file for file in FILES if file.startswith(f"path-{kind}/") and file not in logged]
    assert logged
    assert plain


def setup_of(file: str) -> str:
    return str(tomllib.loads((SCENARIOS / file).read_text())["setup"])


@pytest.mark.root
@pytest.mark.timeout(900)  # all scenarios: on the kernel's side their waits are real
def test_the_kernel_does_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    code = compare_lab(["--json", "--predict", "--thorough", str(SCENARIOS)])
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    summary = told[-1]
    differing = [entry["file"] for entry in told if entry.get("result") == "differ"]
    causes = [entry["cause"] for entry in told if entry["type"] == "diff" and not entry["known"]]
    errors = [entry for entry in told if entry["type"] == "result" and entry["result"] == "error"]
    if not summary["same"] and summary["skipped"]:
        pytest.skip(next(entry["reason"] for entry in told if entry.get("result") == "skipped"))
    wrong = [entry for entry in told if entry["type"] == "prediction" and not entry["holds"]]
    assert (differing, causes) == ([], [])
    assert wrong == []
    assert errors == []
    assert code == 0
    assert summary["same"] >= 40


@pytest.mark.root
@pytest.mark.timeout(300)
def test_the_logs_of_legacy_tables_are_the_same_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in (SCENARIOS / "kernel-logs").glob("*.toml"):
        legacy = re.sub(r"^iptables ", "iptables-legacy ", file.read_text(), flags=re.MULTILINE)
        (tmp_path / file.name).write_text(legacy.replace('"iptables-nft"', '"iptables-legacy"'))
    code = compare_lab(["--json", "--thorough", str(tmp_path)])
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    results = {Path(entry["file"]).stem: entry["result"] for entry in told if entry["type"] == "result"}
    if set(results.values()) == {"skipped"}:
        pytest.skip(next(entry["reason"] for entry in told if entry.get("result") == "skipped"))
    assert {name: result for name, result in results.items() if result != "same"} == {}
    assert (len(results), code) == (45, 0)
