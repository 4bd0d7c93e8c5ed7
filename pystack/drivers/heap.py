"""What the daemon agrees on with the C library's memory allocator."""

from __future__ import annotations

import ctypes
from typing import Final

M_TRIM_THRESHOLD: Final = -1  # mallopt(3)
KEPT: Final = 16 << 20  # octets, at the top of the heap


def keep_heap() -> bool:
    """Call once at start; whether the C library knows how.

    glibc gives free memory at the top of its heap back to the kernel as soon as there are 128 KiB of it: two
    large frames. What a burst needed would be gone after it, and each page faulted in again at the next.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(M_TRIM_THRESHOLD, KEPT) == 1
