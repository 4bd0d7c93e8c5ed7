"""ICMPv6 (RFC 4443), and what neighbours say with it (RFC 4861): types, and lengths of headers."""

from __future__ import annotations

from typing import Final

HEADER_LENGTH: Final = 8
CHECK_OFFSET: Final = 2

ERROR_LIMIT: Final = 128  # types below are errors
ECHO_REQUEST: Final = 128
ECHO_REPLY: Final = 129
MGM_QUERY: Final = 130
MGM_REPORT: Final = 131
MGM_REDUCTION: Final = 132
ROUTER_SOLICITATION: Final = 133
ROUTER_ADVERTISEMENT: Final = 134
NEIGHBOUR_SOLICITATION: Final = 135
NEIGHBOUR_ADVERTISEMENT: Final = 136
REDIRECT: Final = 137
NI_QUERY: Final = 139  # what a node tells of itself (RFC 4620)
NI_REPLY: Final = 140
MLD2_REPORT: Final = 143

# A redirect: the header, the better router and the destination, then options.
REDIRECT_LENGTH: Final = 40
OPTION_REDIRECTED: Final = 4  # with the packet that caused it
