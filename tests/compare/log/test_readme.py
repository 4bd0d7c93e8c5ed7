"""What the README shows of `compare log` is what it prints."""

from pathlib import Path

import pytest

from pystack.compare.log.verb import compare_log
from tests.compare.log.logs import SETUP, routed

README = Path(__file__).parents[3] / "README.md"
ELLIPSIS = "…"


def shown() -> list[str]:
    """The lines behind the command."""
    block = README.read_text(encoding="utf-8").split("$ pystack compare log night.log --setup host.setup\n")[
        1
    ]
    return block.split("```")[0].splitlines()


def test_the_example_is_what_the_command_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line for line in routed() if line.startswith(("NAT", "FILTER"))]
    lines = [line.replace("TTL=63", "TTL=62") if "FORWARD" in line else line for line in lines]
    log, setup = tmp_path / "night.log", tmp_path / "host.setup"
    log.write_text("".join(f"фев 03 20:24:38 lenovo kernel: {line}\n" for line in lines))
    setup.write_text(SETUP)
    assert compare_log([str(log), "--setup", str(setup)]) == 1
    printed = capsys.readouterr().out.splitlines()
    for line in shown():
        if line == ELLIPSIS:
            printed = printed[next(at for at, said in enumerate(printed) if said.startswith("    = ")) :]
            continue
        said = printed.pop(0)
        assert said.startswith(line.removesuffix(ELLIPSIS)) if line.endswith(ELLIPSIS) else said == line
    assert printed == []
