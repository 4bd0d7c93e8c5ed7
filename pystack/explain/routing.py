"""Where a packet is routed, and why: rules, tables, the source's check, and the source's choice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from pystack.drop import DropReason
from pystack.errors import NetError
from pystack.explain import lengths, source_check, source_choice
from pystack.explain.lookup import asked_again, looked_up
from pystack.explain.scene import Scene
from pystack.explain.sender import Sender
from pystack.explain.stage import Reason, Told
from pystack.l2.devices import Link
from pystack.l3.addresses import RT_SCOPE_LINK, RT_SCOPE_UNIVERSE
from pystack.l3.fib_types import IPTOS_RT_MASK, RTN_LOCAL, RTN_UNICAST, FibResult, Flow
from pystack.l3.flow_keys import flow_keys
from pystack.l3.path_choice import L4_POLICY
from pystack.l3.route import RTCF_BROADCAST, RTCF_DOREDIRECT, RTCF_MULTICAST, RTCF_REDIRECTED, Rtable
from pystack.l3.source_check import Arrival
from pystack.packet import Packet
from pystack.sock.inet import InetSocket
from pystack.wire import icmp
from pystack.wire.ipv4 import (
    INADDR_BROADCAST,
    IPPROTO_ICMP,
    Ipv4Header,
    address_text,
    is_loopback,
    is_multicast,
    is_zeronet,
)

_LOCAL_GROUPS: Final = 0xE00000  # 224.0.0.0/24
FOR_US: Final = "for this host"
_INPUT: Final = "net/ipv4/route.c ip_route_input_slow()"
_AGAIN: Final = "net/ipv4/netfilter.c ip_route_me_harder()"
_OUTPUT: Final = "net/ipv4/route.c ip_route_output_key_hash_rcu()"

# --- in ---------------------------------------------------------------------------------------------------


def routed_in(scene: Scene, pkt: Packet, header: Ipv4Header) -> Told:
    """The decision about a packet that came in; asked just before it is made."""
    if isinstance(pkt.route, Rtable):
        return Told("not routed again: what comes back to its sender has a route", _INPUT)
    dev = pkt.dev
    assert isinstance(dev, Link)
    router = scene.netns.ipv4.router
    decision = router.route_input(header.daddr, header.saddr, header.tos, pkt.mark, dev, pkt)
    arrival = Arrival(header.daddr, header.saddr, header.tos, pkt.mark, dev, pkt)
    told = arrived(scene, arrival, decision)
    if not isinstance(decision, Rtable) or decision.error or decision.dev is scene.netns.loopback:
        return told
    return replace(told, reasons=told.reasons + lengths.refused(scene, header, decision))


def arrived(scene: Scene, arrival: Arrival, decision: Rtable | DropReason) -> Told:
    """What is to be said of a decision about something that came in."""
    reasons = tuple(_why_in(scene, arrival, decision))
    if isinstance(decision, DropReason):
        return Told(f"refused: {decision.sentence}", _INPUT, reasons)
    if decision.error:
        return Told(f"nowhere: {NetError(decision.error).text}", _INPUT, reasons)
    return Told(way(scene, decision), _INPUT, reasons)


def _why_in(scene: Scene, arrival: Arrival, decision: Rtable | DropReason) -> Iterator[Reason]:
    fib, dev = scene.netns.ipv4.fib, arrival.dev
    forwards = scene.netns.ipv4.confs.of(dev).forwarding
    if _is_for_many(arrival.daddr) or is_zeronet(arrival.daddr):
        if isinstance(decision, DropReason):
            return (yield from source_check.martian(scene, arrival, decision))
        return (yield Reason(_joined(arrival)))
    if isinstance(decision, DropReason) and not source_check.was_looked_up(decision):
        return (yield from source_check.martian(scene, arrival, decision))
    story = looked_up(scene, arrival.flow(fib))
    yield from story.reasons
    found = story.found
    leads_on = isinstance(found, FibResult) and found.type == RTN_UNICAST
    if not forwards and _is_refused(decision) and (leads_on or not isinstance(found, FibResult)):
        text = f"{dev.name}.forwarding is 0: what is not for this host is not passed on"
        return (yield Reason(text, scene.line_of_forwarding(dev)))
    if isinstance(decision, DropReason):
        return (yield from source_check.martian(scene, arrival, decision))
    if decision.error or not isinstance(found, FibResult):
        return
    yield from _among_several(scene, found, decision)
    yield from source_check.checked(scene, arrival, decision.dev.ifindex if leads_on else 0)
    if decision.flags & RTCF_DOREDIRECT:
        yield Reason(f"it leaves by {dev.name}, where it came in: its sender could do without this host")
    yield from _learned(decision)


def _is_refused(decision: Rtable | DropReason) -> bool:
    return isinstance(decision, DropReason) or bool(decision.error)


def _joined(arrival: Arrival) -> str:
    if is_multicast(arrival.daddr):
        return f"{arrival.dev.name} has joined {address_text(arrival.daddr)}"
    return "to everybody on the link"


def _is_for_many(daddr: int) -> bool:
    return is_multicast(daddr) or daddr == INADDR_BROADCAST


# --- out --------------------------------------------------------------------------------------------------


def routed_out(scene: Scene, pkt: Packet, header: Ipv4Header, cause: Ipv4Header | None) -> Told:
    """The decision that a packet made here came with; `cause` is the packet that it answers."""
    route = pkt.route
    if not isinstance(route, Rtable):
        return Told("without a route", _OUTPUT)
    flow = _question(pkt, header)
    reasons = [*why_out(scene, flow, route)]
    if flow.saddr:
        reasons.append(source_choice.given(scene, flow.saddr, _given_by(scene, pkt, header, cause)))
    return Told(f"{way(scene, route)}, source {address_text(header.saddr)}", _OUTPUT, tuple(reasons))


def rerouted(scene: Scene, pkt: Packet, header: Ipv4Header, changes: list[str]) -> Told:
    """The second decision about a packet made here, which a rule changed. Linux: ip_route_me_harder()"""
    route, flow = pkt.route, Flow(header.daddr, header.saddr, tos=header.tos & IPTOS_RT_MASK, mark=pkt.mark)
    flow.oif = 0 if pkt.sock is None else pkt.sock.ifindex
    if scene.netns.ipv4.fib.address_type(flow.saddr) not in (RTN_LOCAL, RTN_UNICAST):
        flow.saddr = 0
    text = f"routed again: {way(scene, route)}" if isinstance(route, Rtable) else "routed again: nowhere"
    reasons = [Reason(change) for change in changes]
    return Told(text, _AGAIN, (*reasons, *looked_up(scene, flow).reasons))


def _question(pkt: Packet, header: Ipv4Header) -> Flow:
    sock = pkt.sock
    proto, sport, dport = flow_keys(pkt)
    flow = Flow(header.daddr, header.saddr, tos=header.tos & IPTOS_RT_MASK, mark=pkt.mark, proto=proto)
    flow.sport, flow.dport = sport, dport
    if isinstance(sock, Sender | InetSocket):
        flow.saddr, flow.oif = sock.saddr, sock.ifindex
    if isinstance(sock, Sender):
        flow.uid = sock.uid
    return flow


def _given_by(scene: Scene, pkt: Packet, header: Ipv4Header, cause: Ipv4Header | None) -> str:
    sock = pkt.sock
    if isinstance(sock, InetSocket) and sock.is_connected:
        return "its socket was connected with it, and keeps it"
    if sock is not None and sock.has_owner:
        return "its socket is bound to it"
    if cause is not None and cause.daddr == header.saddr:
        return "an answer comes from the address that was asked"
    kind = pkt.data[pkt.transport_header : pkt.transport_header + 1]
    if header.protocol != IPPROTO_ICMP or not kind or kind[0] not in icmp.ERROR_TYPES:
        return "chosen by the stack, which answers"
    if scene.netns.ipv4.confs.ipv4.icmp_errors_use_inbound_ifaddr:
        return "of the device by which the packet came (icmp_errors_use_inbound_ifaddr is 1)"
    return "of the way back to the sender (icmp_errors_use_inbound_ifaddr is 0)"


def why_out(scene: Scene, flow: Flow, route: Rtable) -> Iterator[Reason]:
    """Why a local sender's packet takes this way. Linux: ip_route_output_key_hash_rcu()"""
    device = scene.device(flow.oif) if flow.oif else ""
    if not flow.daddr:
        return (yield Reason("to 0.0.0.0 means to this host: by lo, and the tables are not asked"))
    if _needs_no_table(flow):
        whose = f"its socket is bound to {device}" if flow.oif else f"{route.dev.name} has its source"
        yield Reason(f"to many: {whose}, and the tables are not asked")
        if not flow.saddr:
            yield from source_choice.walked(scene, route.dev, 0, RT_SCOPE_LINK)
        return
    story = looked_up(scene, flow)
    yield from story.reasons
    found = story.found
    if not isinstance(found, FibResult):
        yield Reason(f"no route leads out by {device}: {address_text(flow.daddr)} is taken to be on its link")
        if not flow.saddr:
            yield from source_choice.walked(scene, route.dev, 0, RT_SCOPE_LINK)
        return
    if found.type == RTN_LOCAL:
        owner = found.nexthop.dev
        elsewhere = "" if owner in (None, scene.netns.loopback) else f", not {owner.name}"
        yield Reason(f"{address_text(flow.daddr)} is this host's own: the way there is lo{elsewhere}")
    yield from _among_several(scene, found, route)
    yield from _learned(route)
    if not flow.saddr and flow.oif and _is_for_many(flow.daddr):
        yield from source_choice.walked(scene, route.dev, 0, RT_SCOPE_UNIVERSE)
    elif not flow.saddr:
        yield from source_choice.by_route(scene, found, flow.daddr)


