"""`describe` says of every kind, field and key what the real nft says of it."""

import shutil
import subprocess
from itertools import chain
from pathlib import Path

import pytest

from pystack.applets.nft.describe import describe
from pystack.applets.nft.headers import EXTENSION_HEADERS, IP_OPTIONS, SCTP_CHUNKS, TCP_OPTIONS
from pystack.applets.nft.keys import CT_KEYS, FIB_RESULTS, META_KEYS, RT_KEYS, SOCKET_KEYS
from pystack.applets.nft.printer.expressions import text
from pystack.applets.nft.printer.page import Page
from pystack.applets.nft.protocols import PROTOCOLS
from pystack.applets.nft.surroundings import Surroundings
from pystack.applets.nft.tree.expressions import (
    Ct,
    Expression,
    ExtensionHeader,
    Fib,
    Hash,
    IpOption,
    Meta,
    Numgen,
    Payload,
    RawPayload,
    Rt,
    SctpChunk,
    SocketOf,
    Symbol,
    TcpOption,
)
from pystack.applets.nft.types import TYPES
from pystack.applets.tcpdump.names import Names
from tests.applets.nft.test_values import machine

# What nft's grammar calls otherwise than its listings, or has no way to write.
REWORDED = {
    "icmpv6 parameter-problem": "icmpv6 param-problem",
    "tcp option sack left": "tcp option sack0 left",
}
NOT_WRITTEN = (" kind", "rt0 reserved")
# Types whose names stand for keys, or for nothing, in that place.
NO_TYPES = ("mark", "time", "day", "hour", "ecn")


def test_a_kind_of_its_own_is_described_with_its_words() -> None:
    assert describe(Symbol("boolean"), machine()) == (
        "datatype boolean (boolean type) (basetype integer), 1 bits\n"
        "\npre-defined symbolic constants (in decimal):\n"
        "\texists                        \t                   1\n"
        "\tmissing                       \t                   0\n"
    )


def test_numbers_of_a_type_are_not_in_the_packets_order() -> None:
    assert "\tip                            \t0x0008\n" in describe(Symbol("ether_type"), machine())
    assert "\tip                            \t0x0800\n" in describe(Payload("ether", "type"), machine())


def test_a_name_is_described_by_its_length() -> None:
    assert describe(Meta("iifname"), machine()) == (
        "meta expression, datatype ifname (network interface name) (basetype string), 16 characters\n"
    )


def test_protocols_are_those_of_the_machine() -> None:
    assert describe(Meta("l4proto"), machine()).splitlines()[1:] == ["\ttcp                           \t6"]


def test_a_word_that_means_nothing_is_described_as_such() -> None:
    assert describe(Symbol("foo"), machine()) == "symbol expression, datatype invalid (invalid)"
    assert describe(Rt("nexthop"), machine()) == "rt expression, datatype invalid (invalid)"


def everything() -> list[Expression]:
    """All that can be described."""
    found: list[Expression] = [Symbol(name) for name in TYPES if name not in NO_TYPES]
    found += [Payload(one.name, field) for one in PROTOCOLS.values() for field in one.fields]
    found += [RawPayload("th", 16, 16), RawPayload("nh", 0, 3), Numgen("inc", 2), Hash(None, 2)]
    found += chain(map(Meta, META_KEYS), map(Rt, RT_KEYS))
    found += [Ct(key, "original" if " " in key else "") for key in CT_KEYS]
    found += [SocketOf(key, 1) for key in SOCKET_KEYS]
    found += [Fib(("saddr",), result) for result in FIB_RESULTS]
    for make, headers in (
        (ExtensionHeader, EXTENSION_HEADERS),
        (IpOption, IP_OPTIONS),
        (TcpOption, TCP_OPTIONS),
        (SctpChunk, SCTP_CHUNKS),
    ):
        found += [make(one.name, field) for one in headers.values() for field in one.fields]
    return found


@pytest.mark.root
def test_everything_is_described_as_the_real_nft_describes_it() -> None:
    if shutil.which("nft") is None:
        pytest.skip("nft is not installed")
    names = Names()
    names.read_protocols(Path("/etc/protocols").read_text())
    around = Surroundings(names)
    different = []
    for expression in everything():
        words = expression.text if isinstance(expression, Symbol) else text(expression, Page())
        if words.endswith(NOT_WRITTEN):
            continue
        command = ["nft", "describe", REWORDED.get(words, words)]
        real = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
        ours = describe(expression, around)
        if real.stdout != ours:
            different.append(f"{words}\n{real.stdout or real.stderr}\n{ours}")
    assert not different, "\n".join(different)
