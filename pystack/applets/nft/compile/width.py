"""How many octets an expression answers."""

from __future__ import annotations

from pystack.applets.nft.headers import EXTENSION_HEADERS, IP_OPTIONS, SCTP_CHUNKS, Header, tcp_option
from pystack.applets.nft.keys import CT_KEYS, FIB_RESULTS, META_KEYS, RT_KEYS, SOCKET_KEYS
from pystack.applets.nft.protocols import PROTOCOLS
from pystack.applets.nft.tree import expressions as tree


def width_of(expression: tree.Expression) -> int:
    """Of what is looked at in a packet, or worked out of that."""
    return (_bits_of(expression) + 7) // 8


def _bits_of(expression: tree.Expression) -> int:
    match expression:
        case tree.Value():
            return len(expression.octets) * 8
        case tree.Payload():
            return PROTOCOLS[expression.protocol].fields[expression.field].bits
        case tree.RawPayload():
            return expression.length
        case tree.Binary():
            return max(_bits_of(expression.left), _bits_of(expression.right))
        case tree.Numgen() | tree.Hash():
            return 32
        case tree.Concatenation():
            return sum((_bits_of(part) + 31) // 32 * 32 for part in expression.parts)
        case tree.ExtensionHeader() | tree.TcpOption() | tree.IpOption() | tree.SctpChunk():
            return _option_bits(expression)
    return _key_bits(expression)


def _option_bits(
    option: tree.ExtensionHeader | tree.TcpOption | tree.IpOption | tree.SctpChunk,
) -> int:
    """One octet where it is asked whether it is there."""
    if isinstance(option, tree.TcpOption) and option.raw is not None:
        return option.raw[2]
    header = header_of(option)
    return header.fields[option.field].bits if option.field else 8


def header_of(option: tree.ExtensionHeader | tree.TcpOption | tree.IpOption | tree.SctpChunk) -> Header:
    """What is searched for, as nft knows it by name."""
    match option:
        case tree.ExtensionHeader():
            return EXTENSION_HEADERS[option.header]
        case tree.TcpOption():
            return tcp_option(option.option)
        case tree.IpOption():
            return IP_OPTIONS[option.option]
    return SCTP_CHUNKS[option.chunk]


def _key_bits(expression: tree.Expression) -> int:
    match expression:
        case tree.Meta():
            return META_KEYS[expression.key].bits
        case tree.Ct():
            return CT_KEYS[expression.full_key].bits
        case tree.Rt():
            return RT_KEYS[expression.key].bits
        case tree.SocketOf():
            return SOCKET_KEYS[expression.key].bits
        case tree.Fib():
            return FIB_RESULTS[expression.result].bits
    raise AssertionError(f"evaluation leaves no {type(expression).__name__} here")