def _needs_no_table(flow: Flow) -> bool:
    """Whether the device, or the source's, is the way to many, whatever the tables say."""
    if flow.oif:
        return flow.daddr >> 8 == _LOCAL_GROUPS or flow.daddr == INADDR_BROADCAST
    return bool(flow.saddr) and _is_for_many(flow.daddr)


def why_asked(scene: Scene, flow: Flow) -> Iterator[Reason]:
    """Why a local sender's question is answered as it is, be it by an error."""
    route = scene.netns.ipv4.router.route_output(asked_again(flow))
    if not isinstance(route, Rtable):
        return (yield from _why_no_way(scene, flow))
    yield from why_out(scene, flow, route)
    if flow.saddr:
        yield source_choice.given(scene, flow.saddr, "as it was asked for")


def why_not_bound(scene: Scene, saddr: int) -> Iterator[Reason]:
    """Why bind() takes no such address. Linux: net/ipv4/af_inet.c __inet_bind()"""
    kind = scene.netns.ipv4.fib.address_type(saddr)
    what = "is not an address of this host" if kind == RTN_UNICAST else "is nobody's own"
    yield Reason(f"bind(): {address_text(saddr)} {what}, and net.ipv4.ip_nonlocal_bind is 0")


def _why_no_way(scene: Scene, flow: Flow) -> Iterator[Reason]:
    source, netns = address_text(flow.saddr), scene.netns
    bound_to = netns.devices.by_index(flow.oif) if flow.oif else None
    if is_multicast(flow.saddr) or flow.saddr == INADDR_BROADCAST:
        return (yield Reason(f"nobody sends as {source}"))
    if flow.saddr and netns.ipv4.fib.address_type(flow.saddr) != RTN_LOCAL:
        return (yield Reason(f"{source} is not an address of this host"))
    if bound_to is not None and not bound_to.up:
        return (yield Reason(f"its socket is bound to {bound_to.name}, which is down"))
    story = looked_up(scene, flow)
    yield from story.reasons
    out = story.found.nexthop.dev if isinstance(story.found, FibResult) else bound_to
    if is_loopback(flow.saddr) and out is not None:
        localnet = scene.setting("route_localnet", out)
        yield Reason(f"{source} leaves by lo alone, and {localnet.text}", localnet.config)


