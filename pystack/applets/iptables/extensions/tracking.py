"""How connections are to be tracked, and by whose help: CT, NOTRACK; helper."""

from __future__ import annotations

from typing import Final

from pystack.applets.iptables.extension import MatchExtension, Site, TargetExtension
from pystack.applets.iptables.option import Option, Values, Where, number, quoted
from pystack.applets.iptables.refused import Refused
from pystack.applets.tcpdump.names import Names
from pystack.errors import EINVAL, ENOENT, NotModelled
from pystack.netfilter.conntrack import helpers
from pystack.netfilter.conntrack.conn import ZONE_DIR_BOTH, ZONE_DIR_ORIGINAL, ZONE_DIR_REPLY, Zone
from pystack.netfilter.conntrack.helper import Helper
from pystack.netfilter.matches.conntrack import CtHelper
from pystack.netfilter.rule import Match, Target
from pystack.netfilter.targets.conntrack import Ct, NoTrack

_ZONES: Final = {"zone": ZONE_DIR_BOTH, "zone-orig": ZONE_DIR_ORIGINAL, "zone-reply": ZONE_DIR_REPLY}
_BY_MARK: Final = "mark"
_EVENTS: Final = (
    "new",
    "related",
    "destroy",
    "reply",
    "assured",
    "protoinfo",
    "helper",
    "mark",
    "natseqinfo",
    "secmark",
)
_EXPECTATION_EVENTS: Final = ("new",)
_LONGEST_NAME: Final = 29  # of a helper, in the match
_BEFORE_ZONE: Final = ("helper", "timeout", "ctevents", "expevents")


def _name(text: str, where: Where) -> str:
    """What is too long is cut off, not refused."""
    return text[:_LONGEST_NAME]


class HelperMatch(MatchExtension):
    """Linux: libxt_helper.c"""

    name = "helper"
    options = (Option("helper", _name, quoted, required=True, invert=True),)

    def listing(self, values: Values, names: Names | None) -> str:
        """`helper match "ftp"`"""
        given = values["helper"]
        return f'helper match {"! " * given.inverted}"{given.value}"'

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test."""
        given = values["helper"]
        return (CtHelper(given.value, given.inverted),)


# --- CT -----------------------------------------------------------------------------------------------------


def _zone(text: str, where: Where) -> int | str:
    if text == _BY_MARK:
        return text
    value = number(text, 0xFFFF)
    if value is None:
        raise Refused(f"Cannot parse {text} as a zone ID")
    return value


def _anything(text: str, where: Where) -> str:
    return text


def _events(text: str, where: Where) -> int:
    """Linux: libxt_CT.c ct_parse_events()"""
    known = _EVENTS if where.option == "ctevents" else _EXPECTATION_EVENTS
    bits = 0
    for word in text.split(","):
        if word not in known:
            raise Refused(f'Unknown event type "{word}"')
        bits |= 1 << known.index(word)
    return bits


def _show_events(bits: int) -> str:
    return ",".join(name for at, name in enumerate(_EVENTS) if bits & 1 << at)


class CtTarget(TargetExtension):
    """Linux: libxt_CT.c"""

    name = "CT"
    tables = ("raw",)
    options = (
        Option("notrack"),
        Option("helper", _anything),
        Option("timeout", _anything),
        Option("ctevents", _events, _show_events),
        Option("expevents", _events, _show_events),
        *(Option(name, _zone) for name in _ZONES),
    )

    def kernel_error(self, values: Values, site: Site) -> int:
        """No policies for timeouts can be made, so none is ever found. Linux: xt_CT.c xt_ct_tg_check()"""
        error = super().kernel_error(values, site)
        if error or "notrack" in values:
            return error
        if _text(values, "helper") and self._helper(values, site) is None:
            return ENOENT
        if _text(values, "timeout"):
            return ENOENT if _protocol(site) else EINVAL
        return 0

    def save(self, values: Values) -> str:
        """Only the zone that was named last counts; none is zone 0."""
        return " ".join(f"--{word}" for word in _ct_words(values))

    def listing(self, values: Values, names: Names | None) -> str:
        """`CT zone 5`"""
        return " ".join(("CT", *_ct_words(values)))

    def compile(self, values: Values, site: Site) -> Target:
        """Linux: xt_CT.c xt_ct_tg_check()"""
        if "notrack" in values:
            return NoTrack()
        helper = self._helper(values, site) if _text(values, "helper") else None
        heeded = site.conntrack.context.heeds_choices
        told, told_expected = (
            values[name].value if name in values and heeded else 0 for name in ("ctevents", "expevents")
        )
        return Ct(_zone_of(values), helper, told, told_expected)

    def _helper(self, values: Values, site: Site) -> Helper | None:
        """Raises NotModelled for one that Linux has."""
        name, protocol = _text(values, "helper"), _protocol(site)
        if name in helpers.OTHERS and protocol:
            raise NotModelled(
                f"iptables -j CT --helper {name}", tuple(helper.name for helper in helpers.HELPERS)
            )
        return helpers.find(name, protocol)


def _text(values: Values, name: str) -> str:
    return str(values[name].value) if name in values else ""


def _protocol(site: Site) -> int:
    """The one that -p says. Linux: xt_ct_find_proto()"""
    return 0 if site.header.protocol_inverted else site.header.protocol


def _zone_of(values: Values) -> Zone:
    name = _last_zone(values)
    if name is None:
        return Zone()
    value = values[name].value
    if value == _BY_MARK:
        return Zone(0, _ZONES[name], by_mark=True)
    return Zone(value, _ZONES[name])


def _last_zone(values: Values) -> str | None:
    given = [name for name in values if name in _ZONES]
    return given[-1] if given and values[given[-1]].value != 0 else None


def _ct_words(values: Values) -> list[str]:
    words = ["notrack"] if "notrack" in values else []
    for option in CtTarget.options:
        given = values.get(option.name)
        if option.name in _BEFORE_ZONE and given is not None and given.value:
            words.append(f"{option.name} {option.show(given.value)}")
    name = _last_zone(values)
    return words + ([] if name is None else [f"{name} {values[name].value}"])


class NoTrackTarget(TargetExtension):
    """Linux: libxt_CT.c notrack_ct2_tg_reg"""

    name = "NOTRACK"
    listed_as = "CT"
    tables = ("raw",)

    def listing(self, values: Values, names: Names | None) -> str:
        """`NOTRACK`"""
        return "NOTRACK"

    def compile(self, values: Values, site: Site) -> Target:
        """The same as CT --notrack."""
        return NoTrack()


EXTENSIONS: Final = (HelperMatch(), CtTarget(), NoTrackTarget())
