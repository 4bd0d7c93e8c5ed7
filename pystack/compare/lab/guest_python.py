"""Python itself as files for a VM: the interpreter that runs here, and one module with all that it imports.

Everything lies in the archive under the path that it has here, so Python finds itself there as it does here.
Modules are compiled: an emulated processor would take half a minute for it.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import marshal
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pystack.compare.lab import host_files
from pystack.compare.lab.agent_client import AGENT
from pystack.compare.lab.cpio import CpioArchive

ROOT: Final = Path(__file__).parents[3]  # the folder that holds the package
UNCHECKED_HASH: Final = (1).to_bytes(4, "little")  # of PEP 552: valid without the source beside it
SOURCE_HASH: Final = bytes(8)

# Run in another process: what is loaded in this one says nothing about what is needed.
LIST_MODULES: Final = """\
import importlib, sys
sys.path.insert(0, sys.argv[1])
importlib.import_module(sys.argv[2])
for name, module in sorted(sys.modules.items()):
    if getattr(module, "__file__", None):
        print(name, module.__file__)
"""


@dataclass(frozen=True)
class GuestPython:
    """What one module needs to run, with nothing but the standard library beside pystack."""

    module: str
    interpreter: Path
    modules: tuple[tuple[str, Path], ...]  # by name; two names may have one file

    @property
    def files(self) -> list[Path]:
        """All of them, to tell by whether anything has changed."""
        return [self.interpreter, AGENT, *(path for _, path in self.modules)]

    def command(self) -> str:
        """A line for sh that runs the module's main() in the VM."""
        program = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import {self.module} as it; it.main()"
        return f'{self.interpreter} -I -S -c "{program}"'

    def add_to(self, archive: CpioArchive) -> None:
        """Put it into an archive."""
        host_files.add_file(archive, self.interpreter)
        archive.file(str(AGENT), AGENT.read_bytes())  # is run by path, so its source is what is needed
        for name, path in self.modules:
            if path.suffix == ".py":
                archive.file(str(path.with_suffix(".pyc")), compiled(name, path), 0o644)
            else:
                host_files.add_file(archive, path)


def find_python(module: str) -> GuestPython:
    """The interpreter that runs here, and what it loads to import this module."""
    interpreter = os.path.realpath(sys.executable)
    listing = subprocess.run(
        [interpreter, "-I", "-S", "-c", LIST_MODULES, str(ROOT), module],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found = (line.partition(" ") for line in listing.splitlines())
    return GuestPython(module, Path(interpreter), tuple((name, Path(path)) for name, _, path in found))


def compiled(name: str, path: Path) -> bytes:
    """The module as Python reads it where there is no source."""
    code = importlib.machinery.SourceFileLoader(name, str(path)).get_code(name)
    return importlib.util.MAGIC_NUMBER + UNCHECKED_HASH + SOURCE_HASH + marshal.dumps(code)
