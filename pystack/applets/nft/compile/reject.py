"""`reject`: dropped, and the sender is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pystack.applets.nft.compile.site import Site
from pystack.applets.nft.tree.expressions import Value
from pystack.applets.nft.tree.statements import Reject
from pystack.netfilter.hooks import NFPROTO_IPV4, NFPROTO_IPV6
from pystack.netfilter.nft.statements import reject
from pystack.netfilter.nft.statements.reject import ICMPX
from pystack.netfilter.nft.statements.reject_frame import RejectFrame
from pystack.netfilter.rule import Target

_PORT_UNREACHABLE: Final = 1  # of icmpx


def compile_reject(statement: Reject, site: Site) -> Target:
    """With a code of ICMP, of ICMPv6, of whichever it is, or by TCP."""
    codes = None if statement.kind == "tcp reset" else _codes(statement)
    devices = site.ground.devices
    if site.family in ("bridge", "netdev"):
        send = devices.send_by_port if site.family == "bridge" else devices.send
        return RejectFrame(devices, send, codes)
    return reject.Reject(site.ground.paths, codes)


def _codes(statement: Reject) -> Mapping[int, int]:
    """By family of the packet."""
    code = _PORT_UNREACHABLE
    if isinstance(statement.code, Value):
        code = int.from_bytes(statement.code.octets, "big")
    elif statement.kind in ("icmp", "icmpv6"):
        code = ICMPX[NFPROTO_IPV4 if statement.kind == "icmp" else NFPROTO_IPV6][code]
    if statement.kind in ("icmp", "icmpv6"):
        return {NFPROTO_IPV4: code, NFPROTO_IPV6: code}
    return {family: codes[code] for family, codes in ICMPX.items()}
