"""Where daemons are found: their control sockets, by name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

SYSTEM: Final = "/run/pystack"
SUFFIX: Final = ".sock"
SOCKET_VARIABLE: Final = "PYSTACK_SOCKET"
STATE_SUFFIX: Final = ".state"


class NoPlace(Exception):
    """There is no directory for a socket; the text is the sentence for the user."""


def directories(environ: Mapping[str, str]) -> list[str]:
    """Where a client looks: the system's daemons, and the user's own."""
    runtime = environ.get("XDG_RUNTIME_DIR")
    return [SYSTEM, os.path.join(runtime, "pystack")] if runtime else [SYSTEM]


def own_directory(environ: Mapping[str, str], euid: int) -> str:
    """Where a daemon of this user puts its socket."""
    if euid == 0:
        return SYSTEM
    runtime = environ.get("XDG_RUNTIME_DIR")
    if not runtime:
        raise NoPlace("XDG_RUNTIME_DIR is not set: say where the socket is to be ([daemon] socket, or -S)")
    return os.path.join(runtime, "pystack")


def socket_of(name: str, environ: Mapping[str, str], euid: int) -> str:
    """The socket of the daemon of that name, unless it is told another."""
    return os.path.join(own_directory(environ, euid), name + SUFFIX)


def state_of(socket_path: str) -> str:
    """Beside the socket: what the daemon's keeper made on this system."""
    return socket_path.removesuffix(SUFFIX) + STATE_SUFFIX


def listed(folders: list[str], suffix: str) -> list[str]:
    """Every file of the kind, by path; a folder that is not there holds none."""
    found = []
    for folder in folders:
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        found += [os.path.join(folder, name) for name in sorted(names) if name.endswith(suffix)]
    return found
