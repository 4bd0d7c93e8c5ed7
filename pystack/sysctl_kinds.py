"""What may be written to a sysctl, kind by kind.

Measured against Linux 6.18. Each kind reads as /proc/sys does: numbers as C writes them, only the first word
counts where one number is wanted, and nothing at all is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pystack.errors import EINVAL, ENOENT, EOVERFLOW, NetError, NotModelled
from pystack.sysctl import INT_MAX, INT_MIN, Folder, PartlyRefused, Value, read_number

USER_HZ: Final = 100
LAST_PORT: Final = 65535
MAX_GID: Final = (1 << 32) - 2

_SPACE: Final = " \t\n\v\f\r"
_KEY: Final = re.compile(r"([0-9a-fA-F]{1,8})-([0-9a-fA-F]{1,8})-([0-9a-fA-F]{1,8})-([0-9a-fA-F]{1,8})")
_PORTS: Final = re.compile(r"([0-9]+)(?:-([0-9]+))?")


def _words(text: str) -> list[str]:
    words = [word for word in re.split(f"[{_SPACE}]", text) if word]
    if not words:
        raise NetError(EINVAL)
    return words


@dataclass(frozen=True, slots=True)
class Int:
    """A number within a range. Linux: kernel/sysctl.c proc_dointvec_minmax() and its kin"""

    low: int = INT_MIN
    high: int = INT_MAX

    def parse(self, text: str, current: Value, folder: Folder) -> Value:
        return read_number(_words(text)[0], self.low, self.high)


@dataclass(frozen=True, slots=True)
class Switch:
    """Any number, kept as 0 or 1. Linux: net/bridge/br_netfilter_hooks.c brnf_sysctl_call_tables()"""

    def parse(self, text: str, current: Value, folder: Folder) -> Value:
        return int(read_number(_words(text)[0]) != 0)


@dataclass(frozen=True, slots=True)
class Seconds:
    """Kept in ticks of the kernel's clock, which limits them. Linux: proc_dointvec_jiffies()"""

    low: int = INT_MIN

    def parse(self, text: str, current: Value, folder: Folder) -> Value:
        limit = INT_MAX // folder.hz
        return read_number(_words(text)[0], max(self.low, -limit), limit)


@dataclass(frozen=True, slots=True)
class Milliseconds:
    """Rounded up to ticks of the kernel's clock. Linux: proc_dointvec_ms_jiffies()"""

    low: int = 0

    def parse(self, text: str, current: Value, folder: Folder) -> Value:
        wanted = read_number(_words(text)[0], self.low, INT_MAX)
        return -(-wanted * folder.hz // 1000) * 1000 // folder.hz


@dataclass(frozen=True, slots=True)
class Hundredths:
    """Hundredths of a second, rounded down to ticks. Linux: proc_dointvec_userhz_jiffies()

    Linux differs: it takes what is too big or negative, and shows another number then.
    """

    def parse(self, text: str, current: Value, folder: Folder) -> Value:
        ticks = read_number(_words(text)[0], 0, INT_MAX) * folder.hz // USER_HZ
        return ticks * USER_HZ // folder.hz


@dataclass(frozen=True, slots=True)
class Vector:
    """Numbers, stored one by one up to the first fault; those not given stay."""

    low: int
    high: int = INT_MAX

    def parse(self, text: str, current: Value, folder: Folder) -> Value:
        assert isinstance(current, tuple)
        numbers = list(current)
        try:
            for place, word in enumerate(_words(text)[: len(numbers)]):
                numbers[place] = read_number(word, self.low, self.high)
        except NetError as refused:
            raise PartlyRefused(refused.number, tuple(numbers)) from None
        return tuple(numbers)


def _two(text: str, current: Value, high: int) -> tuple[int, int]:
    assert isinstance(current, tuple)
    given = [read_number(word, 0, high) for word in _words(text)[:2]]
    return given[0], given[1] if len(given) > 1 else current[1]


@dataclass(frozen=True, slots=True)
class PortRange:
    """Where local ports are taken from. Linux: net/ipv4/sysctl_net_ipv4.c ipv4_local_port_range()"""

    def parse(self, text: str, current: Value, folder: Folder) -> Value:
        low, high = _two(text, current, LAST_PORT)
        start = folder.value("ip_unprivileged_port_start")
        assert isinstance(start, int)
        if low < 1 or high < low or low < start:
            raise NetError(EINVAL)
        return low, high


@dataclass(frozen=True, slots=True)
class UnprivilegedStart:
    """Never above the local ports. Linux: ipv4_privileged_ports()"""

    def parse(self, text: str, current: Value, folder: Folder) -> Value:
        local = folder.value("ip_local_port_range")
        assert isinstance(local, tuple)
        return read_number(_words(text)[0], 0, local[0])


@dataclass(frozen=True, slots=True)
class GroupRange:
    """Who may open ping sockets; an empty range is written `1 0`. Linux: ipv4_ping_group_range()"""

    def parse(self, text: str, current: Value, folder: Folder) -> Value:
        low, high = _two(text, current, MAX_GID)
        return (low, high) if low <= high else (1, 0)


@dataclass(frozen=True, slots=True)
class NotAbove:
    """At most what another name of the folder holds."""

    name: str

    def parse(self, text: str, current: Value, folder: Folder) -> Value:
        limit = folder.value(self.name)
        assert isinstance(limit, int)
        return read_number(_words(text)[0], 0, limit)


@dataclass(frozen=True, slots=True)
class NotBelow:
    """At least what another name of the folder holds."""

    name: str

    def parse(self, text: str, current: Value, folder: Folder) -> Value:
        limit = folder.value(self.name)
        assert isinstance(limit, int)
        return read_number(_words(text)[0], limit, (1 << 64) - 1)


@dataclass(frozen=True, slots=True)
class PortList:
    """Ports and ranges of them, shown merged. Linux: kernel/sysctl.c proc_do_large_bitmap()"""

    def parse(self, text: str, current: Value, folder: Folder) -> Value:
        text = text.removesuffix("\n").removesuffix(",")
        spans = sorted(self._span(part) for part in text.split(",")) if text else []
        merged: list[tuple[int, int]] = []
        for low, high in spans:
            if merged and low <= merged[-1][1] + 1:
                low, high = merged[-1][0], max(high, merged.pop()[1])
            merged.append((low, high))
        return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in merged)

    @staticmethod
    def _span(part: str) -> tuple[int, int]:
        given = _PORTS.fullmatch(part)
        if given is None:
            raise NetError(EINVAL)
        low = int(given[1])
        high = low if given[2] is None else int(given[2])
        if not low <= high <= LAST_PORT:
            raise NetError(EINVAL)
        return low, high


