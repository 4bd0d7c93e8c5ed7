"""`-m sctp`"""

from __future__ import annotations

from typing import Final

from pystack.applets.iptables.extension import MatchExtension, Site
from pystack.applets.iptables.extensions.ports import port_options, range_of
from pystack.applets.iptables.option import U16, Option, Values, Where, show_range
from pystack.applets.iptables.refused import Refused
from pystack.applets.tcpdump.names import Names
from pystack.netfilter.matches.ports import DestinationPort, SourcePort, Whole
from pystack.netfilter.matches.sctp import HEADER_LENGTH, Chunks
from pystack.netfilter.rule import Match

_Chunk = tuple[int, int, int]  # type, mask, flags
_How = tuple[str, tuple[_Chunk, ...]]

# Names, numbers and the letters of their flags, from bit 7 on. Linux: libxt_sctp.c sctp_chunk_names
CHUNKS: Final = {
    "DATA": (0, "----IUBE"),
    "INIT": (1, "--------"),
    "INIT_ACK": (2, "--------"),
    "SACK": (3, "--------"),
    "HEARTBEAT": (4, "--------"),
    "HEARTBEAT_ACK": (5, "--------"),
    "ABORT": (6, "-------T"),
    "SHUTDOWN": (7, "--------"),
    "SHUTDOWN_ACK": (8, "--------"),
    "ERROR": (9, "--------"),
    "COOKIE_ECHO": (10, "--------"),
    "COOKIE_ACK": (11, "--------"),
    "ECN_ECNE": (12, "--------"),
    "ECN_CWR": (13, "--------"),
    "SHUTDOWN_COMPLETE": (14, "-------T"),
    "I_DATA": (64, "----IUBE"),
    "RE_CONFIG": (130, "--------"),
    "PAD": (132, "--------"),
    "ASCONF": (193, "--------"),
    "ASCONF_ACK": (128, "--------"),
    "FORWARD_TSN": (192, "--------"),
    "I_FORWARD_TSN": (194, "--------"),
}
_BY_NUMBER: Final = {value: (name, flags) for name, (value, flags) in CHUNKS.items()}
_EVERY: Final = tuple((kind, 0, 0) for kind in range(256))
_HOW: Final = ("all", "any", "only")


def _anything(text: str, where: Where) -> str:
    return text.lower()


def _types(how: str, text: str | None, where: Where) -> _How:
    """Linux: libxt_sctp.c parse_sctp_chunks(), parse_sctp_chunk()"""
    if text is None:
        raise Refused("--chunk-types requires two args")
    if how not in _HOW:
        raise Refused('Match type has to be one of "ALL", "ANY" or "ONLY"')
    if text.upper() in ("ALL", "NONE"):
        return how, _EVERY if text.upper() == "ALL" else ()
    found: dict[int, _Chunk] = {}
    for part in filter(None, text.split(",")):
        name, colon, letters = part.partition(":")
        if name.upper() not in CHUNKS:
            raise Refused(f"Unknown sctp chunk `{name}'")
        kind, known = CHUNKS[name.upper()]
        mask = flags = 0
        for letter in letters if colon else "":
            if letter.upper() not in known.replace("-", ""):
                raise Refused(f"Invalid flags for chunk type {list(CHUNKS).index(name.upper())}")
            bit = 0x80 >> known.index(letter.upper())
            mask |= bit
            flags |= bit if letter.isupper() else 0
        found[kind] = kind, mask, flags
    return how, tuple(found[kind] for kind in sorted(found))


def _show_chunk(chunk: _Chunk, *, numeric: bool) -> str:
    kind, mask, flags = chunk
    name, letters = _BY_NUMBER.get(kind, (str(kind), ""))
    text = f"0x{kind:04X}" if numeric else name
    if not mask:
        return text
    shown = ""
    for place, letter in enumerate(letters):
        bit = 0x80 >> place
        if mask & bit:
            shown += letter if flags & bit else letter.lower()
    return f"{text}:{shown}"


def _show(value: _How, *, numeric: bool = False) -> str:
    how, types = value
    if not types or types == _EVERY:
        return f"{how} {'ALL' if types else 'NONE'}"
    return f"{how} {','.join(_show_chunk(chunk, numeric=numeric) for chunk in types)}"


class Sctp(MatchExtension):
    """Linux: libxt_sctp.c"""

    name = "sctp"
    protocols = (132,)
    options = (
        *port_options("sctp"),
        Option(
            "chunk-types",
            _anything,
            _show,
            invert=True,
            more=_types,
            twice="Only one `--chunk-types' allowed",
        ),
    )

    def listing(self, values: Values, names: Names | None) -> str:
        """`sctp dpt:5`"""
        words = ["sctp"]
        for name, shown in (("sport", "spt"), ("dport", "dpt")):
            if name in values and (values[name].value != (0, U16) or values[name].inverted):
                low, high = values[name].value
                bang = "!" if values[name].inverted else ""
                words.append(f"{shown}{'s' if low != high else ''}:{bang}{show_range((low, high))}")
        if "chunk-types" in values:
            given = values["chunk-types"]
            words += ["!"] if given.inverted else []
            words.append(_show(given.value, numeric=names is None))
        return " ".join(words)

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """The header, its ports, then the chunks."""
        tests: list[Match] = [Whole(HEADER_LENGTH)]
        if "sport" in values:
            tests.append(SourcePort(range_of(values["sport"])))
        if "dport" in values:
            tests.append(DestinationPort(range_of(values["dport"])))
        if "chunk-types" in values:
            how, types = values["chunk-types"].value
            tests.append(Chunks(how, types, values["chunk-types"].inverted))
        return tuple(tests)


EXTENSIONS: Final = (Sctp(),)
