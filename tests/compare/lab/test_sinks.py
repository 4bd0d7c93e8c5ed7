"""Where a run is told: colours are for terminals, and for those who want them."""

from __future__ import annotations

import os
import sys

import pytest

from pystack.compare.findings import Findings
from pystack.compare.lab.sinks import report_here
from pystack.compare.outcome import SAME, Outcome


def told() -> str:
    entry = Findings().add(Outcome("a.toml", "A", SAME))
    return "".join(report_here().scenario(entry))


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.mark.usefixtures("terminal")
def test_a_terminal_gets_colours() -> None:
    assert told() == "\033[32msame    \033[0m a.toml  A"


@pytest.mark.usefixtures("terminal")
def test_who_wants_no_colours_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "NO_COLOR", "1")
    assert told() == "same     a.toml  A"


def test_a_file_or_a_pipe_gets_none() -> None:
    assert told() == "same     a.toml  A"
