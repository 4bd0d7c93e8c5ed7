"""What values are read and printed by, besides the language: names of the machine, devices, the clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from pystack.applets.nft import types
from pystack.applets.nft.types import DataType
from pystack.applets.tcpdump.names import Names

# Linux: /etc/iproute2 of Debian 12, which has no rt_marks; nor does /etc/connlabel.conf come with it
_FILES: Final[Mapping[str, Mapping[str, int]]] = {
    types.DEVGROUP.name: {"default": 0},
    types.REALM.name: {"cosmos": 0},
    types.MARK.name: {},
    types.CT_LABEL.name: {},
}


@dataclass(frozen=True)
class Surroundings:
    """Nothing of this is kept in a rule: it keeps numbers."""

    names: Names = field(default_factory=Names)
    devices: Mapping[str, int] = field(default_factory=dict)  # ifindex by name
    utc_offset: int = 0  # Linux differs: its printer asks for the offset of the very day

    def words(self, kind: DataType) -> Mapping[str, int]:
        """The numbers of a kind's words: the language's own, or those of a file."""
        return kind.symbols or _FILES.get(kind.name, {})

    @cached_property
    def device_names(self) -> Mapping[int, str]:
        """By ifindex."""
        return {index: name for name, index in self.devices.items()}

    @cached_property
    def protocol_names(self) -> Mapping[int, str]:
        """The first name of each protocol."""
        return _first_names(self.names.protocols)

    @cached_property
    def user_names(self) -> Mapping[int, str]:
        """The first name of each user."""
        return _first_names(self.names.users)

    @cached_property
    def group_names(self) -> Mapping[int, str]:
        """The first name of each group."""
        return _first_names(self.names.groups)


def _first_names(numbers: Mapping[str, int]) -> dict[int, str]:
    names: dict[int, str] = {}
    for name, number in numbers.items():
        names.setdefault(number, name)
    return names
