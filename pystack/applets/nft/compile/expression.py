"""Expressions of the evaluated tree, made to read packets."""

from __future__ import annotations

from operator import attrgetter
from typing import Final

from pystack.applets.nft.blamed import Blamed
from pystack.applets.nft.compile.anonymous import anonymous_set
from pystack.applets.nft.compile.options import compile_option
from pystack.applets.nft.compile.payload import compile_payload
from pystack.applets.nft.compile.site import Site
from pystack.applets.nft.compile.values import octets_of
from pystack.applets.nft.compile.width import width_of
from pystack.applets.nft.keys import CT_KEYS, META_KEYS
from pystack.applets.nft.tree import expressions as tree
from pystack.errors import EINVAL, EOPNOTSUPP, EOVERFLOW, ERANGE, NetError, NotModelled
from pystack.netfilter.hooks import NFPROTO_IPV4, NFPROTO_IPV6
from pystack.netfilter.nft import ct, meta
from pystack.netfilter.nft.arithmetic import Bitwise, Shift
from pystack.netfilter.nft.expression import Concatenation, Constant, Expression
from pystack.netfilter.nft.generated import Counted, Drawn, FlowHash, Hashed, Reversed
from pystack.netfilter.nft.lookup import Mapped
from pystack.netfilter.nft.needs import SetContent
from pystack.netfilter.nft.routes import Asked, FibDevice, FibType, RouteKey, RouteMss, SocketKey

_DIRECTIONS: Final = {"": None, "original": 0, "reply": 1}
_FAMILIES: Final = {"ip": NFPROTO_IPV4, "ip6": NFPROTO_IPV6}
_OF_BRIDGES: Final = ("ibrname", "obrname")
_CLOCK_KEYS: Final = ("time", "day", "hour")


def compile_expression(expression: tree.Expression, site: Site) -> Expression:
    """What is looked at in a packet, or a constant."""
    match expression:
        case tree.Value():
            return Constant(octets_of(expression))
        case tree.Payload() | tree.RawPayload():
            return compile_payload(expression)
        case tree.Meta():
            return _meta(expression, site)
        case tree.Ct():
            return _ct(expression, site)
        case tree.Concatenation():
            return Concatenation(tuple(compile_expression(part, site) for part in expression.parts))
        case tree.Binary():
            return _binary(expression, site)
        case tree.Lookup():
            return Mapped(compile_expression(expression.key, site), compile_set(_data_of(expression), site))
        case tree.ExtensionHeader() | tree.TcpOption() | tree.IpOption() | tree.SctpChunk():
            return compile_option(expression)
        case tree.Numgen() | tree.Hash():
            return _generated(expression, site)
    return _of_host(expression, site)


def _data_of(lookup: tree.Lookup) -> tree.Expression:
    """The map. Raises Blamed for an element without data, and for a verdict where none is asked for."""
    items = lookup.set.items if isinstance(lookup.set, tree.Elements) else ()
    wrong = [
        item.at
        for item in items
        if item.data is None or (isinstance(item.data, tree.Verdict) and not lookup.is_verdict)
    ]
    if wrong:
        raise Blamed(EINVAL, min(wrong, key=attrgetter("line", "first")))
    return lookup.set


def compile_set(expression: tree.Expression, site: Site, kind: str = "") -> SetContent:
    """A set that is named, or stands in the rule; `kind`: of the objects that it maps to."""
    if isinstance(expression, tree.SetName):
        return site.set_named(expression.name)
    assert isinstance(expression, tree.Elements), "evaluation leaves no other set"
    return anonymous_set(expression, site, kind)


# --- what is noted about a packet ---------------------------------------------------------------------------


def _meta(expression: tree.Meta, site: Site) -> Expression:
    key, ground = expression.key, site.ground
    if key == "nftrace" or (key in _OF_BRIDGES and site.family != "bridge"):
        raise NetError(EOPNOTSUPP)
    reader = meta.READERS.get(key)
    if reader is not None:
        return meta.Meta(key, reader)
    if key in _CLOCK_KEYS:
        return meta.of_clock(key, ground.clock)
    if key == "random":
        return meta.of_chance(ground.rng)
    if key == "rtclassid":
        return RouteKey(ground.routes, "classid", 0)
    raise NotModelled(f"meta {key}", tuple(meta.READERS))


