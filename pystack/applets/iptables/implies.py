"""Whether what one match asks of a packet follows from what another one asks.

Only what can be shown is said: a False means nothing. Matches that remember, count or draw lots are never
compared, for they may answer otherwise the second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from pystack.netfilter.conntrack.info import STATE_DNAT, STATE_SNAT
from pystack.netfilter.matches import fields, header, icmp, meta, ports
from pystack.netfilter.matches.conntrack import Conntrack, CtState
from pystack.netfilter.rule import Match

# What no target but NAT's can change, behind which no rule of the table is asked.
_STABLE: Final = (
    header.Source,
    header.Destination,
    header.InInterface,
    header.OutInterface,
    header.Protocol,
    header.UpperProtocol,
    header.Fragment,
    ports.SourcePort,
    ports.DestinationPort,
    ports.Multiport,
    ports.Whole,
    ports.TcpFlags,
    icmp.IcmpType,
    fields.AddressRange,
    meta.PacketType,
    meta.MacSource,
    meta.PhysDev,
    meta.DeviceGroup,
)
_CHANGEABLE: Final = (fields.Length, fields.Ttl, fields.Tos, meta.Mark, CtState)
_ON_PORTS: Final = (ports.SourcePort, ports.DestinationPort, ports.Multiport)


def is_stable(test: Match) -> bool:
    """Whether a packet answers the same at every rule of a table."""
    return isinstance(test, _STABLE)


def normal(tests: Iterable[Match]) -> tuple[Match, ...]:
    """The same with states taken out of where they are asked alone."""
    return tuple(
        test.state if isinstance(test, Conntrack) and test.state is not None and not test.parts else test
        for test in tests
    )


def follows(wanted: Match, given: Iterable[Match]) -> bool:
    """Whether a packet that is all that is `given` is also what is `wanted`."""
    return any(_implies(one, wanted) for one in given)


def is_comparable(test: Match) -> bool:
    """Whether anything can be said of it."""
    return isinstance(test, (*_STABLE, *_CHANGEABLE))


def is_impossible(test: Match) -> bool:
    """Whether no packet is like that."""
    ranges: list[ports.Range | None] = []
    if isinstance(test, ports.SourcePort | ports.DestinationPort):
        ranges = [test.ports]
    elif isinstance(test, fields.Length):
        ranges = [test.lengths]
    elif isinstance(test, fields.Ttl):
        ranges = [test.ttls]
    elif isinstance(test, fields.AddressRange):
        ranges = [test.source, test.destination]
    return any(one is not None and one.low > one.high and not one.inverted for one in ranges)


def _implies(given: Match, wanted: Match) -> bool:
    if not is_comparable(wanted):
        return False
    if given == wanted:
        return True
    if isinstance(wanted, ports.Whole):  # what is too short for a port never gets past that test
        return isinstance(given, _ON_PORTS)
    if isinstance(wanted, ports.Multiport) and isinstance(given, ports.DestinationPort):
        return not wanted.inverted and not wanted.sources and _in_any(given.ports, wanted.ranges)
    if isinstance(wanted, ports.DestinationPort) and isinstance(given, ports.Multiport):
        plain = not given.inverted and not given.sources
        return plain and all(_contains(wanted.ports, one) for one in given.ranges)
    compare = _BY_TYPE.get(type(wanted))
    return compare is not None and type(given) is type(wanted) and compare(given, wanted)


def _networks(given: Any, wanted: Any) -> bool:
    """Of Source and Destination."""
    both = given.mask & wanted.mask
    differ = (given.network ^ wanted.network) & both
    if given.inverted:  # outside the one follows from outside the other if the other is the larger
        return bool(wanted.inverted and both == given.mask and not differ)
    if wanted.inverted:
        return bool(differ)
    return bool(both == wanted.mask and not differ)


def _devices(given: Any, wanted: Any) -> bool:
    """Of names that may end in +."""
    if given.inverted:
        return bool(wanted.inverted) and _name_covers(given.name, wanted.name)
    if wanted.inverted:
        return not _may_be_both(given.name, wanted.name)
    return _name_covers(wanted.name, given.name)


def _name_covers(pattern: str, name: str) -> bool:
    if not pattern.endswith("+"):
        return pattern == name
    return name.removesuffix("+").startswith(pattern[:-1])


def _may_be_both(one: str, other: str) -> bool:
    return _name_covers(one, other) or _name_covers(other, one)


def _protocols(given: Any, wanted: Any) -> bool:
    if given.inverted:
        return bool(wanted.inverted and given.number == wanted.number)
    return bool((given.number == wanted.number) != wanted.inverted)


def _states(given: CtState, wanted: CtState) -> bool:
    """A packet has one state, and may be translated besides."""
    if given.inverted:
        return wanted.inverted and not wanted.states & ~given.states
    if not wanted.inverted:
        return not given.states & ~wanted.states
    translated = (given.states | wanted.states) & (STATE_SNAT | STATE_DNAT)
    return not translated and not given.states & wanted.states


def _multiports(given: ports.Multiport, wanted: ports.Multiport) -> bool:
    alike = (given.sources, given.destinations) == (wanted.sources, wanted.destinations)
    if not alike or given.inverted or wanted.inverted:
        return False
    return all(_in_any(one, wanted.ranges) for one in given.ranges)


def _in_any(one: ports.Range, ranges: Iterable[ports.Range]) -> bool:
    return any(_contains(known, one) for known in ranges)


def _contains(large: ports.Range, small: ports.Range) -> bool:
    if small.inverted:
        return large.inverted and small.low <= large.low and large.high <= small.high
    if large.inverted:
        return large.low <= large.high and (small.high < large.low or large.high < small.low)
    return large.low <= small.low and small.high <= large.high


def _range(name: str) -> Callable[[Any, Any], bool]:
    return lambda given, wanted: _contains(getattr(wanted, name), getattr(given, name))


def _address_ranges(given: fields.AddressRange, wanted: fields.AddressRange) -> bool:
    ends = ((wanted.source, given.source), (wanted.destination, given.destination))
    return all(large is None or (small is not None and _contains(large, small)) for large, small in ends)


_BY_TYPE: Final[dict[type[Match], Callable[[Any, Any], bool]]] = {
    header.Source: _networks,
    header.Destination: _networks,
    header.InInterface: _devices,
    header.OutInterface: _devices,
    header.Protocol: _protocols,
    header.UpperProtocol: _protocols,
    ports.SourcePort: _range("ports"),
    ports.DestinationPort: _range("ports"),
    ports.Multiport: _multiports,
    fields.Length: _range("lengths"),
    fields.Ttl: _range("ttls"),
    fields.AddressRange: _address_ranges,
    CtState: _states,
}
