"""Headers and options that are searched for: one of their fields, or whether they are there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pystack.applets.nft.compile.width import header_of
from pystack.applets.nft.tree import expressions as tree
from pystack.netfilter.nft import options
from pystack.netfilter.nft.expression import Expression
from pystack.netfilter.nft.options import Present, Searched
from pystack.netfilter.nft.payload import Bits
from pystack.wire.ethernet import ETH_P_IP, ETH_P_IPV6

Option = tree.ExtensionHeader | tree.TcpOption | tree.IpOption | tree.SctpChunk

_SEARCHES: Final[Mapping[type, type[Searched]]] = {
    tree.ExtensionHeader: options.ExtensionHeader,
    tree.TcpOption: options.TcpOption,
    tree.IpOption: options.IpOption,
    tree.SctpChunk: options.SctpChunk,
}
_CARRIERS: Final[Mapping[type, int]] = {tree.ExtensionHeader: ETH_P_IPV6, tree.IpOption: ETH_P_IP}
_PRESENT: Final = (0, 8)  # what the kernel wants to see of an option that is there


def field_of(option: Option) -> tuple[int, int, int]:
    """The option's number, and where the field lies: offset and length in bits."""
    if isinstance(option, tree.TcpOption) and option.raw is not None:
        return option.raw
    header = header_of(option)
    if not option.field:
        return header.number, *_PRESENT
    field = header.fields[option.field]
    return header.number, field.offset, field.bits


def compile_option(option: Option) -> Expression:
    """Searches for it."""
    search = _SEARCHES[type(option)]
    number, offset, bits = field_of(option)
    if not option.field and not (isinstance(option, tree.TcpOption) and option.raw is not None):
        is_chunk = isinstance(option, tree.SctpChunk)
        return Present(search(number, 0, 0 if is_chunk else 1), _CARRIERS.get(type(option), 0))
    first, end = offset // 8, (offset + bits + 7) // 8
    searched = search(number, first, end - first)
    return Bits(searched, -(offset + bits) % 8, bits) if offset % 8 or bits % 8 else searched
