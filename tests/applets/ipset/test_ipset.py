"""ipset: the same commands on both sides, and what cannot be seen from outside."""

from __future__ import annotations

import re
import shlex
import shutil

import pytest

from pystack.applets import virtual
from pystack.applets.virtual import Completed, Outside, run_setup
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.host import Host

COMMANDS = """
ipset version
ipset create a hash:ip
ipset create a hash:ip
ipset create a hash:ip -exist
ipset create a hash:net -exist
ipset create b hash:net family inet6 timeout 60 counters comment maxelem 10 hashsize 64
ipset create c hash:ip,port counters forceadd
ipset create d hash:ip netmask 24
ipset create e hash:ip,port family inet6 timeout 0
ipset create f hash:net netmask 24
ipset create g hash:foo
ipset create h
ipset create
ipset create i hash:ip foo
ipset create j hash:ip timeout
ipset create j hash:ip timeout x
ipset create j hash:ip timeout 9999999
ipset create z hash:ip netmask 0
ipset create abcdefghijabcdefghijabcdefghijabc hash:ip
ipset create k hash:ip family inet family inet6
ipset create m hash:ip hashsize 100 maxelem 2 bucketsize 1 initval 0x12345678
ipset add a 1.2.3.4
ipset add a 1.2.3.4
ipset -exist add a 1.2.3.4
ipset add a 1.2.3.5-1.2.3.7
ipset add a 1.2.4.0/30
ipset add a 0.0.0.0
ipset add a ::1
ipset add a foo
ipset add a
ipset add a 1.2.3.9 timeout 5
ipset add a 1.2.3.9 packets 5
ipset add a 1.2.3.9 comment x
ipset add a 1.2.3.9 nomatch
ipset add a 1.2.3.9,tcp:5
ipset add zzz 1.2.3.4
ipset add m 1.1.1.1-1.1.1.9
ipset add b 2001:db8::/32 comment "hello there" packets 5 bytes 6
ipset add b 2001:db8:1::/48 nomatch timeout 0
ipset add b 2001:db8:2::1
ipset add b ::/0
ipset add b ::1/129
ipset add b ::1 comment "a\\"b"
ipset add c 1.2.3.4,tcp:80
ipset add c 1.2.3.4,80
ipset add c 1.2.3.4,udp:53-55
ipset add c 1.2.3.4,icmp:ping
ipset add c 1.2.3.4,icmp:8/0
ipset add c 1.2.3.4,icmp:3/1
ipset add c 1.2.3.4,47:0
ipset add c 1.2.3.4,47:5
ipset add c 1.2.3.4
ipset add c 1.2.3.4,foo:80
ipset add c 1.2.3.4,sctp:80
ipset add d 10.1.2.3
ipset add d 10.1.2.9
ipset add e 2001:db8::1,tcp:443 timeout 30
ipset add e 2001:db8::1,icmpv6:echo-request
ipset test a 1.2.3.4
ipset test a 1.2.3.99
ipset -q test a 1.2.3.99
ipset test b 2001:db8::5
ipset test b 2001:db8:1::5
ipset test b 2001:db8:1::5 nomatch
ipset test c 1.2.3.4,80
ipset test d 10.1.2.77
ipset del a 1.2.3.99
ipset del a 1.2.3.99 -exist
ipset del a 1.2.3.4
ipset list a
ipset list b
ipset list c
ipset list d
ipset list e
ipset list m
ipset list zzz
ipset list -n
ipset list -t a
ipset list a b
ipset list a -o foo
ipset save a
ipset save b
ipset rename a b
ipset rename a a2
ipset rename zz y
ipset rename a2
ipset swap a2 d
ipset swap a2 b
ipset swap zz b
ipset flush zz
ipset flush b
ipset list b
ipset destroy zz
iptables -A INPUT -m set --match-set d src -j ACCEPT
iptables-legacy -A INPUT -j SET --add-set d dst --exist
ipset list -t d
ipset destroy d
ipset rename d q
ipset destroy
ipset destroy b
ipset foo
ipset add
ipset
ipset -q add zz 1.2.3.4
iptables -A INPUT -m set ! --match-set c src,dst --return-nomatch ! --update-counters ! --update-subcounters
iptables -A INPUT -m set --match-set c src,dst --packets-gt 5 ! --bytes-eq 7
iptables -A INPUT -m set --match-set c src,dst,src,dst,src,dst,src
iptables -A INPUT -m set --match-set c foo
iptables -A INPUT -m set
iptables -A INPUT -m set --match-set e src,dst
iptables -A INPUT -m set --set c src
iptables -A INPUT -m set --match-set c src --packets-lt 5 --packets-gt 6
iptables -A INPUT -j SET --add-set d src --exist --timeout 50 --del-set c src,dst
iptables -A INPUT -j SET --del-set c src --timeout 5
iptables -A INPUT -j SET
iptables-nft -S INPUT
iptables-nft -nL INPUT
"""
MASKS = (
    (re.compile(r"initval 0x[0-9a-f]{8}"), "initval N"),
    (re.compile(r"Size in memory: \d+"), "Size in memory: N"),
    (re.compile(r"timeout (29|59)\b"), lambda found: f"timeout {int(found[1]) + 1}"),
)


