"""hashlimit's many options, in packets and in octets, as the real tool takes and prints them."""

from __future__ import annotations

import pytest

from tests.applets.both_sides import both_sides

OPTIONS = """
--hashlimit-upto 5b/s
--hashlimit-upto 512kb/s
--hashlimit-above 512kb/s --hashlimit-burst 1mb
--hashlimit-above 10mb/s --hashlimit-burst 20000
--hashlimit-above 1gb/s
--hashlimit-above 5000b/s --hashlimit-burst 10kb
--hashlimit-above 5000b/s --hashlimit-burst 10000b
--hashlimit-above 100b/s
--hashlimit-above 0b/s
--hashlimit-above b/s
--hashlimit-above 5xb/s
--hashlimit-above 4294967295mb/s
--hashlimit-above 5kb/s --hashlimit-burst 0
--hashlimit-above 5/s --hashlimit-burst 10kb
--hashlimit-above 5kb/s --hashlimit-burst 1gb
--hashlimit-upto 5/s --hashlimit-rate-match
--hashlimit-upto 5/s --hashlimit-rate-match --hashlimit-rate-interval 10
--hashlimit-upto 5/s --hashlimit-rate-interval 10
--hashlimit-upto 5kb/s --hashlimit-rate-match --hashlimit-rate-interval 2
--hashlimit-upto 5/s --hashlimit-burst 1000001
--hashlimit-upto 1000001/s
--hashlimit-upto 60/min
--hashlimit-upto 60/min --hashlimit-htable-expire 60000
--hashlimit-upto 1/s --hashlimit-htable-expire 1000
--hashlimit-upto 5kb/s --hashlimit-htable-expire 15000
--hashlimit-upto 5kb/s --hashlimit-burst 5kb --hashlimit-htable-expire 60000
--hashlimit-upto 5/s --hashlimit-srcmask 33
--hashlimit-upto 5/s --hashlimit-srcmask 0 --hashlimit-dstmask 32 --hashlimit-mode srcip
--hashlimit-upto 5/s --hashlimit-htable-expire 0
--hashlimit-upto 5/s --hashlimit-htable-gcinterval 1000 --hashlimit-htable-size 0 --hashlimit-htable-max 7
--hashlimit-upto 1/day --hashlimit-burst 1000000
--hashlimit-upto 65535/s --hashlimit-burst 1000000
--hashlimit-upto 5KB/S
--hashlimit-upto 1.5mb/s
--hashlimit-upto 123456b/s
! --hashlimit-upto 5b/s --hashlimit-mode dstport,srcip
"""


@pytest.mark.root
@pytest.mark.parametrize("program", ["iptables-nft", "iptables-legacy", "ip6tables-nft"])
def test_every_option_is_taken_and_printed_as_the_real_tool_does_it(program: str) -> None:
    with both_sides("") as sides:
        for number, options in enumerate(OPTIONS.strip().splitlines()):
            sides.assert_same(f"{program} -A INPUT -m hashlimit --hashlimit-name n{number} {options}")
        sides.assert_same(f"{program} -S INPUT")
        sides.assert_same(f"{program} -nL INPUT")
