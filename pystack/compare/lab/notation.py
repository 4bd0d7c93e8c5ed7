"""Packets in scapy's notation: `Ether(src='…', dst='…')/IP(src='…')/ICMP(id=7)/b"hello"`.

An expression is parsed, never evaluated: layers from a list, and literals, joined by `/`. So a scenario from
a stranger can name packets and nothing else. scapy then builds the bytes.
"""

from __future__ import annotations

import ast
import re
import warnings
from functools import lru_cache
from typing import Any, Final

from pystack.compare.lab import notation_layers as layers
from pystack.compare.lab.nearest import nearest
from pystack.wire.ethernet import ETH_HLEN

LONGEST_TEXT: Final = 400_000  # characters: a 64 KiB payload, each octet written as \xNN
LONGEST_FRAME: Final = 0xFFFF + ETH_HLEN
MOST_LAYERS: Final = 32
DEEPEST: Final = 8  # a layer in a list in a layer …

Layer = Any


class NotationError(Exception):
    """An expression is not a packet; says where in it."""

    def __init__(self, text: str, line: int, column: int) -> None:
        super().__init__(
            f"{text} (line {line}, column {column})" if line > 1 else f"{text} (column {column})"
        )
        self.line = line
        self.column = column


class _Fault(Exception):
    """The same, while the place is still a node of the tree."""

    def __init__(self, node: ast.AST, text: str) -> None:
        super().__init__(text)
        self.node = node


@lru_cache(maxsize=4096)
def frame_of(text: str) -> bytes:
    """The bytes of a packet expression. Raises NotationError, and nothing else."""
    if len(text) > LONGEST_TEXT:
        raise NotationError(f"a packet of {len(text)} characters is too long", 1, 1)
    stripped = text.strip()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escapes that Python will not know one day
            tree = ast.parse(stripped, mode="eval")
    except SyntaxError as error:
        raise NotationError(f"not a packet: {error.msg}", error.lineno or 1, error.offset or 1) from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise NotationError(f"not a packet: {error}", 1, 1) from None
    try:
        return _built(tree.body)
    except _Fault as fault:
        raise NotationError(str(fault), *_place(fault.node, stripped)) from None
    except Exception as error:  # scapy promises nothing about strange values
        raise NotationError(f"scapy cannot build this: {_why(error)}", 1, 1) from None


def _place(node: ast.AST, text: str) -> tuple[int, int]:
    """Line and column, counted in characters from 1."""
    line, octets = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
    before = text.splitlines()[line - 1].encode()[:octets] if text else b""
    return line, len(before.decode(errors="replace")) + 1


def _built(tree: ast.expr) -> bytes:
    nodes = _chain(tree)
    packet = _part(nodes[0])
    if type(packet).__name__ not in layers.LINK_LAYERS:
        raise _Fault(nodes[0], f"a frame begins with {' or '.join(layers.LINK_LAYERS)}")
    for node in nodes[1:]:
        packet.add_payload(_part(node))
    _check_conditions(packet, nodes)
    try:
        frame = bytes(packet)
    except Exception:
        _blame_a_field(packet, nodes)
        raise
    if not ETH_HLEN <= len(frame) <= LONGEST_FRAME:
        raise _Fault(tree, f"a frame of {len(frame)} octets; up to {LONGEST_FRAME} can be sent")
    return frame


def _chain(tree: ast.expr) -> list[ast.expr]:
    """What stands between the `/`, left to right, whatever brackets are around it."""
    found: list[ast.expr] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            waiting += [node.right, node.left]
            continue
        found.append(node)
        if len(found) > MOST_LAYERS:
            raise _Fault(node, f"more than {MOST_LAYERS} layers")
    return found