def _ct(expression: tree.Ct, site: Site) -> Expression:
    if expression.key == "state":
        return ct.CtState()
    family, _, key = expression.full_key.rpartition(" ")
    if key in ct.COUNTED:  # whoever asks has connections count. Linux: nft_ct_get_init()
        site.ground.context.conf.acct = 1
    reader = ct.reader(key, _DIRECTIONS[expression.direction], family, site.ground.context)
    if reader is None:
        raise NotModelled(f"ct {expression.key}", tuple(sorted({"state", *ct.KEYS})))
    return ct.Ct(key, reader)


def _of_host(expression: tree.Expression, site: Site) -> Expression:
    """What routes and sockets say."""
    ground = site.ground
    match expression:
        case tree.Fib():
            return compile_fib(expression, site, expression.result)
        case tree.Rt():
            family, _, key = expression.key.rpartition(" ")
            if key == "mtu":
                return RouteMss(ground.routes)
            return RouteKey(ground.routes, key, _FAMILIES.get(family or site.family, 0))
        case tree.SocketOf():
            if expression.key == "cgroupv2":
                raise NotModelled("socket cgroupv2", ("transparent", "mark", "wildcard"))
            return SocketKey(ground.sockets, expression.key)
    raise NotModelled(type(expression).__name__)


def compile_fib(expression: tree.Fib, site: Site, result: str) -> Expression:
    """`result` may also be: exists."""
    flags = expression.flags
    asked = Asked("saddr" in flags, "mark" in flags, "iif" in flags, "oif" in flags)
    if result == "type":
        return FibType(site.ground.routes, asked)
    return FibDevice(site.ground.routes, asked, result)


# --- what is worked out -------------------------------------------------------------------------------------


def _binary(expression: tree.Binary, site: Site) -> Expression:
    left, right = expression.left, expression.right
    if isinstance(left, tree.Value):  # of `|` and its like either side may be the number
        left, right = right, left
    assert isinstance(right, tree.Value), "one side is constant"
    of, width = compile_expression(left, site), width_of(expression)
    number, whole = int.from_bytes(right.octets, "big"), (1 << width * 8) - 1
    match expression.operator:
        case "&":
            return Bitwise(of, width, number)
        case "|":
            return Bitwise(of, width, whole & ~number, number)
        case "^":
            return Bitwise(of, width, whole, number)
    if not number:
        raise Blamed(EINVAL, expression.at)
    if expression.operator == "<<":
        return Shift(of, width_of(left), number)
    return Shift(of, width_of(left), -number)


def _generated(expression: tree.Numgen | tree.Hash, site: Site) -> Expression:
    modulus, offset, rng = expression.modulus, expression.offset, site.ground.rng
    if not modulus:
        raise Blamed(ERANGE, expression.at)
    if offset + modulus > 1 << 32:
        raise Blamed(EOVERFLOW, expression.at)
    if isinstance(expression, tree.Numgen):
        return Counted(modulus, offset) if expression.mode == "inc" else Drawn(rng, modulus, offset)
    if expression.key is None:
        return FlowHash(modulus, offset)
    seed = rng.u32() if expression.seed is None else expression.seed
    return Hashed(_in_registers(expression.key, site), modulus, seed, offset)


def _in_registers(expression: tree.Expression, site: Site) -> Expression:
    """As the octets lie in the kernel's memory."""
    if isinstance(expression, tree.Concatenation):
        return Concatenation(tuple(_in_registers(part, site) for part in expression.parts))
    compiled = compile_expression(expression, site)
    return Reversed(compiled) if _is_of_host_order(expression) else compiled


def _is_of_host_order(expression: tree.Expression) -> bool:
    """Names lie as they are written."""
    if isinstance(expression, tree.Meta):
        key = META_KEYS[expression.key]
    elif isinstance(expression, tree.Ct):
        key = CT_KEYS[expression.full_key]
    else:
        return isinstance(expression, tree.Numgen | tree.Hash | tree.Fib)
    return key.host_order and key.bits <= 64
