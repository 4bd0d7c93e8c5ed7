"""Targets that hand a packet to others: NFLOG, NFQUEUE, QUEUE, TEE; and CHECKSUM."""

from __future__ import annotations

from typing import ClassVar, Final

from pystack.applets.iptables.extension import Site, TargetExtension
from pystack.applets.iptables.extensions.log import one_line
from pystack.applets.iptables.family import IPV4, IPV6, Family
from pystack.applets.iptables.option import (
    U16,
    U32,
    Given,
    Option,
    Values,
    Where,
    host,
    quoted,
    show_range,
    text_cut,
    uint,
    uint_range,
)
from pystack.applets.iptables.refused import Refused
from pystack.applets.tcpdump.names import Names
from pystack.errors import EINVAL, ENOENT
from pystack.netfilter.rule import Target
from pystack.netfilter.targets.hand_over import FillChecksum, Nflog, Queue, Tee
from pystack.netfilter.targets.trace import Trace
from pystack.wire import ipv4, ipv6

_LONGEST_PREFIX: Final = 63
_LONGEST_OF_NFT: Final = 127
_LONGEST_DEVICE: Final = 15
_ZEROES: Final = ("nflog-group", "nflog-threshold", "nflog-range")  # of which 0 is the usual


def _prefix(text: str, where: Where) -> str:
    return one_line(text)


class NflogExtension(TargetExtension):
    """Linux: libxt_NFLOG.c"""

    name = "NFLOG"
    options = (
        Option("nflog-prefix", _prefix, quoted),
        Option("nflog-group", uint(U16)),
        Option("nflog-range", uint(U32), excludes=("nflog-size",)),
        Option("nflog-size", uint(U32)),
        Option("nflog-threshold", uint(U16)),
    )

    def warnings(self, values: Values) -> tuple[str, ...]:
        """An option that never did anything."""
        if "nflog-range" not in values:
            return ()
        what = "--nflog-range has never worked and is no longer supported"
        return (f"warn: {what}, please use --nflog-size instead",)

    def prepared(self, values: Values, *, nft: bool) -> Values:
        """nft's own form of it knows no range, and twice as long a prefix."""
        kept = {name: given for name, given in values.items() if name not in _ZEROES or given.value}
        if nft:
            kept.pop("nflog-range", None)
        if "nflog-prefix" in kept:
            longest = _LONGEST_OF_NFT if nft else _LONGEST_PREFIX
            kept["nflog-prefix"] = Given(kept["nflog-prefix"].value[:longest])
        return kept

    def save(self, values: Values) -> str:
        """Group 0 is the usual one."""
        text = super().save({name: given for name, given in values.items() if name != "nflog-prefix"})
        if "nflog-prefix" not in values:
            return text
        prefix = f"--nflog-prefix {quoted(values['nflog-prefix'].value)}"
        return f"{prefix} {text}".rstrip()

    def listing(self, values: Values, names: Names | None) -> str:
        """`nflog-prefix x nflog-group 5`"""
        return self.save(values).replace("--", "")

    def compile(self, values: Values, site: Site) -> Target:
        """By group and prefix."""
        group = values["nflog-group"].value if "nflog-group" in values else 0
        prefix = values["nflog-prefix"].value if "nflog-prefix" in values else ""
        size = values["nflog-size"].value if "nflog-size" in values else None
        return Nflog(site.path, site.header.family.number, group, prefix, size)


# --- NFQUEUE ------------------------------------------------------------------------------------------------


def _balance(text: str, where: Where) -> tuple[int, int]:
    if ":" not in text:
        uint_range(U16)(text, where)
        raise Refused(f'Bad range "{text}"')
    low, high = uint_range(U16)(text, where)
    if low >= high:
        raise Refused(f"{low} should be less than {high}")
    return low, high


