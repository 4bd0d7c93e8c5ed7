"""`-j REJECT`"""

from __future__ import annotations

from typing import Final

from pystack.applets.iptables.extension import Site, TargetExtension
from pystack.applets.iptables.family import IPV4, IPV6
from pystack.applets.iptables.option import Option, Values, Where
from pystack.applets.iptables.refused import Refused
from pystack.applets.tcpdump.names import Names
from pystack.errors import EINVAL
from pystack.netfilter.rule import Target
from pystack.netfilter.targets.reject import TCP_RESET, Reject
from pystack.wire.ipv4 import IPPROTO_TCP

# By name and alias, with the code of ICMP's destination unreachable. Linux: libipt_REJECT.c reject_table
_TYPES: Final = (
    ("icmp-net-unreachable", "net-unreach", 0),
    ("icmp-host-unreachable", "host-unreach", 1),
    ("icmp-proto-unreachable", "proto-unreach", 2),
    ("icmp-port-unreachable", "port-unreach", 3),
    ("icmp-net-prohibited", "net-prohib", 9),
    ("icmp-host-prohibited", "host-prohib", 10),
    ("tcp-reset", "tcp-rst", TCP_RESET),
    ("icmp-admin-prohibited", "admin-prohib", 13),
)
# The same of ICMPv6. Linux: libip6t_REJECT.c reject_table
_TYPES6: Final = (
    ("icmp6-no-route", "no-route", 0),
    ("icmp6-adm-prohibited", "adm-prohibited", 1),
    ("icmp6-addr-unreachable", "addr-unreach", 3),
    ("icmp6-port-unreachable", "port-unreach", 4),
    ("tcp-reset", "tcp-reset", TCP_RESET),
    ("icmp6-policy-fail", "policy-fail", 5),
    ("icmp6-reject-route", "reject-route", 6),
)
_GONE: Final = ("echo-reply", "echoreply")
_GONE_TEXT: Final = "--reject-with echo-reply no longer supported"


def _type(text: str, where: Where) -> str:
    """The beginning of a name is enough. Linux: libipt_REJECT.c REJECT_parse()"""
    for name, alias, _ in _TYPES if where.family is IPV4 else _TYPES6:
        if name.startswith(text.lower()) or alias.startswith(text.lower()):
            return name
    if where.family is IPV4 and any(name.startswith(text.lower()) for name in _GONE):
        where.warn(_GONE_TEXT)
    raise Refused(f'unknown reject type "{text}"')


class RejectExtension(TargetExtension):
    """Linux: libipt_REJECT.c"""

    families = (IPV4,)
    name = "REJECT"
    types: tuple[tuple[str, str, int], ...] = _TYPES
    default = "icmp-port-unreachable"
    tables = ("filter",)
    hooks = ("INPUT", "FORWARD", "OUTPUT")
    options = (Option("reject-with", _type),)

    def kernel_error(self, values: Values, site: Site) -> int:
        """Only TCP can be reset. Linux: net/ipv4/netfilter/ipt_REJECT.c reject_tg_check()"""
        header = site.header
        is_tcp = header.protocol == IPPROTO_TCP and not header.protocol_inverted
        if self._given(values) == "tcp-reset" and not is_tcp:
            return EINVAL
        return super().kernel_error(values, site)

    def save(self, values: Values) -> str:
        """The way is always said."""
        return f"--reject-with {self._given(values)}"

    def listing(self, values: Values, names: Names | None) -> str:
        """`reject-with icmp-port-unreachable`"""
        return f"reject-with {self._given(values)}"

    def compile(self, values: Values, site: Site) -> Target:
        """By its code."""
        return Reject(site.path, next(code for name, _, code in self.types if name == self._given(values)))

    def _given(self, values: Values) -> str:
        return values["reject-with"].value if "reject-with" in values else self.default


class RejectExtension6(RejectExtension):
    """Linux: libip6t_REJECT.c"""

    families = (IPV6,)
    types = _TYPES6
    default = "icmp6-port-unreachable"


EXTENSIONS: Final = (RejectExtension(), RejectExtension6())
