"""`-j LOG`"""

from __future__ import annotations

from typing import Final

from pystack.applets.iptables.extension import Site, TargetExtension
from pystack.applets.iptables.option import Option, Values, Where, quoted, strtoul
from pystack.applets.iptables.refused import BadOption, Refused
from pystack.applets.tcpdump.names import Names
from pystack.netfilter.log_transport import LOG_IPOPT, LOG_MACDECODE, LOG_TCPOPT, LOG_TCPSEQ, LOG_UID
from pystack.netfilter.rule import Target
from pystack.netfilter.targets.log import Log

_LEVELS: Final = ("emerg", "alert", "crit", "error", "warning", "notice", "info", "debug")
_PANIC: Final = "panic"  # an old name of emerg
_LISTED: Final = ("emerg", "alert", "crit", "err", "warn", "notice", "info", "debug")
_WARNING: Final = 4
_LONGEST_PREFIX: Final = 29
FLAGS: Final = {
    "log-tcp-sequence": LOG_TCPSEQ,
    "log-tcp-options": LOG_TCPOPT,
    "log-ip-options": LOG_IPOPT,
    "log-uid": LOG_UID,
    "log-macdecode": LOG_MACDECODE,
}


def _level(text: str, where: Where) -> int:
    """A number or a name. Linux: xtopt_parse_sysloglvl()"""
    value = strtoul(text)
    if value is not None and value < len(_LEVELS):
        return value
    if text == _PANIC:
        return 0
    if text not in _LEVELS:
        raise BadOption(f'log level "{text}" unknown')
    return _LEVELS.index(text)


def _prefix(text: str, where: Where) -> str:
    """Linux: libxt_LOG.c LOG_parse()"""
    return one_line(text)[:_LONGEST_PREFIX]


def one_line(text: str) -> str:
    """A prefix that says something, and cannot pass for two lines."""
    if not text:
        raise BadOption("Argument must have a minimum length of 1 characters")
    if "\n" in text:
        raise Refused("Newlines not allowed in --log-prefix")
    return text


class LogExtension(TargetExtension):
    """Linux: libxt_LOG.c"""

    name = "LOG"
    options = (
        Option("log-prefix", _prefix, quoted),
        Option("log-level", _level),
        *(Option(name) for name in FLAGS),
    )

    def save(self, values: Values) -> str:
        """The level only where it is not the usual one."""
        usual = ("log-level", _WARNING)
        return super().save({name: given for name, given in values.items() if (name, given.value) != usual})

    def listing(self, values: Values, names: Names | None) -> str:
        """`LOG flags 0 level 4 prefix "x"`, with words in place of numbers unless -n is given."""
        level = values["log-level"].value if "log-level" in values else _WARNING
        words = ["LOG", f"flags {_flags(values)}", f"level {level}"]
        if names is not None:
            given = [name.removeprefix("log-") for name in FLAGS if name in values]
            words = ["LOG", "level", _LISTED[level], *given]
        if "log-prefix" in values:
            words.append(f'prefix "{values["log-prefix"].value}"')
        return " ".join(words)

    def compile(self, values: Values, site: Site) -> Target:
        """The level is not part of the line."""
        prefix = values["log-prefix"].value if "log-prefix" in values else ""
        return Log(site.path, prefix, _flags(values))


def _flags(values: Values) -> int:
    return sum(bit for name, bit in FLAGS.items() if name in values)


EXTENSIONS: Final = (LogExtension(),)