class NfqueueExtension(TargetExtension):
    """Linux: libxt_NFQUEUE.c"""

    name = "NFQUEUE"
    options = (
        Option("queue-num", uint(U16), excludes=("queue-balance",)),
        Option("queue-balance", _balance, show_range),
        Option("queue-bypass"),
        Option("queue-cpu-fanout", also=("queue-balance",)),
    )

    def kernel_error(self, values: Values, site: Site) -> int:
        """Linux: net/netfilter/xt_NFQUEUE.c nfqueue_tg_check()"""
        low, high = values["queue-balance"].value if "queue-balance" in values else (0, 0)
        return EINVAL if high - low + 1 + low > U16 and "queue-balance" in values and not low else 0

    def save(self, values: Values) -> str:
        """The queue is always said."""
        text = super().save(values)
        return text if values.keys() & {"queue-num", "queue-balance"} else f"--queue-num 0 {text}".rstrip()

    def listing(self, values: Values, names: Names | None) -> str:
        """`NFQUEUE num 5 bypass`"""
        return f"NFQUEUE {self.save(values).replace('--queue-', '')}"

    def compile(self, values: Values, site: Site) -> Target:
        """Nobody listens, whatever the number."""
        return Queue(bypass="queue-bypass" in values)


class QueueExtension(TargetExtension):
    """`-j QUEUE`: queue 0 under its old name. Linux: libxt_standard.c"""

    name = "QUEUE"

    def kernel_error(self, values: Values, site: Site) -> int:
        """nf_tables knows it no more."""
        return ENOENT if site.nft else 0

    def listing(self, values: Values, names: Names | None) -> str:
        """Nothing."""
        return ""

    def compile(self, values: Values, site: Site) -> Target:
        """As NFQUEUE."""
        return Queue(bypass=False)


class TraceExtension(TargetExtension):
    """Linux: libxt_TRACE.c"""

    name = "TRACE"

    def kernel_error(self, values: Values, site: Site) -> int:
        """Of legacy's tables only raw has it. Linux: net/netfilter/xt_TRACE.c"""
        return EINVAL if not site.nft and site.table != "raw" else 0

    def listing(self, values: Values, names: Names | None) -> str:
        """Nothing."""
        return ""

    def compile(self, values: Values, site: Site) -> Target:
        """The same for all."""
        return Trace()


# --- TEE, CHECKSUM ------------------------------------------------------------------------------------------


class TeeExtension(TargetExtension):
    """Linux: libxt_TEE.c"""

    families: ClassVar[tuple[Family, ...]] = (IPV4,)
    name = "TEE"
    options = (
        Option("gateway", host, ipv4.address_text, required=True),
        Option("oif", text_cut(_LONGEST_DEVICE)),
    )

    def kernel_error(self, values: Values, site: Site) -> int:
        """Linux: net/netfilter/xt_TEE.c tee_tg_check()"""
        return 0 if values["gateway"].value else EINVAL

    def listing(self, values: Values, names: Names | None) -> str:
        """`TEE gw:1.2.3.4 oif=eth0`"""
        (family,), gateway = self.families, values["gateway"].value
        shown = self.options[0].show(gateway) if names is None else family.host_name(names, gateway)
        text = f"TEE gw:{shown}"
        return f"{text} oif={values['oif'].value}" if "oif" in values else text

    def prepared(self, values: Values, *, nft: bool) -> Values:
        """No name is no device."""
        return {name: given for name, given in values.items() if given.value != ""}

    def compile(self, values: Values, site: Site) -> Target:
        """By the gateway's address."""
        return Tee(site.path, values["gateway"].value, values["oif"].value if "oif" in values else "")


class TeeExtension6(TeeExtension):
    """The same of IPv6."""

    families = (IPV6,)
    options = (
        Option("gateway", host, ipv6.address_text, required=True),
        Option("oif", text_cut(_LONGEST_DEVICE)),
    )


class ChecksumExtension(TargetExtension):
    """Linux: libxt_CHECKSUM.c"""

    name = "CHECKSUM"
    tables = ("mangle",)
    options = (Option("checksum-fill", required=True),)

    def listing(self, values: Values, names: Names | None) -> str:
        """`CHECKSUM fill`"""
        return "CHECKSUM fill"

    def compile(self, values: Values, site: Site) -> Target:
        """The only thing it can do."""
        return FillChecksum(site.path)


EXTENSIONS: Final = (
    NflogExtension(),
    NfqueueExtension(),
    QueueExtension(),
    TraceExtension(),
    TeeExtension(),
    TeeExtension6(),
    ChecksumExtension(),
)
