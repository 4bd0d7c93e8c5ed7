"""What `conntrack` does with the table `expect`.

Linux: conntrack-tools src/conntrack.c, net/netfilter/nf_conntrack_netlink.c ctnetlink_create_expect()
"""

from __future__ import annotations

from pystack.applets.conntrack.create import original_of
from pystack.applets.conntrack.options import Options
from pystack.errors import EBUSY, EEXIST, EMFILE, ENOENT, EOPNOTSUPP, ESRCH, NetError
from pystack.netfilter.conntrack.conn import DEFAULT_ZONE
from pystack.netfilter.conntrack.context import TrackContext
from pystack.netfilter.conntrack.expectation import Expectation, Refusal
from pystack.netfilter.conntrack.helper import help_of
from pystack.netfilter.conntrack.tuples import Tuple
from pystack.wire.ipv4 import IPPROTO_TCP

_ERRNOS = {Refusal.BUSY: EBUSY, Refusal.ALREADY: EEXIST, Refusal.FULL: EMFILE, Refusal.NO_HELP: EOPNOTSUPP}


def find(options: Options, context: TrackContext) -> Expectation:
    """The one that covers a flow. Raises NetError(ENOENT). Linux: ctnetlink_get_expect()"""
    expected = context.expectations.find(original_of(options), DEFAULT_ZONE)
    if expected is None:
        raise NetError(ENOENT)
    return expected


def create(options: Options, context: TrackContext) -> None:
    """Expect a connection in the name of another one. Raises NetError. Linux: ctnetlink_create_expect()"""
    master_flow = original_of(options)
    master = context.find(master_flow.key)
    if master is None:
        raise NetError(ESRCH)
    if help_of(master) is None:
        raise NetError(EOPNOTSUPP)
    wanted, masks = options.expected, options.masks
    flow = Tuple(
        master_flow.family,
        _protocol(master_flow.protocol, wanted.get("dport", 0)),
        wanted["saddr"],
        wanted["daddr"],
        wanted.get("sport", 0),
        wanted.get("dport", 0),
    )
    expected = Expectation(master, flow, address_mask=masks.get("saddr", 0), port_mask=masks.get("sport", 0))
    refusal = context.expectations.expect(expected)
    if refusal is not None:
        raise NetError(_ERRNOS[refusal])


def _protocol(protocol: int, port: int) -> int:
    """The tool takes half of the port for TCP's number.

    Linux: conntrack-tools extensions/libct_proto_tcp.c parse_options()
    """
    return port >> 8 if protocol == IPPROTO_TCP else protocol
