"""The protocols in which the ends of a connection agree on further ones: a rule says where one is spoken.

Linux differs: amanda, h323, irc, netbios-ns, pptp, sane, sip and snmp are not read.
"""

from __future__ import annotations

from typing import Final

from pystack.netfilter.conntrack.helper import Helper
from pystack.netfilter.conntrack.helpers.ftp import FtpHelper
from pystack.netfilter.conntrack.helpers.tftp import TftpHelper

HELPERS: Final[tuple[Helper, ...]] = (FtpHelper(), TftpHelper())
# What Linux has besides, and over which protocols.
OTHERS: Final = ("amanda", "H.245", "irc", "netbios-ns", "pptp", "Q.931", "RAS", "sane", "sip", "snmp")


def find(name: str, protocol: int) -> Helper | None:
    """Linux: net/netfilter/nf_conntrack_helper.c __nf_conntrack_helper_find()"""
    return next((helper for helper in HELPERS if (helper.name, helper.protocol) == (name, protocol)), None)
