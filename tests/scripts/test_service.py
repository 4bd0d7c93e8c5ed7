"""The unit for systemd: it is one, and what it starts is a command of pystack's."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.daemon.running import pystack

UNIT = Path(__file__).parents[2] / "scripts" / "pystack.service"
INSTALLED = "/usr/local/bin/pystack"
HOOKS = '[hooks]\nnetns = ""\n'


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze (Debian: systemd)")
def test_systemd_has_no_complaint_about_it(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace(INSTALLED, sys.executable))
    told = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    assert (told.stdout, told.stderr, told.returncode) == ("", "", 0)


def test_what_it_starts_takes_a_configuration_for_a_test_box(tmp_path: Path) -> None:
    found = re.search(rf"^ExecStart={INSTALLED} (.*)$", UNIT.read_text(), re.MULTILINE)
    assert found is not None
    config = tmp_path / "pystack.toml"
    config.write_text(HOOKS)
    words = [str(config) if word.startswith("/etc/") else word for word in found[1].split()]
    assert pystack(*words, "--check").rc == 2  # which changes more than pystack's own
    told = pystack(*words, "--check", "--allow-system-changes")
    assert (told.rc, told.err.partition(": the ")[2]) == (0, "configuration is right\n")
