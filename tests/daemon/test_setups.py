"""Setups of a configuration: whatever they make is known by its line in the file."""

from __future__ import annotations

from pathlib import Path

from pystack.daemon.settings import SetupText
from pystack.daemon.setups import run_setup
from pystack.host import Host


def origins(setup: SetupText) -> list[str]:
    """Of the rules that it puts into the chain c of the table t."""
    host = Host()
    run_setup(setup, host)
    (table,) = host.init.nft.tables.values()
    return [rule.origin for rule in table.chains["c"].rules]


def test_what_a_text_within_a_file_makes_is_known_by_its_line_in_the_file() -> None:
    text = "nft add table t; nft add chain t c; nft add rule t c accept\n\nnft add rule t c drop\n"
    assert origins(SetupText("m.toml", text, (4, 5, 6))) == ["m.toml:4", "m.toml:6"]
    assert origins(SetupText("m.setup", text)) == ["m.setup:1", "m.setup:3"]


def test_a_rule_of_a_file_of_nft_is_known_by_its_line_in_that_file(tmp_path: Path) -> None:
    ruleset = "table t {\n chain c {\n  accept\n  drop\n }\n}\n"
    (tmp_path / "a.nft").write_text(ruleset)
    found = origins(SetupText(str(tmp_path / "a.setup"), "\nnft -f a.nft\n"))
    assert found == ["a.nft:3", "a.nft:4"]
    fed = origins(SetupText("b.setup", f"\nnft -f - <<END\n{ruleset}END\n"))
    assert fed == ["b.setup:2+3", "b.setup:2+4"]
