"""docs/scenarios.md tells of all that a scenario file can say, and of all that a run says of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from pystack.compare.diff import CLASSES
from pystack.compare.features import FEATURES
from pystack.compare.lab.folder import KNOWN_KEYS
from pystack.compare.lab.scenario_file import EXPECT_KEYS, HOST_KEYS, KEYS, parse
from pystack.compare.lab.scenario_steps import KINDS, SEND_KEYS
from pystack.compare.outcome import RESULTS, Summary
from pystack.compare.records import TYPES
from pystack.explain import path_kind

PAGE: Final = (Path(__file__).parents[3] / "docs" / "scenarios.md").read_text()
TOLD: Final = frozenset(
    word for quoted in re.findall(r"`([^`\n]+)`", PAGE) for word in re.findall(r"[\w?-]+", quoted)
)
HEADINGS: Final = {"host": "`[host.NAME]`", "step": "`[[step]]`", "expect": "`[[expect]]`"}


@pytest.mark.parametrize("key", KEYS)
def test_every_key_of_a_file_is_told(key: str) -> None:
    assert HEADINGS.get(key, f"`{key}`") in PAGE


@pytest.mark.parametrize("key", [*HOST_KEYS, *EXPECT_KEYS, *KINDS, "as", *SEND_KEYS])
def test_every_key_below_is_told(key: str) -> None:
    assert f"`{key}`" in PAGE


@pytest.mark.parametrize("key", KNOWN_KEYS)
def test_every_key_of_known_differences_is_told(key: str) -> None:
    assert re.search(rf"^{key} = ", PAGE, re.MULTILINE)


@pytest.mark.parametrize(
    "word", [*FEATURES, *path_kind.KINDS, *RESULTS, *CLASSES, *TYPES.values(), *Summary().to_json()]
)
def test_every_word_of_a_run_is_told(word: str) -> None:
    assert word in TOLD


def test_the_example_is_a_scenario() -> None:
    example = re.search(r"```toml\n(title.*?)```", PAGE, re.DOTALL)
    assert example is not None
    assert parse(example[1], "example.toml").title.startswith("1-7")
