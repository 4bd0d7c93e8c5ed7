"""Firewalls of real machines are loaded and saved as the real tool does it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from pystack.applets import virtual
from pystack.applets.virtual import Outside
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.host import Host

FOLDER: Final = Path(__file__).parents[4] / "shared" / "data" / "iptables-save"
FILES: Final = ("docker-containers", "home-user", "openwrt", "shorewall", "synology-nas", "ufw-server")


def without_dates(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith("#")]


@pytest.mark.root
@pytest.mark.parametrize("program", ["iptables-nft", "iptables-legacy"])
@pytest.mark.parametrize("name", FILES)
def test_a_firewall_is_saved_as_the_real_tool_saves_it(name: str, program: str) -> None:
    path = FOLDER / f"{name}.v4"
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    if not restored_alike(path, program, "-c"):  # not all of them say how many packets a policy has met
        assert restored_alike(path, program, "")


def restored_alike(path: Path, program: str, flag: str) -> bool:
    """Whether both sides took a firewall; they say and keep the same either way."""
    outside = Outside(stdin=path.read_bytes(), read_file=lambda asked: Path(asked).read_bytes())
    host = Host()
    done = virtual.run([f"{program}-restore", *flag.split()], host, None, outside)
    if "is not modelled" in done.err:
        pytest.skip(done.err)
    with KernelNetns() as kernel:
        restored = kernel.run(f"{program}-restore {flag} {path}")
        theirs = kernel.run(f"{program}-save -c").out
    assert (done.rc, done.err) == (restored.rc, restored.err)
    ours = virtual.run([f"{program}-save", "-c"], host, None, outside).out
    assert without_dates(ours) == without_dates(theirs)
    return done.rc == 0
