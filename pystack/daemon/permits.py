"""What the keeper may be asked for: only what the configuration, as it reads it itself, names.

No judge of the configuration: what is wrong in it the daemon says. Here is only what the file asks for.
"""

from __future__ import annotations

import os
import tomllib
from typing import Final

from pystack.drivers.regular_file import open_regular

Thing = tuple[str, ...]

# As in settings.py, which is too large for the keeper.
UPLINK_DEFAULTS: Final = {"ifname": "pystack0", "netns": "", "link": "172.31.255.252/30"}
LAB: Final = frozenset({("tap", "vm1", ""), ("tap", "vm2", "")})


class Permits:
    """Files and ports of one configuration."""

    def __init__(self, path: str, allow_system_changes: bool) -> None:
        self.path = path
        self.allow_system_changes = allow_system_changes
        self.files: list[str] = []
        self.ports: frozenset[Thing] = frozenset() if path else LAB
        self.hooked: str | None = None  # the namespace of [hooks]
        self.granted: set[Thing] = set()  # once: a reload that fails may want its old ports back

    def read(self) -> list[str]:
        """Read the configuration; the files that make it up, itself first."""
        if not self.path:
            return []
        self.files = [self.path]
        self.ports, self.hooked = frozenset(), None
        try:
            with open(open_regular(self.path), "rb") as file:
                table = tomllib.load(file)
        except (OSError, ValueError, RecursionError):  # the daemon reads it too, and says what is wrong
            return self.files
        setup, ports = table.get("setup"), table.get("port")
        folder = os.path.dirname(self.path)
        if isinstance(setup, list):
            self.files += [os.path.join(folder, path) for path in setup if isinstance(path, str)]
        if isinstance(ports, dict):
            self.ports = frozenset(
                thing_of(name, keys, folder) for name, keys in ports.items() if isinstance(keys, dict)
            )
        if isinstance(uplink := table.get("uplink"), dict):
            self.ports |= {uplink_of(uplink)}
        if isinstance(hooks := table.get("hooks"), dict):
            self.hooked = str(hooks.get("netns", ""))
        return self.files

    def complaint(self, request: dict[str, object]) -> str | None:
        """Why a port is not opened; None if it may be."""
        driver = request.get("driver")
        thing = uplink_of(request) if driver == "uplink" else thing_of(str(request.get("name")), request, "")
        if thing not in self.ports and thing not in self.granted:
            return f"port {request.get('name')} is not in the configuration"
        if driver in ("packet", "uplink") and not self.allow_system_changes:
            return f"{request.get('ifname')}: that changes this system: it takes --allow-system-changes"
        self.granted.add(thing)
        return None

    def hooks_complaint(self, netns: str) -> str | None:
        """Why no shims may be put into a namespace; None if they may."""
        if netns != self.hooked:
            return "hooks: not in the configuration"
        if not self.allow_system_changes:
            return "hooks: that changes this system: it takes --allow-system-changes"
        return None


def thing_of(name: str, keys: dict[str, object], folder: str) -> Thing:
    """What a port stands before, from its section or from a request."""
    driver = str(keys.get("driver"))
    if driver == "unix":
        return (driver, os.path.join(folder, str(keys.get("path"))))
    return (driver, str(keys.get("ifname") or name), str(keys.get("netns") or ""))


def uplink_of(keys: dict[str, object]) -> Thing:
    """The same of the section [uplink]: all that the kernel is to do because of it."""
    networks = keys.get("networks", [])
    words = [str(network) for network in networks] if isinstance(networks, list) else []
    given = (str(keys.get(key, default)) for key, default in UPLINK_DEFAULTS.items())
    return ("uplink", *given, *words)