def _name(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _part(node: ast.expr) -> Layer:
    """A layer, or the bytes behind the last one."""
    if isinstance(node, ast.Call):
        return _layer(node, 1)
    value = _literal(node, 1)
    if isinstance(value, str):
        value = value.encode()
    if not isinstance(value, bytes):
        raise _Fault(node, "only layers and bytes stand between /")
    return layers.layer_class("Raw")(load=value)


def _layer(node: ast.Call, depth: int) -> Layer:
    name = _name(node)
    if not name:
        raise _Fault(node, "only layers can be called")
    if name not in layers.WHERE:
        raise _Fault(node, f"unknown layer {name}{nearest(name, layers.WHERE)}")
    packet = layers.layer_class(name)()
    if node.args:
        _set_bytes(packet, name, node)
    given: dict[str, ast.keyword] = {}
    known = layers.field_names(name)
    for keyword in node.keywords:
        if keyword.arg is None:
            raise _Fault(keyword, "** is not a literal")
        if keyword.arg in given:
            raise _Fault(keyword, f"{name}.{keyword.arg} is given twice")
        if keyword.arg not in known:
            raise _Fault(keyword, f"unknown field {name}.{keyword.arg}{nearest(keyword.arg, known)}")
        given[keyword.arg] = keyword
        _set_field(packet, name, keyword, depth)
    for field in layers.needed(packet, name):
        if field not in given or _is_none(given[field].value):
            raise _Fault(node, f"{name}.{field} must be given: scapy would make it up from this machine")
    return packet


def _set_bytes(packet: Layer, name: str, node: ast.Call) -> None:
    """`Raw(b"…")`. Other layers would take bytes apart instead of building them."""
    if name not in layers.BYTES_LAYERS or len(node.args) > 1 or node.keywords:
        raise _Fault(node.args[0], f"the fields of {name} are given by name")
    value = _literal(node.args[0], 1)
    if not isinstance(value, str | bytes):
        raise _Fault(node.args[0], f"{name} takes bytes")
    packet.load = value.encode() if isinstance(value, str) else value


def _set_field(packet: Layer, name: str, keyword: ast.keyword, depth: int) -> None:
    field = keyword.arg or ""
    value = _value(keyword.value, depth)
    try:
        layers.check_value(name, field, value)
        setattr(packet, field, value)
        packet.getfieldval(field)
    except Exception as error:  # whatever scapy meets in a value of the wrong kind
        raise _Fault(keyword, f"{name}.{field} {_why(error)}") from None


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _value(node: ast.expr, depth: int) -> object:
    """What a field can be given: a literal, a layer (an option), or a list of such."""
    if depth > DEEPEST:
        raise _Fault(node, "too deep")
    if isinstance(node, ast.Call):
        return _layer(node, depth + 1)
    if isinstance(node, ast.List):
        return [_value(part, depth + 1) for part in node.elts]
    return _literal(node, depth)


def _literal(node: ast.expr, depth: int) -> object:
    if depth > DEEPEST:
        raise _Fault(node, "too deep")
    if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes | int | float | None):
        return node.value
    if isinstance(node, ast.Tuple):
        return tuple(_literal(part, depth + 1) for part in node.elts)
    if isinstance(node, ast.List):
        return [_literal(part, depth + 1) for part in node.elts]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _literal(node.operand, depth + 1)
        if isinstance(value, int | float):
            return -value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return _product(node, depth)
    raise _Fault(node, "only literals: numbers, texts, bytes, None, lists, tuples, and b'x' * 100")


def _product(node: ast.BinOp, depth: int) -> bytes | str | int:
    """`b"x" * 1400`, up to a frame's length."""
    left, right = _literal(node.left, depth + 1), _literal(node.right, depth + 1)
    if isinstance(left, int):
        left, right = right, left
    if not isinstance(right, int) or not isinstance(left, bytes | str | int):
        raise _Fault(node, "only bytes, texts and numbers are multiplied, by a number")
    length = abs(left) if isinstance(left, int) else len(left)
    if abs(right) > LONGEST_FRAME or length * abs(right) > LONGEST_FRAME:
        raise _Fault(node, f"a product is at most {LONGEST_FRAME}")
    return left * right


def _check_conditions(packet: Layer, nodes: list[ast.expr]) -> None:
    """scapy keeps silent about a field that is given and finds no place in the packet."""
    for node, layer in _pairs(packet, nodes):
        given = [keyword.arg or "" for keyword in node.keywords]
        if misplaced := layers.check_conditions(layer, given):
            raise _Fault(
                node, f"{_name(node)}.{misplaced} has no place here: other fields decide whether it has"
            )


def _pairs(packet: Layer, nodes: list[ast.expr]) -> list[tuple[ast.Call, Layer]]:
    """Each written layer with what scapy made of it."""
    pairs = []
    for node in nodes:
        if isinstance(node, ast.Call):
            pairs.append((node, packet))
        packet = packet.payload
    return pairs


def _blame_a_field(packet: Layer, nodes: list[ast.expr]) -> None:
    """What cannot be packed as a whole is tried field by field."""
    for node, layer in _pairs(packet, nodes):
        for keyword in node.keywords:
            try:
                layer.get_field(keyword.arg).addfield(layer, b"", layer.getfieldval(keyword.arg))
            except Exception as error:
                raise _Fault(keyword, f"{_name(node)}.{keyword.arg} {_why(error)}") from None


def _why(error: Exception) -> str:
    if isinstance(error, layers.WrongValueError):
        return str(error)
    # scapy wraps what struct said into a text about its own means.
    said = " ".join(str(error).split()).partition(" To inject")[0]
    if limits := re.search(r"(-?\d+) <= number <= (-?\d+)", said):
        return f"must be a number from {limits[1]} to {limits[2]}"
    if "struct.error" in said:
        return "cannot be that"
    return f"cannot be that: {said or type(error).__name__}"
