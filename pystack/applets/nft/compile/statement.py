"""Statements that let a packet go on: tests that act."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pystack.applets.nft.compile.assign import compile_assign
from pystack.applets.nft.compile.counting import COUNTING, compile_counting
from pystack.applets.nft.compile.expression import compile_expression, compile_set
from pystack.applets.nft.compile.jiffies import jiffies_of
from pystack.applets.nft.compile.match import compile_match
from pystack.applets.nft.compile.meter import compile_meter
from pystack.applets.nft.compile.options import field_of
from pystack.applets.nft.compile.site import Site
from pystack.applets.nft.said import said
from pystack.applets.nft.tree import expressions as tree
from pystack.applets.nft.tree import statements
from pystack.errors import ERANGE, NetError, NotModelled
from pystack.netfilter import log_transport
from pystack.netfilter.hooks import NFPROTO_IPV4, NFPROTO_IPV6
from pystack.netfilter.nft.lookup import MapsObject
from pystack.netfilter.nft.set_element import Stateful
from pystack.netfilter.nft.set_update import SetUpdate
from pystack.netfilter.nft.statements.acting import Acting
from pystack.netfilter.nft.statements.hand_over import Dup, DupFrame
from pystack.netfilter.nft.statements.log import Log, LogToGroup, ToAudit
from pystack.netfilter.nft.statements.tcp_option import TcpOptionReset
from pystack.netfilter.rule import Match
from pystack.netfilter.targets.conntrack import NoTrack

_PREFIX_MAX: Final = 127  # octets
_LOG_FLAGS: Final = {
    "tcp sequence": log_transport.LOG_TCPSEQ,
    "tcp options": log_transport.LOG_TCPOPT,
    "ip options": log_transport.LOG_IPOPT,
    "skuid": log_transport.LOG_UID,
    "ether": log_transport.LOG_MACDECODE,
    "all": 0x2F,
}


def compile_statement(statement: statements.Statement, site: Site) -> Match:
    """Raises NotModelled for what has no model here."""
    compile_ = _COMPILERS.get(type(statement))
    if compile_ is None:
        words = statement.words if isinstance(statement, statements.Refusal) else type(statement).__name__
        raise NotModelled(words.lower())
    return compile_(statement, site)


def _object_use(statement: statements.ObjectUse, site: Site) -> Match:
    name = statement.name
    if isinstance(name, tree.Lookup):
        key = compile_expression(name.key, site)
        return MapsObject(key, compile_set(name.set, site, statement.kind))
    assert isinstance(name, tree.Value), "an object has a name"
    return site.object_named(statement.kind, name.octets.decode())


# --- what tells, and what hands on --------------------------------------------------------------------------


def _log(statement: statements.Log, site: Site) -> Match:
    ground, prefix = site.ground, said(statement.prefix or "")
    if len(statement.prefix or "") > _PREFIX_MAX:
        raise NetError(ERANGE)
    if statement.level == "audit":
        return ToAudit()
    if statement.group is not None:
        return LogToGroup(ground.nflog, statement.group, prefix, statement.snaplen)
    flags = 0
    for word in statement.flags:
        flags |= _LOG_FLAGS[word]
    return Log(ground.printk, prefix, flags)


def _dup(statement: statements.Dup, site: Site) -> Match:
    assert statement.to is not None, "evaluation asks for it"
    to, devices = compile_expression(statement.to, site), site.ground.devices
    if site.family == "netdev":
        return DupFrame(devices, to)
    family = NFPROTO_IPV6 if site.family == "ip6" else NFPROTO_IPV4
    device = None if statement.device is None else compile_expression(statement.device, site)
    return Dup(site.ground.paths[family], devices, to, device)


def _notrack(statement: statements.Notrack, site: Site) -> Match:
    return Acting(NoTrack())


def _reset(statement: statements.Reset, site: Site) -> Match:
    assert isinstance(statement.option, tree.TcpOption), "no other option is taken out"
    return TcpOptionReset(field_of(statement.option)[0])


def _set_update(statement: statements.SetUpdate, site: Site) -> Match:
    element = statement.element
    assert isinstance(element, tree.Element), "what is added is an element"
    return SetUpdate(
        statement.operation,
        site.set_named(statement.name),
        compile_expression(element.key, site),
        None if element.data is None else compile_expression(element.data, site),
        timeout=jiffies_of(element.timeout, site.clock.hz),
        statements=tuple(_stateful(one, site) for one in element.statements),
    )


def _meter(statement: statements.Meter, site: Site) -> Match:
    element = statement.element
    assert isinstance(element, tree.Element), "what is added is an element"
    return compile_meter(statement, tuple(_stateful(one, site) for one in element.statements), site)


def _stateful(statement: object, site: Site) -> Stateful:
    """One that each element has of its own."""
    assert isinstance(statement, statements.Statement), "an element has no other ones"
    made = compile_statement(statement, site)
    assert isinstance(made, Stateful), "evaluation lets no other one in"
    return made


_Compiler = Callable[..., Match]  # of one kind of statement, and its site
_COMPILERS: Final[Mapping[type, _Compiler]] = {
    statements.Match: compile_match,
    **dict.fromkeys(COUNTING, compile_counting),
    statements.ObjectUse: _object_use,
    statements.Log: _log,
    statements.Dup: _dup,
    statements.Notrack: _notrack,
    statements.Reset: _reset,
    statements.Assign: compile_assign,
    statements.SetUpdate: _set_update,
    statements.Meter: _meter,
}
