"""What NAT makes of a packet at a hook: which end becomes what, who said so; where it does nothing, why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pystack.applets.conntrack.text import address_text, flow_line
from pystack.explain import source_choice
from pystack.explain.hooks import IP_FAMILIES, functions_of
from pystack.explain.scene import Scene
from pystack.explain.stage import Reason, Step, Told
from pystack.explain.watcher import Crossing
from pystack.l2.devices import Link
from pystack.l3.addresses import RT_SCOPE_UNIVERSE
from pystack.l3.route import Rtable
from pystack.netfilter import hooks as nf
from pystack.netfilter.conntrack.conn import Conn, tracked
from pystack.netfilter.conntrack.info import (
    IP_CT_IS_REPLY,
    IP_CT_RELATED,
    IP_CT_UNTRACKED,
    ORIGINAL,
    direction,
)
from pystack.netfilter.conntrack.snapshot import snapshot
from pystack.netfilter.conntrack.tuples import WITH_ID, Tuple, inverted, read
from pystack.netfilter.nat.icmp_error import is_icmp
from pystack.netfilter.nat.ranges import MANIP_SRC, manip_of
from pystack.netfilter.nat.setup import CHANGED
from pystack.wire import ipv4

_FUNCTION: Final = "net/netfilter/nf_nat_core.c nf_nat_inet_fn()"
_ERRORS: Final = "net/netfilter/nf_nat_proto.c nf_nat_icmp_reply_translation()"
_ENDS: Final = ("source", "destination")
_STEP: Final = re.compile(r"(ip6?tables-legacy )?nat:")
_NAMES_PORTS: Final = re.compile(r"--to-ports|--random|--to-(source|destination) \S*:")
_TAKEN: Final = "with its own port its answers could be taken for those of another connection"


def asked(steps: Sequence[Step]) -> list[Step]:
    """What the chains of nat said at this crossing; nothing if nobody asked them."""
    return [step for step in steps if _STEP.match(step.text)]


def translated(scene: Scene, crossing: Crossing, said: Sequence[Step]) -> Told | None:
    """What became of the packet; None where nat has nothing to do with it."""
    at_nat = crossing.family in IP_FAMILIES and crossing.hook != nf.FORWARD
    if not at_nat or "nat" not in functions_of(crossing):
        return None
    pkt, manip = crossing.pkt, manip_of(crossing.hook)
    conn = tracked(pkt)
    if conn is None:
        return None if pkt.ctinfo == IP_CT_UNTRACKED else _left_alone(crossing.hook)
    way = direction(pkt.ctinfo)
    if not conn.status & CHANGED[manip if way == ORIGINAL else 1 - manip]:
        text = f"its {_ENDS[manip]} stays as it is (a null binding): no rule of nat says otherwise"
        return Told(text, _FUNCTION) if said else None
    flow = Reason(flow_line(snapshot(conn, scene.netns.conntrack.context)))
    if pkt.ctinfo % IP_CT_IS_REPLY == IP_CT_RELATED and is_icmp(pkt):
        return Told(
            "translated as the connection that it is about, and what it quotes with it", _ERRORS, (flow,)
        )
    was, now = _ends(conn, way, manip)
    text = f"{_ENDS[manip]} {was} becomes {now}"
    if said:
        reasons = (flow, *_why(scene, crossing, conn, said))
        return Told(text, _FUNCTION, reasons, said[-1].config)
    how = (
        "as with the first packet of its connection" if way == ORIGINAL else "what was changed is turned back"
    )
    return Told(f"{text}: {how}", _FUNCTION)


def _left_alone(hook: int) -> Told | None:
    """INVALID packets have no mapping."""
    if hook == nf.POSTROUTING:
        why = Reason("a rule that drops what is INVALID would keep its own source inside")
        return Told("INVALID: not translated, it leaves with the source that it has", _FUNCTION, (why,))
    if hook == nf.PREROUTING:
        why = Reason("an answer to a translated packet is taken for this host's own then, and may get a RST")
        return Told("INVALID: not translated, it goes to the destination that it has", _FUNCTION, (why,))
    return None


def _ends(conn: Conn, way: int, manip: int) -> tuple[str, str]:
    """One end as it was, and as it is."""
    target = inverted(conn.original if way else conn.reply)
    assert target is not None, "what is tracked can be answered"
    before, after = conn.tuple(way), read(target)
    return _end(before, manip, before.sport != after.sport), _end(after, manip, before.sport != after.sport)


def _end(flow: Tuple, manip: int, id_matters: bool) -> str:
    address = address_text(flow.family, flow.saddr if manip == MANIP_SRC else flow.daddr)
    if flow.protocol in WITH_ID:
        return f"{address} id {flow.sport}" if id_matters else address
    port = flow.sport if manip == MANIP_SRC else flow.dport
    if not port:
        return address
    return f"[{address}]:{port}" if flow.family == nf.NFPROTO_IPV6 else f"{address}:{port}"


def _why(scene: Scene, crossing: Crossing, conn: Conn, said: Sequence[Step]) -> Iterator[Reason]:
    decided = said[-1].text
    before, after = read(conn.original), read(conn.reply)
    moved = before.sport != (after.sport if before.protocol in WITH_ID else after.dport)
    if moved and crossing.hook in (nf.INPUT, nf.POSTROUTING) and not _NAMES_PORTS.search(decided):
        yield Reason(_TAKEN)
    if "MASQUERADE" in decided:
        yield from _masquerade_source(scene, crossing)


def _masquerade_source(scene: Scene, crossing: Crossing) -> Iterator[Reason]:
    """Linux: net/netfilter/nf_nat_masquerade.c nf_nat_masquerade_ipv4()"""
    route, header, out = crossing.pkt.route, crossing.pkt.ip, crossing.outdev
    if header is None or not isinstance(out, Link):
        return
    found = route.answer if isinstance(route, Rtable) else None
    if found is not None and found.info.prefsrc:
        src = ipv4.address_text(found.info.prefsrc)
        yield Reason(f"the route's src {src} does not count: MASQUERADE looks at {out.name} alone")
    nexthop = route.nexthop(header.daddr) if isinstance(route, Rtable) else header.daddr
    yield from source_choice.walked(scene, out, nexthop, RT_SCOPE_UNIVERSE)
