"""The kernel that test VMs boot: Debian's package, unpacked by `scripts/setup --vm`, never installed.

Beside the package's boot/ and lib/modules/ lie the images built from it (initramfs.py) and the kernel's ELF
file, which boots half a second sooner than the compressed one.
"""

from __future__ import annotations

import bz2
import ctypes
import ctypes.util
import gzip
import lzma
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

from pystack.compare.lab.errors import LabUnavailable

SETUP_SECTORS: Final = 0x1F1  # offsets in the bzImage's setup header (Documentation/x86/boot.rst)
SETUP_MAGIC: Final = 0x202
PAYLOAD: Final = 0x248  # u32 offset and u32 length, counted from the protected-mode code
SECTOR: Final = 512
LZ4_BLOCK_LIMIT: Final = 8 << 20


class VmKernel:
    """One unpacked kernel package."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        modules = sorted(folder.glob("lib/modules/*")) or sorted(folder.glob("usr/lib/modules/*"))
        bzimages = sorted(folder.glob("boot/vmlinuz-*"))
        if not modules or not bzimages:
            raise LabUnavailable(f"{folder} holds no kernel; run scripts/setup --vm")
        self.modules = modules[-1]
        self.release = self.modules.name
        self.bzimage = bzimages[-1]

    @property
    def images(self) -> Path:
        """Where what is built from this kernel is kept."""
        folder = self.folder / "images"
        folder.mkdir(exist_ok=True)
        return folder

    def bootable(self) -> Path:
        """The file for QEMU's -kernel."""
        elf = self.images / f"vmlinux-{self.release}"
        if elf.exists():
            return elf
        content = unpack_bzimage(self.bzimage.read_bytes())
        if content is None:
            return self.bzimage  # packed in a way that we cannot undo here; it boots, only later
        write_whole(elf, content)
        return elf


def find_kernel() -> VmKernel:
    """The kernel that scripts/setup has chosen."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(cache) / "pystack" / "vm" / "kernel"
    if not (folder / ".complete").exists():
        raise LabUnavailable("a VM needs the kernel that `scripts/setup --vm` fetches")
    return VmKernel(folder.resolve())


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there entirely or not at all, whoever else builds it at the same time."""
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_bytes(content)
    partial.replace(path)


def unpack_bzimage(image: bytes) -> bytes | None:
    """The ELF file inside a bzImage; None if it is packed by something unknown here."""
    if image[SETUP_MAGIC : SETUP_MAGIC + 4] != b"HdrS":
        return None
    start = ((image[SETUP_SECTORS] or 4) + 1) * SECTOR
    offset, length = struct.unpack_from("<II", image, PAYLOAD)
    payload = image[start + offset : start + offset + length]
    for magic, unpack in UNPACKERS.items():
        if payload.startswith(magic):
            content = unpack(payload)
            return content if content and content.startswith(b"\x7fELF") else None
    return None


def _unpack_gzip(payload: bytes) -> bytes | None:
    return gzip.decompress(payload[:-4])  # the kernel appends the unpacked size


def _unpack_xz(payload: bytes) -> bytes | None:
    return lzma.LZMADecompressor().decompress(payload)


def _unpack_bzip2(payload: bytes) -> bytes | None:
    return bz2.BZ2Decompressor().decompress(payload)


def _unpack_lz4(payload: bytes) -> bytes | None:
    """The legacy frame: a magic number, then blocks with their packed length before them.

    Python has no LZ4, but apt itself needs the library, so a Debian machine has it.
    """
    name = ctypes.util.find_library("lz4") or "liblz4.so.1"
    try:
        library = ctypes.CDLL(name)
    except OSError:
        return None
    unpacked, offset = bytearray(), 4
    buffer = ctypes.create_string_buffer(LZ4_BLOCK_LIMIT)
    while offset + 4 < len(payload):
        (length,) = struct.unpack_from("<I", payload, offset)
        block = payload[offset + 4 : offset + 4 + length]
        got = library.LZ4_decompress_safe(block, buffer, len(block), LZ4_BLOCK_LIMIT)
        if got < 0:
            return None
        unpacked += buffer.raw[:got]
        offset += 4 + length
    return bytes(unpacked)


UNPACKERS: Final[dict[bytes, Callable[[bytes], bytes | None]]] = {
    b"\x1f\x8b": _unpack_gzip,
    b"\xfd7zXZ\0": _unpack_xz,
    b"\x5d\0\0": _unpack_xz,
    b"BZh": _unpack_bzip2,
    b"\x02\x21\x4c\x18": _unpack_lz4,
}
