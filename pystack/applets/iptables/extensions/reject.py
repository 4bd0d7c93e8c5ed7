"""`-j REJECT`"""

from __future__ import annotations

from typing import Final

from pystack.applets.iptables.extension import Site, TargetExtension
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
_DEFAULT: Final = "icmp-port-unreachable"


def _type(text: str, where: Where) -> str:
    """The beginning of a name is enough. Linux: libipt_REJECT.c REJECT_parse()"""
    for name, alias, _ in _TYPES:
        if text and (name.startswith(text.lower()) or alias.startswith(text.lower())):
            return name
    raise Refused(f'unknown reject type "{text}"')


class RejectExtension(TargetExtension):
    """Linux: libipt_REJECT.c"""

    name = "REJECT"
    tables = ("filter",)
    hooks = ("INPUT", "FORWARD", "OUTPUT")
    options = (Option("reject-with", _type),)

    def kernel_error(self, values: Values, site: Site) -> int:
        """Only TCP can be reset. Linux: net/ipv4/netfilter/ipt_REJECT.c reject_tg_check()"""
        header = site.header
        is_tcp = header.protocol == IPPROTO_TCP and not header.protocol_inverted
        if _given(values) == "tcp-reset" and not is_tcp:
            return EINVAL
        return super().kernel_error(values, site)

    def save(self, values: Values) -> str:
        """The way is always said."""
        return f"--reject-with {_given(values)}"

    def listing(self, values: Values, names: Names | None) -> str:
        """`reject-with icmp-port-unreachable`"""
        return f"reject-with {_given(values)}"

    def compile(self, values: Values, site: Site) -> Target:
        """By its code."""
        return Reject(site.path, next(code for name, _, code in _TYPES if name == _given(values)))


def _given(values: Values) -> str:
    return values["reject-with"].value if "reject-with" in values else _DEFAULT


EXTENSIONS: Final = (RejectExtension(),)
