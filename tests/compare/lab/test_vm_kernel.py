"""Finding the VM's kernel, and the ELF file inside its boot image."""

import bz2
import gzip
import lzma
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from pystack.compare.lab.errors import LabUnavailable
from pystack.compare.lab.vm_kernel import SETUP_MAGIC, SETUP_SECTORS, VmKernel, find_kernel, unpack_bzimage

ELF = b"\x7fELF" + bytes(range(256)) * 100


def bzimage(payload: bytes) -> bytes:
    """A setup header with one sector of set-up code, then 16 octets of loader, then the payload."""
    image = bytearray(1024)
    image[SETUP_SECTORS] = 1
    image[SETUP_MAGIC : SETUP_MAGIC + 4] = b"HdrS"
    struct.pack_into("<II", image, 0x248, 16, len(payload))
    return bytes(image) + bytes(16) + payload + b"what follows"


def gzip_with_size(content: bytes) -> bytes:
    return gzip.compress(content) + struct.pack("<I", len(content))


def lz4_of_literals(content: bytes) -> bytes:
    """The legacy frame with one block that only copies: a token, the length in 255s, the octets."""
    rest = len(content) - 15
    block = b"\xf0" + b"\xff" * (rest // 255) + bytes([rest % 255]) + content
    size = struct.pack("<I", len(content))
    return b"\x02\x21\x4c\x18" + struct.pack("<I", len(block)) + block + size


@pytest.mark.parametrize("pack", [gzip_with_size, lzma.compress, bz2.compress, lz4_of_literals])
def test_the_elf_file_is_taken_out_of_a_boot_image(pack: Callable[[bytes], bytes]) -> None:
    assert unpack_bzimage(bzimage(pack(ELF))) == ELF


@pytest.mark.parametrize(
    "image",
    [b"", bytes(4096), bzimage(b"???? no packer that we know"), bzimage(gzip_with_size(b"no ELF file"))],
)
def test_what_is_no_such_image_is_left_packed(image: bytes) -> None:
    assert unpack_bzimage(image) is None


def test_a_folder_without_a_kernel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabUnavailable, match=r"holds no kernel; run scripts/setup --vm"):
        VmKernel(tmp_path)


def test_a_missing_kernel_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(LabUnavailable, match=r"scripts/setup --vm"):
        find_kernel()
