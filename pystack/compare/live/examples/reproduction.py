"""A packet of a live namespace as a scenario: the setup of the copy, what had passed before of the same flow,
and the packet itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from pystack.applets.conntrack.save import save_line
from pystack.compare.lab.scenario_file import FAMILIES
from pystack.compare.live.examples.sockets import RENO, Sockets, Untold
from pystack.compare.live.frames import small_frames
from pystack.compare.live.history import Seen, Story
from pystack.compare.live.judge import Verdict
from pystack.compare.live.passing import ENTRY
from pystack.compare.records import Hop
from pystack.compare.refusals import connection_key, datagram_key, refusal
from pystack.compare.scenario import IPV4_ALONE, Run, Scenario, Send, Step, Topology
from pystack.hooks.imported.building import Building
from pystack.hooks.imported.text import lines
from pystack.l2.bridge import Bridge
from pystack.wire.ethernet import mac_text

_LEARNED: Final = " nud "  # a neighbour's state; a lab forgets what is not permanent
_BRIDGED: Final = slice(0, 12)  # both addresses of a frame


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A scenario, and what of the live packet could not be carried over into it: a sentence each."""

    scenario: Scenario
    lacks: list[str] = field(default_factory=list)


def reproduction(building: Building, story: Story, verdict: Verdict) -> Reproduction:
    """As the copy is now."""
    seen = story.until(verdict.number)
    sockets, lacks = Sockets(), list(_lacks(story))
    steps = [*_connection(story), *_steps(seen, sockets, building, lacks)]
    hops = [*(hop for one in seen for hop in one.beginnings), *verdict.kernel, *verdict.pystack]
    setup = [*_setup(building, hops), *([RENO] if sockets.uses_tcp else [])]
    topology = Topology(tuple(building.ports), "".join(f"{line}\n" for line in setup))
    families = {hop.family for hop in hops}
    family = tuple(one for one in FAMILIES if one in families) or IPV4_ALONE
    return Reproduction(Scenario("<live>", "", topology, tuple(steps), family=family), lacks)


def _lacks(story: Story) -> Iterator[str]:
    if story.forgotten:
        yield f"{story.forgotten} packets of the flow before these: its connection alone is carried over"


# --- the setup ------------------------------------------------------------------------------------------


def _setup(building: Building, hops: Iterable[Hop]) -> Iterator[str]:
    """The commands that make the copy; its ports have the addresses of the live ones."""
    for name, port in building.ports.items():
        yield f"ip link set {name} address {mac_text(port.address)}"
    for line in lines(building):
        if line.startswith("#"):
            continue
        head, found, _ = line.partition(_LEARNED)
        yield f"{head}{_LEARNED}permanent" if found and line.startswith("ip neigh") else line
    yield from _stations(building, hops)


def _stations(building: Building, hops: Iterable[Hop]) -> Iterator[str]:
    """Who was known to be behind a bridge's port, of those whom these frames name."""
    ends = {hop.data[_BRIDGED] for hop in hops}
    named = {address for both in ends for address in (both[:6], both[6:])}
    for bridge in building.netns.devices:
        if not isinstance(bridge, Bridge):
            continue
        for entry in bridge.fdb:
            if entry.learned and not entry.added_by_user and entry.port and entry.address in named:
                where = f"dev {entry.port.dev.name} master dynamic"
                yield f"bridge fdb replace {mac_text(entry.address)} {where}"


def _connection(story: Story) -> Iterator[Step]:
    """What was tracked before; a lab forgets connections that its setup makes."""
    if story.before is not None:
        mark = f" -m {story.before.mark}" if story.before.mark else ""
        yield Run(f"conntrack {save_line(story.before, 'I')}{mark}")


# --- the packets ----------------------------------------------------------------------------------------


def _steps(seen: Sequence[Seen], sockets: Sockets, building: Building, lacks: list[str]) -> Iterator[Step]:
    refused = {refusal(hop.data)[0] for one in seen if one.is_answer for hop in one.beginnings if _is_ip(hop)}
    for one in seen:
        if one.is_answer:  # it comes by itself
            continue
        if one.taken and not refused & {datagram_key(one.taken), connection_key(one.taken)}:
            yield from sockets.taken(one.taken)
        for hop in one.beginnings:
            if (hop.family, hop.hook) == ENTRY:
                yield from _frames(hop, sockets, building)
                continue
            try:
                yield from list(sockets.sent(hop.data, hop.mark or 0))
            except Untold as untold:
                lacks.append(f"packet #{one.number}: a program sent {untold}")


def _is_ip(hop: Hop) -> bool:
    return hop.family == "ip" and len(hop.data) >= 20


def _frames(hop: Hop, sockets: Sockets, building: Building) -> Iterator[Step]:
    port = hop.indev or ""
    mtu = building.ports[port].mtu if port in building.ports else len(hop.data)
    for frame in small_frames(hop.data, mtu):
        told = sockets.relative(frame) if sockets.uses_tcp else frame
        yield Send(port, (told,), told.hex(), relative=sockets.uses_tcp)
