"""The cpio archive that a kernel unpacks at boot ("newc"), written without root and without the cpio tool.

Reading: Documentation/driver-api/early-userspace/buffer-format.rst.
"""

from __future__ import annotations

import stat
from typing import Final

MAGIC: Final = b"070701"
TRAILER: Final = "TRAILER!!!"


class CpioArchive:
    """An archive in the making. Folders above an entry are made as needed; the first entry of a path wins."""

    def __init__(self) -> None:
        self._content = bytearray()
        self._paths: set[str] = set()

    def __contains__(self, path: str) -> bool:
        return path.strip("/") in self._paths

    def folder(self, path: str) -> None:
        self._add(path, stat.S_IFDIR | 0o755, b"")

    def file(self, path: str, content: bytes, permissions: int = 0o755) -> None:
        self._add(path, stat.S_IFREG | permissions, content)

    def link(self, path: str, target: str) -> None:
        self._add(path, stat.S_IFLNK | 0o777, target.encode())

    def character_device(self, path: str, major: int, minor: int) -> None:
        self._add(path, stat.S_IFCHR | 0o600, b"", (major, minor))

    def finish(self) -> bytes:
        self._entry(TRAILER, 0, b"", (0, 0))
        return bytes(self._content)

    def _add(self, path: str, mode: int, content: bytes, device: tuple[int, int] = (0, 0)) -> None:
        path = path.strip("/")
        if path in self._paths:
            return
        above, _, _ = path.rpartition("/")
        if above:
            self.folder(above)
        self._paths.add(path)
        self._entry(path, mode, content, device)

    def _entry(self, path: str, mode: int, content: bytes, device: tuple[int, int]) -> None:
        """Thirteen numbers of eight hexadecimal digits, the name, the content; both padded to four octets."""
        name = path.encode() + b"\0"
        inode = len(self._paths)
        major, minor = device
        numbers = (inode, mode, 0, 0, 1, 0, len(content), 0, 0, major, minor, len(name), 0)
        self._content += MAGIC + b"".join(b"%08x" % number for number in numbers) + name
        self._pad()
        self._content += content
        self._pad()

    def _pad(self) -> None:
        self._content += bytes(-len(self._content) % 4)
