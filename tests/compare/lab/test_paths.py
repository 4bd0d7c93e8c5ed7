"""docs/paths.md is what scripts/paths makes of explain, and agrees with what `compare log` knows of paths."""

import re
import tomllib
from pathlib import Path

import pytest

from pystack.compare.lab.paths import FILES, TABLE, main, pages
from pystack.compare.log.order import HOOKS
from pystack.compare.log.place import Hook
from pystack.explain.path_kind import KINDS
from tests.compare.log.logs import accounts_of

ROOT = Path(__file__).parents[3]
PAGES = pages(ROOT)
PAGE = PAGES[ROOT / FILES["en"]]


@pytest.mark.parametrize("file", FILES.values())
def test_the_pages_are_current(file: str) -> None:
    assert (ROOT / file).read_text(encoding="utf-8") == PAGES[ROOT / file], f"{file}: run scripts/paths"


def test_every_kind_of_path_has_its_picture() -> None:
    drawn = set(re.findall(r"^### (\S+): ", PAGE, re.MULTILINE))
    assert drawn >= {kind for kind in KINDS if not kind.endswith("?")}


def test_a_packet_that_takes_another_path_than_the_table_says_is_refused(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    table = (ROOT / TABLE).read_text(encoding="utf-8")
    (tmp_path / TABLE).write_text(table.replace('kind = "1-7"', 'kind = "1-6"', 1), encoding="utf-8")
    with pytest.raises(ValueError, match="took path 1-7, not 1-6"):
        pages(tmp_path)


def test_every_scenario_that_is_named_is_there() -> None:
    table = tomllib.loads((ROOT / TABLE).read_text(encoding="utf-8"))
    named = [path["scenario"] for section in table["section"] for path in section["path"]]
    assert [name for name in named if not (ROOT / "scenarios" / name).exists()] == []


def test_the_hooks_at_a_glance_are_those_that_compare_log_expects() -> None:
    glance = PAGE.split("## At a glance")[1].split("```")[1].strip().splitlines()
    for line in glance:
        kind, _, hooks = line.partition(" ")
        names = [name for name in hooks.strip().split(" > ") if name != "lo"]
        found = tuple(Hook("bridge" if name.startswith("[") else "ip", name.strip("[]")) for name in names)
        if kind in HOOKS:
            assert found == HOOKS[kind], kind


def test_compare_log_takes_the_lines_of_each_drawing_for_what_they_are() -> None:
    for section in PAGE.split("\n### ")[1:]:
        kind, _, rest = section.partition(": ")
        drawing = rest.rsplit("```\n", 2)[-2]
        first = re.split(r"^#2 ", drawing, maxsplit=1, flags=re.MULTILINE)[0]
        lines = re.findall(r"(\[[A-Z -]+\] IN=.*)$", first, re.MULTILINE)
        (account,) = accounts_of(lines)
        assert (account.kind, account.findings) == (kind if kind != "x-ns" else "4-6", []), section[:60]


def test_a_page_that_is_not_current_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / TABLE).write_text((ROOT / TABLE).read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["--check"]) == 1
    assert "docs/paths.md is not current: run scripts/paths" in capsys.readouterr().err
    assert main([]) == 0
    assert main(["--check"]) == 0