# --- both -------------------------------------------------------------------------------------------------


def way(scene: Scene, route: Rtable) -> str:
    """In a few words."""
    if route.is_input and route.dev is scene.netns.loopback:
        if route.flags & RTCF_BROADCAST:
            return f"{FOR_US}: a broadcast"
        return FOR_US + (": a group" if route.flags & RTCF_MULTICAST else "")
    via = f" via {address_text(route.gateway)}" if route.gateway else ""
    return f"by {route.dev.name}{via}"


def _among_several(scene: Scene, found: FibResult, route: Rtable) -> Iterator[Reason]:
    hops = found.info.nexthops
    if len(hops) < 2:
        return
    policy = scene.netns.ipv4.confs.ipv4.fib_multipath_hash_policy
    what = "addresses and ports" if policy == L4_POLICY else "both addresses"
    all_weights = sum(hop.weight for hop in hops)
    for hop in hops:
        name = "" if hop.dev is None else f" dev {hop.dev.name}"
        taken = hop.dev is route.dev and hop.gateway in (0, route.gateway)
        mark = ": this one" if taken else ""
        yield Reason(f"  via {address_text(hop.gateway)}{name}, {hop.weight} of {all_weights} flows{mark}")
    yield Reason(
        f"of {len(hops)} next hops the hash of {what} names one (fib_multipath_hash_policy {policy}); "
        "its seed is this stack's own, so another start, or a kernel, may name another"
    )


def _learned(route: Rtable) -> Iterator[Reason]:
    learned = route.exception
    if route.flags & RTCF_REDIRECTED:
        yield Reason(f"the gateway {address_text(route.gateway)} was learned from an ICMP redirect")
    if learned is not None and learned.live_pmtu:
        left = f"{learned.seconds_left} s"
        yield Reason(f"MTU {learned.live_pmtu} was learned from an ICMP error, for {left} more")
