"""What a rule says of a frame's header and of the devices: printed, compiled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pystack.applets.ebtables.frame_words import TYPE_NAMES, Mac, show_known_mac
from pystack.netfilter.matches.frame import EtherType, FrameDestination, FrameSource, HasLength, Logical
from pystack.netfilter.matches.header import InInterface, OutInterface
from pystack.netfilter.rule import Match


@dataclass(slots=True)
class Header:
    """Of one rule; what is empty or None was not said."""

    ethertype: int | None = None
    is_length: bool = False  # -p LENGTH: any 802.3 frame
    ethertype_inverted: bool = False
    source: Mac | None = None
    source_inverted: bool = False
    destination: Mac | None = None
    destination_inverted: bool = False
    indev: str = ""
    indev_inverted: bool = False
    logical_in: str = ""
    logical_in_inverted: bool = False
    outdev: str = ""
    outdev_inverted: bool = False
    logical_out: str = ""
    logical_out_inverted: bool = False

    def carries(self, *types: int) -> bool:
        """Whether only frames of one of these types match, as the kernel asks before some extensions."""
        return self.ethertype in types and not self.ethertype_inverted

    def show(self, *, nft: bool) -> Iterator[str]:
        """Word by word. Linux: iptables/nft-bridge.c __nft_bridge_save_rule(); ebtables.c list_em()"""
        if self.is_length:
            yield from _option("-p", "Length", self.ethertype_inverted)
        elif self.ethertype is not None:
            name = TYPE_NAMES.get(self.ethertype, f"{self.ethertype:#x}")
            yield from _option("-p", name, self.ethertype_inverted)
        if self.source is not None:
            yield from _option("-s", show_known_mac(self.source), self.source_inverted)
        if self.destination is not None:
            yield from _option("-d", show_known_mac(self.destination), self.destination_inverted)
        out = ("-o", self.outdev, self.outdev_inverted)
        logical_out = ("--logical-out", self.logical_out, self.logical_out_inverted)
        for option, name, inverted in (
            ("-i", self.indev, self.indev_inverted),
            ("--logical-in", self.logical_in, self.logical_in_inverted),
            *((out, logical_out) if nft else (logical_out, out)),
        ):
            if name:
                yield from _option(option, name, inverted)

    def tests(self, *, nft: bool) -> Iterator[Match]:
        """What a frame must be like; nothing for what matches all."""
        if self.is_length:
            yield HasLength(self.ethertype_inverted)
        elif self.ethertype is not None:
            yield EtherType(self.ethertype, self.ethertype_inverted)
        if self.indev:
            yield InInterface(self.indev, self.indev_inverted)
        if self.outdev:
            yield OutInterface(self.outdev, self.outdev_inverted)
        if self.logical_in:
            yield Logical(self.logical_in, self.logical_in_inverted, otherwise=not nft)
        if self.logical_out:
            yield Logical(self.logical_out, self.logical_out_inverted, is_out=True, otherwise=not nft)
        if self.source is not None:
            yield FrameSource(*self.source, self.source_inverted)
        if self.destination is not None:
            yield FrameDestination(*self.destination, self.destination_inverted)

    def key(self) -> tuple[object, ...]:
        """By what -D and -C find a rule: masks are not compared. Linux: nft_bridge_is_same()"""
        return (
            self.ethertype or 0,
            self.ethertype_inverted,
            self.source and self.source[0],
            self.source_inverted,
            self.destination and self.destination[0],
            self.destination_inverted,
            (self.indev, self.indev_inverted, self.logical_in, self.logical_in_inverted),
            (self.outdev, self.outdev_inverted, self.logical_out, self.logical_out_inverted),
        )


def _option(option: str, value: str, inverted: bool) -> tuple[str, ...]:
    return (option, "!", value) if inverted else (option, value)
