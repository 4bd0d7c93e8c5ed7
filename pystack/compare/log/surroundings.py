"""What a log shows of the machine that wrote it: which devices are bridges, whose addresses it has.

A setup knows it for sure; without one it is told from the lines, and what is told from names alone is a
guess.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from pystack.compare.log.message import BRIDGE
from pystack.compare.log.passage import Passage
from pystack.compare.log.place import Hook
from pystack.explain.path_kind import LOOPBACK, Wiring
from pystack.wire import ipv4

_MOST: Final = 4096  # things remembered of one machine
_SOUNDS_LIKE_A_BRIDGE: Final = re.compile(r"(?:docker|virbr|lxcbr|lxdbr|vmbr|br)[0-9]+|br-[0-9a-f]{12}")
_NEIGHBOURHOOD: Final = 0xFFFFFF00


class Surroundings:
    """Of one machine; learns as the log goes on."""

    def __init__(self) -> None:
        self._bridges: set[str] = set()
        self._others: set[str] = set()  # devices that are none
        self._senders: dict[int, str] = {}  # address, by the bridge by whose ports it spoke
        self._crossings: dict[str, str] = {}  # devices behind which the same log goes on

    def learn(self, passages: Iterable[Passage]) -> None:
        """From one machine's packets."""
        for passage in passages:
            self._learn_devices(passage)
            told = passage.datagram
            source = None if told is None else ipv4.parse_address(told.source)
            if source is not None and passage.port_in and passage.entered_by and len(self._senders) < _MOST:
                self._senders.setdefault(source, passage.entered_by)

    def _learn_devices(self, passage: Passage) -> None:
        if len(self._bridges) + len(self._others) > _MOST:
            return
        for line in passage.lines:
            message = line.message
            if message.physin and message.indev:
                self._bridges.add(message.indev)
            if message.physout:
                self._bridges.add(message.outdev)
        if passage.has(Hook(BRIDGE, "OUTPUT")) and passage.left_by:
            self._bridges.add(passage.left_by)
        if passage.entered_by and not passage.port_in:
            self._others.add(passage.entered_by)  # unless bridge-nf-call-iptables is off: see is_bridge()

    def crosses(self, device: str) -> None:
        """What leaves by it comes in again, and the same kernel tells of it."""
        if len(self._crossings) < _MOST:
            self._crossings[device] = "another namespace"

    def is_bridge(self, device: str) -> bool:
        """As far as the lines show it, else by its name."""
        return device in self._bridges or _SOUNDS_LIKE_A_BRIDGE.fullmatch(device) is not None

    def wiring(self, passage: Passage) -> Wiring:
        """For the kind of one packet's path."""
        devices = {passage.entered_by, passage.left_by} - {"", LOOPBACK}
        bridges = frozenset(device for device in devices if self.is_bridge(device))
        return Wiring(bridges=bridges, leads_into=self._crossings, addresses=self._addresses(passage))

    def _addresses(self, passage: Passage) -> dict[int, str]:
        """Who has the destination: the bridge behind whose ports its network is, else some other device."""
        told = passage.datagram
        mine = None if told is None else ipv4.parse_address(told.destination)
        if mine is None:
            return {}
        near = (
            bridge
            for address, bridge in self._senders.items()
            if address & _NEIGHBOURHOOD == mine & _NEIGHBOURHOOD
        )
        return {mine: next(near, "")}
