"""A device of the kernel's, in the namespace of the calling thread: its flags, its sysctls, and how both are
put back.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import socket
import struct
from dataclasses import dataclass
from typing import Final

from pystack.drivers.kernel_netns import in_netns

IFNAMSIZ: Final = 16
IFF_UP: Final = 0x1
UP: Final = "up"

_SIOCGIFFLAGS: Final = 0x8913
_SIOCSIFFLAGS: Final = 0x8914
_SIOCETHTOOL: Final = 0x8946
_ETHTOOL_GDRVINFO: Final = 0x3
_IFREQ_FLAGS: Final = struct.Struct("16sH22x")
_IFREQ_POINTER: Final = struct.Struct("16sP16x")
_DRVINFO: Final = struct.Struct("I32s32s32s32s32s12x20x")  # command, driver, version, firmware, bus, …


@dataclass(frozen=True, slots=True)
class Change:
    """What a device had before we changed it, in words that survive a trip through JSON.

    `key` is `up`, or a sysctl with `/` between its parts.
    """

    ifname: str
    key: str
    before: str


def is_valid_name(ifname: str) -> bool:
    """Linux: net/core/dev.c dev_valid_name()"""
    if not ifname or len(ifname.encode()) >= IFNAMSIZ or ifname in (".", ".."):
        return False
    return not any(character in "/:%" or character.isspace() for character in ifname)


def exists(ifname: str) -> bool:
    """Whether there is a device of that name."""
    try:
        _flags(ifname)
    except OSError as error:
        if error.errno == errno.ENODEV:
            return False
        raise
    return True


def set_up(ifname: str, up: bool) -> Change | None:
    """Set it up or down; what it was before, None if it was so already."""
    flags = _flags(ifname)
    if bool(flags & IFF_UP) is up:
        return None
    _ioctl(_SIOCSIFFLAGS, _IFREQ_FLAGS.pack(ifname.encode(), flags | IFF_UP if up else flags & ~IFF_UP))
    return Change(ifname, UP, str(int(not up)))


def kind_of(ifname: str) -> tuple[str, str]:
    """What `ethtool -i` calls its driver and its bus: `tun` and `tap` for a TAP. Empty if it says nothing."""
    info = ctypes.create_string_buffer(_DRVINFO.pack(_ETHTOOL_GDRVINFO, *[b""] * 5), _DRVINFO.size)
    try:
        _ioctl(_SIOCETHTOOL, _IFREQ_POINTER.pack(ifname.encode(), ctypes.addressof(info)))
    except OSError:
        return "", ""
    _, driver, _, _, bus, _ = _DRVINFO.unpack(info.raw)
    return driver.rstrip(b"\0").decode(), bus.rstrip(b"\0").decode()


def read_sysctl(key: str) -> str | None:
    """Its value, None if this kernel has none of that name."""
    try:
        with open(f"/proc/sys/{key}") as file:
            return file.read().strip()
    except FileNotFoundError:
        return None


def set_sysctl(ifname: str, key: str, value: str) -> Change | None:
    """Set one of a device's sysctls; what it was before, None if it was so already or does not exist."""
    before = read_sysctl(key)
    if before is None or before == value:
        return None
    _write_sysctl(key, value)
    return Change(ifname, key, before)


def restore(netns: str, changes: tuple[Change, ...]) -> list[str]:
    """Put back what was changed, the last change first; a sentence for each that cannot be."""
    return in_netns(netns, lambda: [text for change in reversed(changes) if (text := _restore(change))])


def _restore(change: Change) -> str | None:
    try:
        if change.key == UP:
            set_up(change.ifname, change.before == "1")
        else:
            _write_sysctl(change.key, change.before)
    except OSError as error:
        if error.errno in (errno.ENODEV, errno.ENOENT):  # the device is gone, and its settings with it
            return None
        return f"{change.ifname}: {change.key} could not be put back to {change.before}: {error.strerror}"
    return None


def _write_sysctl(key: str, value: str) -> None:
    with open(f"/proc/sys/{key}", "w") as file:
        file.write(value)


def _flags(ifname: str) -> int:
    flags: int = _IFREQ_FLAGS.unpack(_ioctl(_SIOCGIFFLAGS, _IFREQ_FLAGS.pack(ifname.encode(), 0)))[1]
    return flags


def _ioctl(request: int, argument: bytes) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        return fcntl.ioctl(sock.fileno(), request, argument)
