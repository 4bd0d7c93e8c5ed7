"""The named ways in which bytes from the wire can fail to be what they claim.

A parser returns its value or one of these; it raises nothing. Callers turn the name into a drop reason or a
line of text.
"""

from __future__ import annotations

from enum import Enum


class Malformed(Enum):
    """Why a parser gave up."""

    TRUNCATED = "shorter than its header"
    VERSION = "the version field is not the protocol's"
    HEADER_LENGTH = "the header length field is impossible"
    TOTAL_LENGTH = "the length field does not fit the bytes"
    CHECKSUM = "the checksum is wrong"
    HARDWARE = "not an Ethernet/IPv4 resolution packet"
    MAGIC = "the first octets are not those of the format"
    LINK_TYPE = "the frames are not Ethernet"
    INTERFACE = "it names an interface that was not described"