def masked(text: str) -> str:
    for pattern, instead in MASKS:
        text = pattern.sub(instead, text)
    head, members, rest = text.partition("Members:\n")
    lines = rest.splitlines() if members else head.splitlines()
    in_order = sorted(lines) if members or text.startswith("create ") else lines
    return "\n".join([head if members else "", *in_order])


def run(host: Host, line: str, text: str = "") -> Completed:
    return virtual.run(shlex.split(line), host, None, Outside(stdin=text.encode()))


@pytest.mark.root
def test_commands_print_what_the_real_tool_prints() -> None:
    if shutil.which("ipset") is None:
        pytest.skip("ipset is not here")
    host = Host(seed=1)
    with KernelNetns() as kernel:
        for line in COMMANDS.strip().splitlines():
            theirs, ours = kernel.run(shlex.split(line)), run(host, line)
            assert (ours.rc, masked(ours.out), ours.err) == (theirs.rc, masked(theirs.out), theirs.err), line


def test_what_is_saved_is_restored() -> None:
    host, other = Host(seed=1), Host(seed=2)
    setup = """
ipset create n hash:net counters comment timeout 100
ipset add n 10.0.0.0/8 comment "a b" packets 7
ipset add n 10.1.0.0/16 nomatch
ipset create p hash:ip,port
ipset add p 1.2.3.4,udp:53
"""
    assert run_setup(host, setup, "s") == []
    text = run(host, "ipset save").out
    assert run(other, "ipset restore", text).rc == 0
    assert run(other, "ipset save").out == text


def test_a_line_that_fails_is_named_and_those_before_it_stay() -> None:
    host = Host()
    done = run(
        host, "ipset restore", "create q hash:ip\n# a comment\nadd q 1.2.3.4\nadd q 1.2.3.4\nadd q 1.2.3.5\n"
    )
    assert (done.rc, done.err) == (
        1,
        "ipset v7.17: Error in line 4: Element cannot be added to the set: it's already added\n",
    )
    assert run(host, "ipset list q").out.endswith("Members:\n1.2.3.4\n")


@pytest.mark.parametrize(
    "line", ["create x bitmap:ip range 1.2.3.0/24", "create x hash:ip skbinfo", "list -o xml", "help hash:ip"]
)
def test_what_is_not_modelled_is_refused_by_name(line: str) -> None:
    done = run(Host(), f"ipset {line}")
    assert done.rc == 2
    assert "is not modelled (known: " in done.err


def test_a_full_set_makes_room_if_it_was_made_so() -> None:
    host = Host()
    run_setup(host, "ipset create x hash:ip maxelem 2 forceadd\nipset add x 1.1.1.1-1.1.1.3\n", "s")
    assert run(host, "ipset save x -s").out.splitlines()[1:] == ["add x 1.1.1.2", "add x 1.1.1.3"]


def test_a_swapped_set_is_asked_by_its_name() -> None:
    host = Host()
    setup = """
ipset create x hash:ip
ipset create y hash:ip
ipset add y 1.2.3.4
iptables -A INPUT -m set --match-set x src
ipset swap x y
"""
    assert run_setup(host, setup, "s") == []
    assert run(host, "ipset test x 1.2.3.4").rc == 0
    assert "References: 1\n" in run(host, "ipset list x").out
    assert "-m set --match-set x src" in run(host, "iptables -S").out
