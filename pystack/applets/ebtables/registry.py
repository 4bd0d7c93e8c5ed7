"""Which matches, watchers and targets there are, and whose an option is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from pystack.applets.ebtables.extension import Extension, TargetExtension, WatcherExtension
from pystack.applets.ebtables.extensions import arp, fields, ip, log, stp, targets
from pystack.applets.iptables.option import Option
from pystack.errors import NotModelled

# What the tools have besides; to name these is no mistake of the user's.
_OPTIONS_OF_OTHERS: Final = ("among-dst", "among-src", "among-dst-file", "among-src-file")


class Registry:
    """Of one of the two tools."""

    def __init__(self, extensions: Iterable[Extension]) -> None:
        self._targets: dict[str, TargetExtension | WatcherExtension] = {}
        self._by_option: dict[str, tuple[Extension, Option]] = {}
        for extension in extensions:
            if isinstance(extension, TargetExtension | WatcherExtension):
                self._targets[extension.name] = extension
            for option in extension.options:
                for name in (option.name, *option.aliases):
                    self._by_option[name] = extension, option

    def options(self) -> Iterator[tuple[str, Option | None]]:
        """All options of extensions; those that are not modelled without more than their name."""
        for name, (_, option) in self._by_option.items():
            yield name, option
        for name in _OPTIONS_OF_OTHERS:
            yield name, None

    def option(self, name: str) -> tuple[Extension, Option]:
        """An option by any of its names, and whose it is."""
        found = self._by_option.get(name)
        if found is None:
            known = {extension.name for extension, _ in self._by_option.values()}
            raise NotModelled(f"ebtables --{name}", tuple(sorted(known)))
        return found

    def target(self, name: str) -> TargetExtension | WatcherExtension | None:
        """A target by its name; None if it can only be a chain."""
        return self._targets.get(name)


NFT_REGISTRY: Final = Registry(
    (
        *arp.EXTENSIONS,
        *ip.EXTENSIONS,
        *fields.EXTENSIONS,
        *stp.EXTENSIONS,
        *log.EXTENSIONS,
        *targets.EXTENSIONS,
    )
)
