"""xtables-monitor: what it refuses, and IPv6, which no scenario traces."""

from __future__ import annotations

import pytest

from pystack.applets import virtual
from pystack.applets.iptables.monitor import USAGE
from pystack.applets.iptables.traced_packet import packet_words
from pystack.host import Host
from pystack.netfilter.hooks import NFPROTO_IPV6
from pystack.netfilter.trace_nft import described
from pystack.wire.ipv6 import Ipv6Header
from tests.netfilter.rules import view6


def test_without_a_task_it_tells_how_it_is_used() -> None:
    done = virtual.run(["xtables-monitor"], Host())
    assert (done.rc, done.out) == (1, USAGE)


def test_an_unknown_option_is_a_bad_argument() -> None:
    done = virtual.run(["xtables-monitor", "-x"], Host())
    assert (done.rc, done.err.startswith("xtables-monitor 1.8.9: Bad argument.\n")) == (2, True)


@pytest.mark.parametrize("option", ["--event", "-t --counters"])
def test_what_is_not_modelled_is_refused_by_name(option: str) -> None:
    done = virtual.run(["xtables-monitor", *option.split()], Host())
    assert (done.rc, "is not modelled" in done.err) == (2, True)


def test_an_ipv6_packet_is_told_with_the_length_that_the_tool_tells() -> None:
    seen = described(view6(header=Ipv6Header(0xFE80 << 112 | 1, 2, 17, ttl=255)), NFPROTO_IPV6)
    assert seen is not None
    assert packet_words(seen, 0, str).endswith(
        "MACPROTO=86dd SRC=fe80::1 DST=::2 LEN=32 TC=0 HOPLIMIT=255 FLOWLBL=0 SPORT=5 DPORT=6 "
    )
