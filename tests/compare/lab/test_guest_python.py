"""Python packed for a VM: all that a module imports, compiled, from nowhere but the standard library."""

import subprocess
import sys
from pathlib import Path

import pytest

from pystack.compare.lab.agent_client import AGENT
from pystack.compare.lab.cpio import CpioArchive
from pystack.compare.lab.guest_python import ROOT, GuestPython, compiled, find_python


@pytest.fixture(scope="module")
def python() -> GuestPython:
    return find_python("pystack.compare.lab.vm_guest")


def test_the_kernels_side_needs_nothing_but_the_standard_library(python: GuestPython) -> None:
    own = {name for name, path in python.modules if path.is_relative_to(ROOT)}
    assert "pystack.compare.lab.kernel_side" in own
    assert all(name.startswith("pystack") for name in own)
    assert not any("site-packages" in path.parts for path in python.files)


def test_files_lie_in_the_archive_where_they_are_here(python: GuestPython) -> None:
    archive = CpioArchive()
    python.add_to(archive)
    assert str(python.interpreter) in archive
    assert str(AGENT) in archive
    assert str(AGENT.with_suffix(".pyc")) in archive


def test_a_compiled_module_runs_without_its_source(tmp_path: Path) -> None:
    source = tmp_path / "source.py"
    source.write_text("print(6 * 7)\n")
    there = tmp_path / "there"
    there.mkdir()
    (there / "alone.pyc").write_bytes(compiled("source", source))
    words = [sys.executable, "-c", "import alone"]
    assert subprocess.run(words, cwd=there, capture_output=True, check=True).stdout == b"42\n"
