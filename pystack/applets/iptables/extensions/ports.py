"""`-m tcp`, `-m udp`."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pystack.applets.iptables.extension import MatchExtension, Site
from pystack.applets.iptables.header import Header
from pystack.applets.iptables.option import (
    U16,
    Given,
    Option,
    Values,
    Where,
    ports,
    ports_of,
    show_range,
    strtoul,
)
from pystack.applets.iptables.refused import Refused
from pystack.applets.tcpdump.names import Names
from pystack.errors import EINVAL
from pystack.netfilter.matches.ports import (
    DestinationPort,
    Range,
    SourcePort,
    TcpFlags,
    TcpOption,
    Whole,
)
from pystack.netfilter.rule import Match
from pystack.wire import tcp, udp
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP

_ALL_PORTS: Final = (0, 0xFFFF)


def range_of(given: Given) -> Range:
    """What was given as `[!] LOW:HIGH`."""
    low, high = given.value
    return Range(low, high, given.inverted)


class _Ports(MatchExtension):
    """What TCP and UDP share. Linux: libxt_tcp.c, libxt_udp.c"""

    protocol: int
    length: int

    def kernel_error(self, values: Values, site: Site) -> int:
        """nft translates these by itself, and asks only that -p names the protocol."""
        if not site.nft:
            return super().kernel_error(values, site)
        return 0 if site.header.protocol == self.protocol else EINVAL

    def check_translation(self, values: Values, header: Header) -> None:
        """Linux: nft.c add_nft_tcp(), add_nft_udp()"""
        asks = any(given.inverted or given.value != _ALL_PORTS for given in values.values())
        if header.protocol != self.protocol and asks:
            raise Refused(f"{self.name.upper()} match requires '-p {self.name}'")

    def prepared(self, values: Values, *, nft: bool) -> Values:
        """What is not below a port is above it: so nft reads its own translation."""
        return {
            name: _turned_round(given) if nft and name in ("sport", "dport") else given
            for name, given in values.items()
        }

    def save(self, values: Values) -> str:
        """All ports are the same as none, and so are no flags."""
        kept = {name: given for name, given in values.items() if not given.lost}
        return super().save({name: given for name, given in kept.items() if not _says_nothing(name, given)})

    def is_shown(self, values: Values, *, nft: bool) -> bool:
        """nft reads its own translation of `! --sport :` as nothing at all."""
        says_more = any(not given.lost and not _says_nothing(name, given) for name, given in values.items())
        return says_more or not any(given.lost for given in values.values())

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """The header has to be there in any case."""
        tests: list[Match] = [Whole(self.length)]
        if "sport" in values:
            tests.append(SourcePort(range_of(values["sport"])))
        if "dport" in values:
            tests.append(DestinationPort(range_of(values["dport"])))
        return tuple(tests)

    def _ports_listing(self, values: Values, services: dict[int, str] | None) -> str:
        words = [self.name]
        for name, shown in (("sport", "spt"), ("dport", "dpt")):
            given = values.get(name)
            if given is None or given.lost or (given.value == _ALL_PORTS and not given.inverted):
                continue
            low, high = given.value
            plural = "s" if low != high else ""
            ends = [service_name(end, services) for end in ((low, high) if low != high else (low,))]
            words.append(f"{shown}{plural}:{'!' if given.inverted else ''}{':'.join(ends)}")
        return " ".join(words)


def _says_nothing(name: str, given: Given) -> bool:
    return given.value == _ALL_PORTS or (name == "tcp-flags" and not given.value[0] and not given.inverted)


def _turned_round(given: Given) -> Given:
    if not given.inverted:
        return given
    if given.value == _ALL_PORTS:
        return Given(given.value, inverted=True, lost=True)
    low, high = given.value
    return given if low or not high else Given((high + 1, U16), turned=True)


def service_name(number: int, services: dict[int, str] | None) -> str:
    """What a list without -n calls a port."""
    return (services or {}).get(number, str(number))


def port_options(protocol: str) -> tuple[Option, ...]:
    """--sport and --dport, which have longer names too."""
    return tuple(
        Option(
            name,
            ports_of(protocol),
            show_range,
            invert=True,
            aliases=(alias,),
            twice=f"Only one `--{alias}' allowed",
        )
        for name, alias in (("sport", "source-port"), ("dport", "destination-port"))
    )


# --- TCP ----------------------------------------------------------------------------------------------------

_FLAGS: Final = (
    ("FIN", tcp.FIN),
    ("SYN", tcp.SYN),
    ("RST", tcp.RST),
    ("PSH", tcp.PSH),
    ("ACK", tcp.ACK),
    ("URG", tcp.URG),
)
_FLAG_BITS: Final = dict(_FLAGS) | {"ALL": 0x3F, "NONE": 0}
_SYN_ONLY: Final = tcp.FIN | tcp.SYN | tcp.RST | tcp.ACK, tcp.SYN


def _flags(text: str) -> int:
    """Linux: libxt_tcp.c parse_tcp_flag()"""
    bits = 0
    for name in filter(None, text.split(",")):
        if name.upper() not in _FLAG_BITS:
            raise Refused(f"Unknown TCP flag `{name}'")
        bits |= _FLAG_BITS[name.upper()]
    return bits


def _mask(text: str, where: Where) -> int:
    return _flags(text)


def _mask_and_flags(mask: int, text: str | None, where: Where) -> tuple[int, int]:
    if text is None:
        raise Refused("--tcp-flags requires two args.")
    return mask, _flags(text)


def _flag_names(bits: int) -> str:
    return ",".join(name for name, bit in _FLAGS if bits & bit) or "NONE"


def _show_flags(value: tuple[int, int]) -> str:
    return f"{_flag_names(value[0])} {_flag_names(value[1])}"


def _tcp_option(text: str, where: Where) -> int:
    value = strtoul(text)
    if value is None or not 1 <= value <= 255:
        raise Refused(f'Bad TCP option "{text}"')
    return value


_FLAGS_TWICE: Final = "Only one of `--syn' or `--tcp-flags'  allowed"


def _flags_once(where: Where) -> None:
    """--syn is one way to say --tcp-flags."""
    if "syn" in where.given or "tcp-flags" in where.given:
        raise Refused(_FLAGS_TWICE)


class Tcp(_Ports):
    """Linux: libxt_tcp.c"""

    name = "tcp"
    protocol = IPPROTO_TCP
    protocols = (IPPROTO_TCP,)
    length = tcp.HEADER_LENGTH
    options = (
        *port_options("tcp"),
        Option("tcp-option", _tcp_option, invert=True, twice="Only one `--tcp-option' allowed"),
        Option(
            "tcp-flags",
            _mask,
            _show_flags,
            invert=True,
            more=_mask_and_flags,
            check=_flags_once,
            twice=_FLAGS_TWICE,
        ),
        Option("syn", invert=True, check=_flags_once, twice=_FLAGS_TWICE),
    )

    def check_translation(self, values: Values, header: Header) -> None:
        """A rule that asks for an option is no rule of nft's own. Linux: nft.c add_nft_tcp()"""
        asked = values.get("tcp-option")
        if asked is None or not (asked.inverted or asked.value):
            super().check_translation(values, header)

    def prepared(self, values: Values, *, nft: bool) -> Values:
        """Flags under no mask are translated, but not read again; with an option nothing is translated."""
        if not nft or "tcp-option" in values:
            return values
        kept = super().prepared(values, nft=nft)
        flags = kept.get("tcp-flags")
        if flags is None or flags.value[0] or not (flags.value[1] or flags.inverted):
            return kept
        return {**kept, "tcp-flags": replace(flags, lost=True)}

    def save(self, values: Values) -> str:
        """--syn is what --tcp-flags says too."""
        return super().save(without_syn(values))

    def listing(self, values: Values, names: Names | None) -> str:
        """`tcp dpt:80 flags:0x17/0x02`"""
        text = self._ports_listing(values, None if names is None else names.tcp)
        values = without_syn(values)
        if "tcp-option" in values:
            given = values["tcp-option"]
            text += f" option={'!' if given.inverted else ''}{given.value}"
        asked = values.get("tcp-flags")
        if asked is not None and not asked.lost and not _says_nothing("tcp-flags", asked):
            mask, flags = asked.value
            shown = f"0x{mask:02X}/0x{flags:02X}"
            if names is not None:
                shown = f"{_flag_names(mask)}/{_flag_names(flags)}"
            text += f" flags:{'!' if asked.inverted else ''}{shown}"
        return text

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """Ports, then flags and options."""
        tests = super().compile(values, site)
        values = without_syn(values)
        if "tcp-flags" in values:
            given = values["tcp-flags"]
            mask, flags = given.value
            tests += (TcpFlags(mask, flags, given.inverted),)
        if "tcp-option" in values:
            tests += (TcpOption(values["tcp-option"].value, values["tcp-option"].inverted),)
        return tests


def without_syn(values: Values) -> Values:
    """--syn as what --tcp-flags says too."""
    if "syn" not in values:
        return values
    rest = {name: given for name, given in values.items() if name != "syn"}
    return rest | {"tcp-flags": Given(_SYN_ONLY, values["syn"].inverted)}


def syn_is_asked(values: Values) -> bool:
    """Whether a tcp match lets only packets through that begin a connection, or may."""
    given = without_syn(values).get("tcp-flags")
    return given is not None and not given.inverted and bool(given.value[1] & tcp.SYN)


class Udp(_Ports):
    """Linux: libxt_udp.c"""

    name = "udp"
    protocol = IPPROTO_UDP
    protocols = (IPPROTO_UDP,)
    length = udp.HEADER_LENGTH
    options = (
        Option("sport", ports, show_range, invert=True, aliases=("source-port",), told_as="source-port"),
        Option(
            "dport",
            ports,
            show_range,
            invert=True,
            aliases=("destination-port",),
            told_as="destination-port",
        ),
    )

    def listing(self, values: Values, names: Names | None) -> str:
        """`udp dpt:53`"""
        return self._ports_listing(values, None if names is None else names.udp)


EXTENSIONS: Final = (Tcp(), Udp())