@dataclass(frozen=True, slots=True)
class OneOf:
    """A word that another name of the folder lists. Linux: net/ipv4/tcp_cong.c tcp_ca_find_autoload()"""

    listed: str

    def parse(self, text: str, current: Value, folder: Folder) -> Value:
        name = text.removesuffix("\n")
        if name not in str(folder.value(self.listed)).split():
            raise NetError(ENOENT)
        return name


@dataclass(frozen=True, slots=True)
class Some:
    """Some of the words that another name of the folder lists. Linux: tcp_set_allowed_congestion_control()"""

    listed: str

    def parse(self, text: str, current: Value, folder: Folder) -> Value:
        names = _words(text) if text.strip(_SPACE) else []
        if not set(names) <= set(str(folder.value(self.listed)).split()):
            raise NetError(ENOENT)
        return " ".join(names)


@dataclass(frozen=True, slots=True)
class Logger:
    """Who logs packets of a family, or NONE. Linux: net/netfilter/nf_log.c nf_log_proc_dostring()"""

    name: str

    def parse(self, text: str, current: Value, folder: Folder) -> Value:
        wanted = text.removesuffix("\n")
        if wanted not in ("NONE", self.name):
            raise NetError(ENOENT)
        return wanted


@dataclass(frozen=True, slots=True)
class FastopenKeys:
    """One key or two. Linux: net/ipv4/sysctl_net_ipv4.c proc_tcp_fastopen_key()"""

    def parse(self, text: str, current: Value, folder: Folder) -> Value:
        keys = [_KEY.fullmatch(key) for key in text.strip(_SPACE).split(",")]
        if not 1 <= len(keys) <= 2 or None in keys:
            raise NetError(EINVAL)
        return ",".join("-".join(word.zfill(8).lower() for word in key.groups()) for key in keys if key)


@dataclass(frozen=True, slots=True)
class Mask:
    """A set of processors, in hexadecimal. Linux: net/core/sysctl_net_core.c rps_default_mask_sysctl()"""

    processors: int

    def parse(self, text: str, current: Value, folder: Folder) -> Value:
        digits = "".join(character for character in text if character not in _SPACE + ",")
        if not re.fullmatch("[0-9a-fA-F]*", digits):
            raise NetError(EINVAL)
        mask = int(digits or "0", 16)
        if mask >> self.processors:
            raise NetError(EOVERFLOW)
        return f"{mask:x}"


@dataclass(frozen=True, slots=True)
class Text:
    """A line, kept as it is."""

    def parse(self, text: str, current: Value, folder: Folder) -> Value:
        return text.removesuffix("\n")


@dataclass(frozen=True, slots=True)
class Trigger:
    """Whatever is written does it."""

    def parse(self, text: str, current: Value, folder: Folder) -> Value:
        return current


@dataclass(frozen=True, slots=True)
class Ipv6Off:
    """IPv6 is not modelled: that it is off may be said again, and no more."""

    def parse(self, text: str, current: Value, folder: Folder) -> Value:
        number = read_number(_words(text)[0])
        if not number:
            raise NotModelled("IPv6")
        return number
