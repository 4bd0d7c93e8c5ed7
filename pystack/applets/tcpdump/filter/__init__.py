"""Filter expressions of pcap-filter(7): words in, a test of frames out.

lexer.py splits the text, parser.py follows libpcap's grammar, code.py knows what each primitive looks at,
test.py runs it.
"""

from __future__ import annotations

from pystack.applets.tcpdump.filter.code import Code
from pystack.applets.tcpdump.filter.errors import FilterError
from pystack.applets.tcpdump.filter.parser import Parser
from pystack.applets.tcpdump.filter.test import Subject, Test, matches
from pystack.applets.tcpdump.link import NFLOG, LinkType
from pystack.applets.tcpdump.names import Names

__all__ = ["FilterError", "Subject", "Test", "compile_filter", "matches"]


def compile_filter(text: str, link: LinkType, names: Names, *, live: bool) -> Test:
    """The test that an expression means for frames of this kind. Raises FilterError, NotModelled."""
    if text and link is NFLOG:
        raise FilterError("NFLOG link-layer type filtering not implemented")
    return Parser(text, Code(link, names, live=live)).parse()
