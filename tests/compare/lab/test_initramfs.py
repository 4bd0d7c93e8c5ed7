"""Archives that VMs boot from are kept, but not for ever."""

import os
from pathlib import Path

from pystack.compare.lab.initramfs import FULL, KEPT, forget_older


def test_the_newest_archives_of_a_kind_stay(tmp_path: Path) -> None:
    for age in range(KEPT + 2):
        archive = tmp_path / f"full-{age}.cpio"
        archive.touch()
        os.utime(archive, (1000 - age, 1000 - age))
    (tmp_path / "guest-9.cpio").touch()
    forget_older(tmp_path, FULL)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {*(f"full-{age}.cpio" for age in range(KEPT)), "guest-9.cpio"}
