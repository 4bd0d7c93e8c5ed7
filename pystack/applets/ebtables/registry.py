"""Which matches, watchers and targets there are, and whose an option is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pystack.applets.ebtables.extension import Extension, TargetExtension, WatcherExtension
from pystack.applets.ebtables.extensions import arp, fields, ip, log, stp, targets
from pystack.applets.iptables.option import Option
from pystack.errors import NotModelled

_EXTENSIONS: Final[tuple[Extension, ...]] = (
    *arp.EXTENSIONS,
    *ip.EXTENSIONS,
    *fields.EXTENSIONS,
    *stp.EXTENSIONS,
    *log.EXTENSIONS,
    *targets.EXTENSIONS,
)
_TARGETS: Final = {
    one.name: one for one in _EXTENSIONS if isinstance(one, TargetExtension | WatcherExtension)
}
_BY_OPTION: Final = {
    name: (extension, option)
    for extension in _EXTENSIONS
    for option in extension.options
    for name in (option.name, *option.aliases)
}

# What the tool has besides; to name these is no mistake of the user's.
_OPTIONS_OF_OTHERS: Final = ("among-dst", "among-src", "among-dst-file", "among-src-file")


def option_names() -> Iterator[tuple[str, Option | None]]:
    """All options of extensions; those that are not modelled without more than their name."""
    for name, (_, option) in _BY_OPTION.items():
        yield name, option
    for name in _OPTIONS_OF_OTHERS:
        yield name, None


def find_option(name: str) -> tuple[Extension, Option]:
    """An option by any of its names, and whose it is."""
    found = _BY_OPTION.get(name)
    if found is None:
        raise NotModelled(f"ebtables --{name}", tuple(sorted({one.name for one in _EXTENSIONS})))
    return found


def find_target(name: str) -> TargetExtension | WatcherExtension | None:
    """A target by its name; None if it can only be a chain."""
    return _TARGETS.get(name)
