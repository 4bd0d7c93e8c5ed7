"""`--log-…` and `--nflog-…`. Linux: libebt_log.c, libebt_nflog.c"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final

from pystack.applets.ebtables.extension import Site, WatcherExtension
from pystack.applets.ebtables.frame_words import whole
from pystack.applets.iptables.option import U32, Option, Parse, Values, Where, number
from pystack.applets.iptables.refused import Refused
from pystack.netfilter.log_frame import EBT_LOG_ARP, EBT_LOG_IP, EBT_LOG_IP6
from pystack.netfilter.rule import Match
from pystack.netfilter.targets.frame_log import LogFrame, NflogFrame

_LEVELS: Final = ("emerg", "alert", "crit", "error", "warning", "notice", "info", "debug")
_NOTICE: Final = 5
_LOG_PREFIX: Final = 29
_NFLOG_PREFIX: Final = 63
_FLAGS: Final = {"log-ip": EBT_LOG_IP, "log-arp": EBT_LOG_ARP, "log-ip6": EBT_LOG_IP6}


def _level(text: str, where: Where) -> int:
    value = whole(text, 16, len(_LEVELS) - 1)
    if value is None:
        if text not in _LEVELS:
            raise Refused("Problem with the log-level")
        value = _LEVELS.index(text)
    return value


def _prefix(text: str, where: Where) -> str:
    if len(text) > _LOG_PREFIX:
        raise Refused("Prefix too long")
    if '"' in text:
        raise Refused('Use of \\" is not allowed in the prefix')
    return text


class Log(WatcherExtension):
    """A line of the kernel's log; `--log` alone asks for no more than that."""

    name = "log"
    options: ClassVar[tuple[Option, ...]] = (
        Option("log-level", _level, many=True),
        Option("log-prefix", _prefix, many=True),
        Option("log-ip", many=True),
        Option("log-arp", many=True),
        Option("log-ip6", many=True),
        Option("log", many=True),
    )

    def check_inversion(self, option: Option, *, inverted: bool) -> None:
        """The tool is more tolerant only of the level."""
        if inverted and option.name != "log-level":
            quote = "`" if option.name == "log-prefix" else "'"
            raise Refused(f"Unexpected `!{quote} after --{option.name}")

    def words(self, values: Values) -> Iterator[str]:
        """As a command line takes them."""
        level = values["log-level"].value if "log-level" in values else _NOTICE
        yield from ("--log-level", _LEVELS[level])
        yield from self.prefix_words(values["log-prefix"].value if "log-prefix" in values else "")
        yield from (f"--{name}" for name in _FLAGS if name in values)

    def prefix_words(self, prefix: str) -> tuple[str, ...]:
        """Nothing for none."""
        return ("--log-prefix", prefix) if prefix else ()

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One watcher."""
        prefix = values["log-prefix"].value if "log-prefix" in values else ""
        flags = sum(bit for name, bit in _FLAGS.items() if name in values)
        return (LogFrame(site.path, prefix, flags),)


def _nflog_prefix(text: str, where: Where) -> str:
    if len(text) > _NFLOG_PREFIX:
        raise Refused("Prefix too long for nflog-prefix")
    return text


def _at_least_one(option: str) -> Parse:
    def parse(text: str, where: Where) -> int:
        value = number(text, U32, 1)
        if value is None:
            raise Refused(f"--{option} must be a number!")
        return value

    return parse


class Nflog(WatcherExtension):
    """To whoever listens to a group."""

    name = "nflog"
    options: ClassVar[tuple[Option, ...]] = (
        Option("nflog-prefix", _nflog_prefix),
        Option("nflog-group", _at_least_one("nflog-group")),
        Option("nflog-range", _at_least_one("nflog-range")),
        Option("nflog-threshold", _at_least_one("nflog-threshold")),
        Option("nflog"),
    )

    def check_inversion(self, option: Option, *, inverted: bool) -> None:
        """There is nothing to invert."""
        if inverted:
            raise Refused("The use of '!' makes no sense for the nflog watcher")

    def check_with(self, option: Option, values: Values) -> None:
        """In the tool `nflog` shares bits with these two, and so is taken for them."""
        same = ("nflog-prefix", "nflog-range")
        if (option.name in same and "nflog" in values) or (
            option.name == "nflog" and any(name in values for name in same)
        ):
            raise Refused("Multiple use of same option not allowed")

    def words(self, values: Values) -> Iterator[str]:
        """As a command line takes them."""
        if "nflog-prefix" in values and values["nflog-prefix"].value:
            yield from ("--nflog-prefix", values["nflog-prefix"].value)
        if group := _group(values):
            yield from ("--nflog-group", str(group))
        if "nflog-range" in values:
            yield from ("--nflog-range", str(values["nflog-range"].value))
        if "nflog-threshold" in values and values["nflog-threshold"].value != 1:
            yield from ("--nflog-threshold", str(values["nflog-threshold"].value))

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One watcher."""
        prefix = values["nflog-prefix"].value if "nflog-prefix" in values else ""
        size = values["nflog-range"].value if "nflog-range" in values else None
        return (NflogFrame(site.path, _group(values), prefix, size),)


def _group(values: Values) -> int:
    """The group is kept in 16 bits."""
    return int(values["nflog-group"].value) & 0xFFFF if "nflog-group" in values else 1


EXTENSIONS: Final = (Log(), Nflog())
