"""The targets of arptables: mangle, MARK and CLASSIFY."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final

from pystack.applets.ebtables.frame_words import one_mac, strtol
from pystack.applets.iptables.extension import Site, TargetExtension
from pystack.applets.iptables.extensions.mangle import ClassifyTarget
from pystack.applets.iptables.family import IPV4
from pystack.applets.iptables.network import networks
from pystack.applets.iptables.option import U32, Option, Parse, Values, Where
from pystack.applets.iptables.refused import Refused
from pystack.applets.tcpdump.names import Names
from pystack.errors import EINVAL
from pystack.netfilter.rule import CONTINUE, Target
from pystack.netfilter.targets.arp_mangle import MangleArp
from pystack.netfilter.targets.mangle import SetMark
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP
from pystack.wire.ethernet import mac_text
from pystack.wire.ipv4 import address_text

_VERDICTS: Final = {"DROP": NF_DROP, "ACCEPT": NF_ACCEPT, "CONTINUE": CONTINUE}


def _ip(text: str, where: Where) -> bytes:
    return networks(text, where.names, IPV4)[0].address.to_bytes(4, "big")


def _show_ip(value: bytes) -> str:
    return address_text(int.from_bytes(value, "big"))


def _mac(whose: str) -> Parse:
    def parse(text: str, where: Where) -> bytes:
        value = one_mac(text)
        if value is None:
            raise Refused(f"invalid {whose} MAC")
        return value

    return parse


def _verdict(text: str, where: Where) -> str:
    if text not in _VERDICTS:
        raise Refused("bad target for --mangle-target")
    return text


class Mangle(TargetExtension):
    """Linux: libarpt_mangle.c"""

    name = "mangle"
    options: ClassVar[tuple[Option, ...]] = (
        Option("mangle-ip-s", _ip, _show_ip, many=True, invert=True),
        Option("mangle-mac-s", _mac("source"), mac_text, many=True, invert=True),
        Option("mangle-ip-d", _ip, _show_ip, many=True, invert=True),
        Option("mangle-mac-d", _mac("target"), mac_text, many=True, invert=True),
        Option("mangle-target", _verdict, many=True, invert=True),
    )

    def kernel_error(self, values: Values, site: Site) -> int:
        """There has to be something to write. Linux: arpt_mangle.c checkentry()"""
        return 0 if any(name != "mangle-target" for name in values) else EINVAL

    def save(self, values: Values) -> str:
        """The verdict only where it is not the usual one; nothing can be inverted."""
        return " ".join(self._words(values))

    def _words(self, values: Values) -> Iterator[str]:
        for option in self.options:
            given = values.get(option.name)
            if given is not None and given.value != "ACCEPT":
                yield f"--{option.name} {option.show(given.value)}"

    def listing(self, values: Values, names: Names | None) -> str:
        """The same."""
        return self.save(values)

    def compile(self, values: Values, site: Site) -> Target:
        """Up to four addresses, and a verdict."""
        source, source_ip, target, target_ip = (
            values[name].value if name in values else None
            for name in ("mangle-mac-s", "mangle-ip-s", "mangle-mac-d", "mangle-ip-d")
        )
        verdict = _VERDICTS[values["mangle-target"].value] if "mangle-target" in values else NF_ACCEPT
        return MangleArp(source, source_ip, target, target_ip, verdict)


def _mark(text: str, where: Where) -> int:
    value, rest = strtol(text, 16)
    if rest == text:
        raise Refused(f"Bad mark value `{text}'")
    return value & U32


class Mark(TargetExtension):
    """Linux: libxt_MARK.c mark_tg_arp_parse()"""

    name = "MARK"
    options: ClassVar[tuple[Option, ...]] = tuple(
        Option(name, _mark, "{:x}".format, invert=True) for name in ("set-mark", "and-mark", "or-mark")
    )

    def check(self, values: Values) -> None:
        """One of them."""
        if len(values) > 1:
            raise Refused(f"MARK: Can't specify --{list(values)[-1]} twice")

    def listing(self, values: Values, names: Names | None) -> str:
        """As it is saved."""
        return self.save(values)

    def compile(self, values: Values, site: Site) -> Target:
        """What is called to set is to turn round, because the tool gives no mask."""
        for name, given in values.items():
            if name == "and-mark":
                return SetMark(0, ~given.value & U32)
            return SetMark(given.value, given.value if name == "or-mark" else 0)
        return SetMark(0, 0)


class Classify(ClassifyTarget):
    """Linux: libxt_CLASSIFY.c"""

    hooks: ClassVar[tuple[str, ...]] = ()

    def save(self, values: Values) -> str:
        """`--set-class 1:2`"""
        value = values["set-class"].value
        return f"--set-class {value >> 16:x}:{value & 0xFFFF:x}"

    def listing(self, values: Values, names: Names | None) -> str:
        """The same."""
        return self.save(values)


TARGETS: Final = {target.name: target for target in (Mangle(), Mark(), Classify())}
