"""The pairs of a setup and a command, read from the *.cases files beside this one.

[name]                      a setup, and what is asked of it
| ip link add …             a line of that setup
ip link                     a command, in a namespace made afresh for it
ip link set v0 up => ip link        the same, with more lines (joined by ;) behind the setup's
"""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    name: str
    setup: str
    command: str
    ports: tuple[str, ...]


def read_cases() -> list[Case]:
    return [case for path in sorted(FOLDER.glob("*.cases")) for case in read_file(path)]


def read_file(path: Path) -> list[Case]:
    cases: list[Case] = []
    name, ports, setup = "", tuple[str, ...](), list[str]()
    for line in path.read_text().splitlines():
        if line.startswith("["):
            name, _, listed = line.strip("[]").partition(": ")
            ports, setup = tuple(listed.split()), []
        elif line.startswith("| "):
            setup.append(line[2:])
        elif line and not line.startswith("#"):
            more, arrow, command = line.rpartition(" => ")
            lines = [*setup, *(more.split("; ") if arrow else [])]
            text = "".join(f"{part}\n" for part in lines)
            cases.append(Case(f"{path.stem}: {name}: {line}", text, command, ports))
    return cases
