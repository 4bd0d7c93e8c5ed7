"""Kernel modules as files: which there are, what they depend on, and how to get at their content."""

from __future__ import annotations

import lzma
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FILE_NAME: Final = re.compile(r"(.+?)\.ko(\.xz|\.zst)?$")
DEPENDS: Final = re.compile(rb"\0depends=([^\0]*)\0")  # in the .modinfo section


@dataclass(frozen=True)
class KernelModule:
    name: str
    content: bytes  # unpacked


class ModuleTree:
    """The modules of one kernel release, below lib/modules/RELEASE."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._paths: dict[str, Path] = {}
        for path in sorted(folder.rglob("*.ko*")):
            if named := FILE_NAME.match(path.name):
                self._paths[_canonical(named[1])] = path

    def names(self) -> list[str]:
        return list(self._paths)

    def closure(self, wanted: Iterable[str]) -> list[KernelModule]:
        """The modules and all that they need, each after what it needs; what is built in has no file."""
        ordered: dict[str, KernelModule] = {}
        for name in wanted:
            self._collect(_canonical(name), ordered)
        return list(ordered.values())

    def _collect(self, name: str, ordered: dict[str, KernelModule]) -> None:
        if name in ordered or name not in self._paths:
            return
        content = _unpacked(self._paths[name])
        depends = DEPENDS.search(content)
        for needed in depends[1].decode().split(",") if depends else ():
            self._collect(_canonical(needed), ordered)
        ordered[name] = KernelModule(name, content)


def _canonical(name: str) -> str:
    """A dash in a file's name is an underscore in the module's."""
    return name.replace("-", "_")


def _unpacked(path: Path) -> bytes:
    if path.suffix == ".xz":
        return lzma.decompress(path.read_bytes())
    if path.suffix == ".zst":
        return subprocess.run(["zstd", "-dc", path], check=True, capture_output=True).stdout
    return path.read_bytes()
