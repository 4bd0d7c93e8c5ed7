"""Setups of a configuration: whatever they make is known by its line in the file."""

from __future__ import annotations

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
