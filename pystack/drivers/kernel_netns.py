"""Acting inside one of the kernel's network namespaces, from a thread that lives only as long as that."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from pystack.drivers.unavailable import PortUnavailable

CLONE_NEWNET: Final = 0x40000000
NAMED: Final = "/run/netns"

Result = TypeVar("Result")

_libc = ctypes.CDLL(None, use_errno=True)


def in_netns(netns: str, act: Callable[[], Result]) -> Result:
    """What `act` returns when called inside a namespace.

    `netns` is a name as of `ip netns add`, a path (with a `/` in it), or empty for the namespace we are in.
    A thread of its own enters it, because the namespace of a thread that others share cannot be lent out.
    """
    if not netns:
        return act()
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="netns") as thread:
        return thread.submit(_enter_and_act, netns, act).result()


def _enter_and_act(netns: str, act: Callable[[], Result]) -> Result:
    fd = _open_namespace(netns)
    try:
        if _libc.setns(fd, CLONE_NEWNET) != 0:
            raise _refused(netns, ctypes.get_errno())
    finally:
        os.close(fd)
    return act()


def namespaces() -> Iterator[tuple[str, str]]:
    """Every one that can be reached from here, once: in words, and for in_netns().

    Where we are, those with names, and those without in which some process lives.
    """
    yield "this namespace", ""
    met = {_identity("/proc/thread-self/ns/net")}
    named = ((f"namespace {name}", name, _path(name)) for name in _listed(NAMED))
    running = (_of_process(number) for number in _listed("/proc") if number.isdecimal())
    for words, netns, path in (*named, *running):
        identity = _identity(path)
        if identity is not None and identity not in met:
            met.add(identity)
            yield words, netns


def _of_process(number: str) -> tuple[str, str, str]:
    path = f"/proc/{number}/ns/net"
    try:
        name = Path(f"/proc/{number}/comm").read_text().strip()
    except OSError:  # it has ended, or is not ours to look at
        name = "?"
    return f"namespace of process {number} ({name})", path, path


def _listed(folder: str) -> list[str]:
    return sorted(os.listdir(folder)) if os.path.isdir(folder) else []


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


class HeldNetns:
    """A namespace that stays the same for us, whoever takes its name away or gives it to another."""

    def __init__(self, netns: str) -> None:
        """Raises PortUnavailable, also where there is no right to enter it."""
        in_netns(netns, lambda: None)
        self.name = netns
        self._fd = _open_namespace(netns) if netns else -1

    @property
    def path(self) -> str:
        """For in_netns()."""
        return f"/proc/self/fd/{self._fd}" if self.name else ""

    @property
    def descriptors(self) -> list[int]:
        """What its path needs, also in another process."""
        return [self._fd] if self._fd >= 0 else []

    def is_deleted(self) -> bool:
        """Whether its name means it no longer."""
        if not self.name:
            return False
        try:
            return not os.path.samestat(os.stat(_path(self.name)), os.fstat(self._fd))
        except OSError:
            return True

    def close(self) -> None:
        """Hold it no longer."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def _path(netns: str) -> str:
    return netns if "/" in netns else f"{NAMED}/{netns}"


def _open_namespace(netns: str) -> int:
    try:
        return os.open(_path(netns), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        hint = "" if "/" in netns else f" (ip netns add {netns} makes it)"
        raise PortUnavailable(f"there is no network namespace {netns}{hint}") from None
    except OSError as error:
        raise PortUnavailable(f"network namespace {netns}: {error.strerror}") from error


def _refused(netns: str, number: int) -> PortUnavailable:
    if number == errno.EPERM:
        return PortUnavailable(f"no right to enter network namespace {netns} (it takes CAP_SYS_ADMIN)")
    if number == errno.EINVAL:
        return PortUnavailable(f"{netns} is not a network namespace")
    return PortUnavailable(f"network namespace {netns}: {os.strerror(number)}")
