"""Octets of a packet, from the beginning of its link, network or transport header, or of what that carries.

Linux: net/netfilter/nft_payload.c
"""

from __future__ import annotations

from typing import Final

from pystack.netfilter.nft.expression import Expression
from pystack.netfilter.nft.view import link_header
from pystack.netfilter.view import NO_PROTOCOL, View
from pystack.wire.ethernet import ETH_HLEN, ETH_P_802_2, ETH_P_802_3, ETH_P_802_3_MIN
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP
from pystack.wire.vlan import TAG_LENGTH, tag_length

_UDP_HEADER: Final = 8
_TCP_HEADER: Final = 20
_WORDS: Final = (1, 2, 4)  # octets that Linux reads at once
_TYPE_AT: Final = 16  # of what stands behind a tag


class Payload(Expression):
    """`offset` and `length` in octets."""

    __slots__ = ("length", "offset")

    def __init__(self, offset: int, length: int) -> None:
        self.offset = offset
        self.length = length

    def base(self, view: View) -> int | None:
        """Where the header begins; None if there is none."""
        raise NotImplementedError

    def __call__(self, view: View) -> bytes | None:
        """Linux: nft_payload_eval()"""
        start = self.base(view)
        if start is None:
            return None
        start += self.offset
        found = bytes(view.pkt.data[start : start + self.length])
        return found if len(found) == self.length else None


class LinkPayload(Payload):
    """`@ll`"""

    __slots__ = ()

    def base(self, view: View) -> int | None:
        """Not every packet has one."""
        return link_header(view)

    def __call__(self, view: View) -> bytes | None:
        """Behind a tag the kernel shows the type that it has noted, which a frame of 802.3 does not have.

        Linux: nft_payload_copy_vlan()
        """
        found = super().__call__(view)
        pkt = view.pkt
        if found is None or not tag_length(pkt.protocol) or view.carried >= ETH_P_802_3_MIN:
            return found
        start = pkt.mac_header
        noted = _noted_type(view).to_bytes(2, "big")
        whole = bytes(pkt.data[start : start + _TYPE_AT]) + noted + bytes(pkt.data[start + _TYPE_AT + 2 :])
        return whole[self.offset : self.offset + self.length]


class NetworkPayload(Payload):
    """`@nh`"""

    __slots__ = ()

    def base(self, view: View) -> int | None:
        """There is always one."""
        return view.start

    def __call__(self, view: View) -> bytes | None:
        """The same, for the most usual case."""
        start = view.start + self.offset
        found = bytes(view.pkt.data[start : start + self.length])
        return found if len(found) == self.length else None


class TransportPayload(Payload):
    """`@th`"""

    __slots__ = ("_skips_check",)

    def __init__(self, offset: int, length: int) -> None:
        super().__init__(offset, length)
        self._skips_check = length in _WORDS and not offset % length

    def base(self, view: View) -> int | None:
        """Only what IP carries has one, and no later fragment; but Linux's short way to read a word does not
        ask for that, and takes for a header what stands in its place. Linux: nft_payload_fast_eval()
        """
        if view.protocol == NO_PROTOCOL or (view.fragment and not self._skips_check):
            return None
        return view.transport


class InnerPayload(Payload):
    """`@ih`: what TCP and UDP carry."""

    __slots__ = ()

    def base(self, view: View) -> int | None:
        """Linux: __nft_payload_inner_offset()"""
        if view.fragment:
            return None
        if view.protocol == IPPROTO_UDP:
            return view.transport + _UDP_HEADER
        if view.protocol != IPPROTO_TCP:
            return None
        header = view.transport_octets(_TCP_HEADER)
        return None if header is None else view.transport + (header[12] >> 4) * 4


class Bits(Expression):
    """A field that is no whole number of octets: the bits of `payload` from the left, as a number."""

    __slots__ = ("length", "mask", "payload", "shift")

    def __init__(self, payload: Expression, shift: int, bits: int) -> None:
        """`shift`: how many bits stand behind the field in the octets of `payload`"""
        self.payload = payload
        self.shift = shift
        self.mask = (1 << bits) - 1
        self.length = (bits + 7) // 8

    def __call__(self, view: View) -> bytes | None:
        """Linux: net/netfilter/nft_bitwise.c. The kernel compares the field where it stands"""
        found = self.payload(view)
        if found is None:
            return None
        return (int.from_bytes(found, "big") >> self.shift & self.mask).to_bytes(self.length, "big")


def _noted_type(view: View) -> int:
    """Novell's raw 802.3, or LLC. Linux: eth_type_trans()"""
    behind = view.pkt.mac_header + ETH_HLEN + TAG_LENGTH
    is_novell = bytes(view.pkt.data[behind : behind + 2]) == b"\xff\xff"
    return ETH_P_802_3 if is_novell else ETH_P_802_2
