"""docs/conformance.md says where each row is held: those places have to be there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs/conformance.md").read_text()
ROWS = [line.strip("| ").split("|") for line in TEXT.splitlines() if line.startswith("| REQ-")]
HELD = sorted({place.strip() for row in ROWS if len(row) == 4 for place in row[3].split(",")})
LAST = {"4787": 14, "5382": 10, "5508": 11}


@pytest.mark.parametrize("place", HELD)
def test_what_holds_a_row_is_there(place: str) -> None:
    path = ROOT / place if place.startswith("tests/") else ROOT / "scenarios" / f"{place}.toml"
    assert path.exists(), path


@pytest.mark.parametrize(("rfc", "last"), LAST.items())
def test_every_requirement_has_a_row_that_says_what_linux_does(rfc: str, last: int) -> None:
    section = TEXT.split(f"## RFC {rfc}")[1].split("\n## ")[0]
    asked = {int(number) for number in re.findall(r"^\| REQ-(\d+)", section, re.MULTILINE)}
    assert asked == set(range(1, last + 1))
    answers = [line.split("|")[3] for line in section.splitlines() if line.startswith("| REQ-")]
    assert all(re.match(r" \*\*(yes|partly|no|by rules)\*\*", answer) for answer in answers)
