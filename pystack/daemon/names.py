"""What may be a name: of a device, a namespace, a socket. Linux decides; we say it before Linux is asked."""

from __future__ import annotations

import os
from typing import Final

SOCKET_PATH_ROOM: Final = 107  # octets. Linux: UNIX_PATH_MAX, less the NUL at the end

# Devices that no port can be. Linux: net/ipv4/devinet.c sysctl_dev_name_is_allowed()
TAKEN: Final = {
    "lo": "lo is every namespace's own device",
    "all": "all names no device, but what holds for all",
    "default": "default names no device, but what new ones begin with",
}


def is_device_name(name: str) -> bool:
    """Linux: net/core/dev.c dev_valid_name()"""
    if not name or len(name.encode()) > 15 or name in (".", ".."):
        return False
    return not any(character in "/:%\0" or character.isspace() for character in name)


def is_netns_name(name: str) -> bool:
    """As `ip netns` takes it, or a path with a slash; empty: the daemon's own."""
    return name not in (".", "..")


def wrong_with_socket_path(path: str) -> str | None:
    """Why no socket can have it; None if one can."""
    if not path:
        return "empty"
    if len(os.fsencode(path)) > SOCKET_PATH_ROOM:
        return f"longer than the {SOCKET_PATH_ROOM} octets of a socket's path"
    return None


def holds_nul(value: object) -> bool:
    """Whether a value of TOML has a NUL in a text, which the kernel would take for its end."""
    if isinstance(value, list):
        return any(map(holds_nul, value))
    return isinstance(value, str) and "\0" in value


def printable(text: str) -> str:
    """Text for one line of a terminal: what would steer the terminal or end the line is escaped."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
