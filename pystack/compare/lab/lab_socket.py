"""A socket of the kernel's whose options are set as those of pystack's are: by value, not by address."""

from __future__ import annotations

import ctypes
import socket
import struct
from typing import Any, Final

from pystack.sock.option_numbers import NUMBERS

_INSTRUCTION: Final = 8  # octets
_PROGRAM: Final = struct.Struct("HP")  # struct sock_fprog: how many, and where


class LabSocket(socket.socket):
    """One that a lab has opened."""

    def setsockopt(self, *args: Any) -> None:
        """A filter's instructions are put where the kernel can read them."""
        level, number, value = args
        if (level, number) != NUMBERS["SO_ATTACH_FILTER"] or isinstance(value, int):
            return super().setsockopt(level, number, value)
        instructions = ctypes.create_string_buffer(value, len(value))
        place = _PROGRAM.pack(len(value) // _INSTRUCTION, ctypes.addressof(instructions))
        return super().setsockopt(level, number, place)

    def accept(self) -> tuple[LabSocket, Any]:
        """One of these too."""
        child, peer = super().accept()
        return LabSocket(fileno=child.detach()), peer
