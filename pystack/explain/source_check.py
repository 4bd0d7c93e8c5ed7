"""Can a packet really come from there? What was held against its source, and what spoke for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pystack.drop import IP_INVALID_DEST, IP_INVALID_SOURCE, IP_LOCALNET, NOT_A_MEMBER, DropReason
from pystack.explain.lookup import looked_up
from pystack.explain.scene import Scene, Setting
from pystack.explain.stage import Reason
from pystack.l3.fib_types import LOOPBACK_IFINDEX, FibResult, Flow
from pystack.l3.source_check import Arrival
from pystack.wire.ipv4 import INADDR_BROADCAST, address_text, is_loopback, is_multicast, is_zeronet

_STRICT: Final = 1
_MODES: Final = ("off", "strict", "loose")


def was_looked_up(reason: DropReason) -> bool:
    """Whether the tables were asked before a packet was refused for this."""
    return reason not in (IP_LOCALNET, IP_INVALID_SOURCE, NOT_A_MEMBER)


def martian(scene: Scene, arrival: Arrival, reason: DropReason) -> Iterator[Reason]:
    """Why a packet was refused before, or instead of, a look-up. Linux: ip_route_input_slow()"""
    saddr, daddr, dev = arrival.saddr, arrival.daddr, arrival.dev
    if reason is NOT_A_MEMBER:
        yield Reason(f"{address_text(daddr)} was joined by nobody on {dev.name} (ip maddr)")
    elif reason is IP_LOCALNET:
        which = saddr if is_loopback(saddr) else daddr
        localnet = scene.setting("route_localnet", dev)
        yield Reason(f"{address_text(which)} belongs on lo alone, and {localnet.text}", localnet.config)
    elif reason is IP_INVALID_DEST and is_zeronet(daddr):
        yield Reason("nobody has the address 0.0.0.0")
    elif reason is IP_INVALID_SOURCE and (is_multicast(saddr) or saddr in (0, INADDR_BROADCAST)):
        yield Reason(f"nobody sends as {address_text(saddr)}")
    else:
        yield from checked(scene, arrival, 0)
    logged = scene.setting("log_martians", dev)
    if logged.value:
        yield Reason(f"{logged.text}: the kernel's log tells of it", logged.config)


def checked(scene: Scene, arrival: Arrival, oif: int) -> Iterator[Reason]:
    """Linux: net/ipv4/fib_frontend.c fib_validate_source()"""
    saddr, dev = arrival.saddr, arrival.dev
    mode = scene.setting("rp_filter", dev)
    held = scene.netns.ipv4.addresses.holder(saddr)
    if held is not None:
        accepts = scene.setting("accept_local", dev)
        owner = f"source {address_text(saddr)} is an address of {held.dev.name} here"
        yield Reason(f"{owner}, and {accepts.text}", scene.config_of(held))
    elif not mode.value:
        yield Reason(f"source {address_text(saddr)} is not checked: {mode.text}", mode.config)
    else:
        yield from _way_back(scene, arrival, oif, mode)


def _way_back(scene: Scene, arrival: Arrival, oif: int, mode: Setting) -> Iterator[Reason]:
    saddr, dev, name = address_text(arrival.saddr), arrival.dev, _MODES[min(mode.value, 2)]
    mark = arrival.mark if scene.setting("src_valid_mark", dev).value else 0
    back = Flow(arrival.saddr, arrival.daddr, iif=oif or LOOPBACK_IFINDEX, tos=arrival.tos, mark=mark)
    story = looked_up(scene, back)
    matched = [reason for reason in story.reasons[-2:-1] if reason.text.endswith("it matches")]
    for reason in (*matched, *story.reasons[-1:]):
        yield Reason(f"  back to {saddr}: {reason.text}", reason.config)
    found = story.found
    if not isinstance(found, FibResult):
        verdict = f"there is no way back to {saddr} at all, and {name} needs one"
    elif any(hop.dev is dev for hop in found.info.nexthops):
        verdict = f"the way back to {saddr} is {dev.name}, as it came"
    elif mode.value == _STRICT:
        verdict = f"the way back to {saddr} is not {dev.name}, by which it came, and strict needs that"
    else:
        verdict = (
            f"the way back to {saddr} is not {dev.name}, by which it came, but loose needs any way alone"
        )
    yield Reason(f"{verdict} ({mode.text}: {name})", mode.config)
