"""Named objects: counters, quotas, limits, and what is named for connections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from pystack.applets.nft.compile.live import statement_now
from pystack.applets.nft.compile.site import Site
from pystack.applets.nft.compile.statement import compile_statement
from pystack.applets.nft.tree.commands import ObjectText
from pystack.errors import EINVAL, ENOENT, EOPNOTSUPP, EPROTO, ERANGE, NetError, NotModelled
from pystack.netfilter.conntrack import helpers
from pystack.netfilter.hooks import NFPROTO_IPV4, NFPROTO_IPV6
from pystack.netfilter.nft.statements.ct_objects import CtHelper, CtTimeout
from pystack.netfilter.rule import Match
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP

_PROTOCOLS: Final = {"tcp": IPPROTO_TCP, "udp": IPPROTO_UDP}
_FAMILIES: Final = {"ip": (NFPROTO_IPV4,), "ip6": (NFPROTO_IPV6,), "inet": (NFPROTO_IPV4, NFPROTO_IPV6)}
# What net.netfilter.nf_conntrack_* calls a state of a timeout policy, by protocol; the first is that of a
# connection from which nothing has come back.
_TIMES: Final[Mapping[str, Mapping[str, str]]] = {
    "udp": {"unreplied": "udp_timeout", "replied": "udp_timeout_stream"},
    "tcp": {
        **{
            state: f"tcp_timeout_{state}"
            for state in (
                *("syn_sent", "syn_recv", "established", "fin_wait", "close_wait"),
                *("last_ack", "time_wait", "close"),
            )
        },
        "syn_sent2": "tcp_timeout_syn_sent2",
        "retrans": "tcp_timeout_max_retrans",
        "unack": "tcp_timeout_unacknowledged",
    },
}


def compile_object(text: ObjectText, site: Site) -> Match:
    """A statement that has a name. Raises NetError, or NotModelled."""
    if text.statement is not None:
        return compile_statement(text.statement, site)
    if text.kind == "ct helper":
        return _helper(text, site)
    if text.kind == "ct timeout":
        return _timeout(text, site)
    assert text.kind == "limit", "others have a statement of their own"
    raise NetError(EINVAL)


def object_now(text: ObjectText, made: Match) -> ObjectText:
    """With its counts as they are."""
    if text.statement is None:
        return text
    return replace(text, statement=statement_now(text.statement, made))


def _need_connections(site: Site) -> None:
    """Linux: net/netfilter/nf_conntrack_proto.c nf_ct_netns_get()"""
    if site.family not in _FAMILIES:
        raise NetError(EPROTO)


def _helper(text: ObjectText, site: Site) -> Match:
    """Linux: net/netfilter/nft_ct.c nft_ct_helper_obj_init()"""
    if "type" not in text.fields:
        raise NetError(ERANGE)
    _need_connections(site)
    name, family = str(text.fields["type"]), str(text.fields.get("l3proto") or site.family)
    helper = helpers.find(name, _PROTOCOLS[str(text.fields["protocol"])])
    if helper is None and name in helpers.OTHERS:
        raise NotModelled(f"the helper {name}", tuple(known.name for known in helpers.HELPERS))
    if helper is None:
        raise NetError(ENOENT)
    return CtHelper(helper, _FAMILIES[family])


def _timeout(text: ObjectText, site: Site) -> Match:
    """Times that the policy does not say are those of now. Linux: nft_ct_timeout_obj_init()"""
    if "protocol" not in text.fields:
        raise NetError(EOPNOTSUPP)
    _need_connections(site)
    context, protocol = site.ground.context, str(text.fields["protocol"])
    names, policy = _TIMES[protocol], text.fields.get("policy", {})
    assert isinstance(policy, Mapping), "states and seconds"
    times = replace(context.conf, **{names[state]: seconds for state, seconds in policy.items()})
    first = getattr(times, next(iter(names.values())))
    return CtTimeout(context, _PROTOCOLS[protocol], times, first)
