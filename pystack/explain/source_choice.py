"""With which source address a packet goes out: which were walked, and why each was passed over."""

from __future__ import annotations

from collections.abc import Iterator

from pystack.applets.iproute.names import SCOPES
from pystack.explain.scene import Scene
from pystack.explain.stage import Reason
from pystack.l2.devices import Link
from pystack.l3.addresses import RT_SCOPE_HOST, RT_SCOPE_LINK, Address
from pystack.l3.fib_types import RTN_LOCAL, FibResult
from pystack.wire.ipv4 import address_text


def given(scene: Scene, saddr: int, by: str) -> Reason:
    """The sender has one already: nothing is chosen."""
    held = scene.netns.ipv4.addresses.holder(saddr)
    owner = "" if held is None else f", of {held.dev.name}"
    config = "" if held is None else scene.config_of(held)
    return Reason(f"source {address_text(saddr)}{owner}: {by}", config)


def by_route(scene: Scene, found: FibResult, daddr: int) -> Iterator[Reason]:
    """The route has the last word. Linux: net/ipv4/fib_semantics.c fib_result_prefsrc()"""
    prefsrc = found.info.prefsrc
    if prefsrc:
        which = "the local route" if found.type == RTN_LOCAL else "the route"
        yield Reason(f"source {address_text(prefsrc)}: the src of {which}", scene.line_of_route(found.route))
    elif found.type == RTN_LOCAL:
        yield Reason(f"source {address_text(daddr)}: the destination itself, which is ours")
    else:
        hop = found.nexthop
        yield Reason("the route has no src: the addresses are walked")
        yield from walked(scene, hop.dev, hop.gateway, found.info.scope)


def walked(scene: Scene, dev: Link | None, gateway: int, scope: int) -> Iterator[Reason]:
    """Linux: net/ipv4/devinet.c inet_select_addr()"""
    addresses = scene.netns.ipv4.addresses
    chosen = addresses.select(dev, gateway, scope)
    fallback = None
    for held in addresses.of(dev) if dev is not None else ():
        why_not = _why_not_here(scene, held, gateway, scope)
        if why_not is None:
            return (yield _taken(scene, held))
        yield Reason(f"  {_name(held)}: {why_not}", scene.config_of(held))
        if fallback is None and held.local == chosen and _is_fit(scene, held, scope):
            fallback = held
    if fallback is not None:
        return (yield _taken(scene, fallback, ": no network holds the gateway, so the first that will do"))
    if dev is not None and not addresses.of(dev):
        yield Reason(f"  {dev.name} has no address: those of the other devices are walked")
    for other in addresses.devices():
        for held in addresses.of(other):
            why_not = _why_not_elsewhere(held, scope)
            if why_not is None:
                return (yield _taken(scene, held))
            if other is not dev:
                yield Reason(f"  {_name(held)}: {why_not}", scene.config_of(held))
    yield Reason("source 0.0.0.0: no address will do, and the packet goes out all the same")


def _taken(scene: Scene, held: Address, why: str = "") -> Reason:
    text = f"source {address_text(held.local)}, of {held.dev.name}"
    return Reason(text + (why or ": the first that will do"), scene.config_of(held))


def _name(held: Address) -> str:
    return f"{address_text(held.local)}/{held.prefixlen} of {held.dev.name}"


def _why_not_here(scene: Scene, held: Address, gateway: int, scope: int) -> str | None:
    if held.is_secondary:
        return "secondary"
    if not _is_fit(scene, held, scope):
        return _too_narrow(held, scope)
    if gateway and not held.holds(gateway):
        return f"its network does not hold the gateway {address_text(gateway)}"
    return None


def _is_fit(scene: Scene, held: Address, scope: int) -> bool:
    localnet = scene.setting("route_localnet", held.dev)
    widest = RT_SCOPE_LINK if localnet.value else RT_SCOPE_HOST
    return not held.is_secondary and min(held.scope, widest) <= scope


def _why_not_elsewhere(held: Address, scope: int) -> str | None:
    if held.is_secondary:
        return "secondary"
    if held.scope == RT_SCOPE_LINK:
        return "scope link is for its own link only"
    return None if held.scope <= scope else _too_narrow(held, scope)


def _too_narrow(held: Address, scope: int) -> str:
    return f"scope {SCOPES.name(held.scope)} is narrower than the way's ({SCOPES.name(scope)})"
