"""ip6tables: its own tables and addresses, and what it refuses that iptables takes."""

from __future__ import annotations

import shlex

import pytest

from pystack.applets import virtual
from pystack.applets.virtual import Completed
from pystack.host import Host
from tests.applets.both_sides import both_sides

OWNERS = ("ip6tables-nft", "ip6tables-legacy")


def run(host: Host, line: str) -> Completed:
    return virtual.run(shlex.split(line), host)


@pytest.mark.parametrize("program", OWNERS)
def test_the_families_have_tables_of_their_own(program: str) -> None:
    host = Host()
    assert run(host, f"{program} -A INPUT -s fe80::/10 -j DROP").rc == 0
    assert run(host, f"{program} -S INPUT").out == "-P INPUT ACCEPT\n-A INPUT -s fe80::/10 -j DROP\n"
    assert run(host, f"{program.replace('6', '')} -S INPUT").out == "-P INPUT ACCEPT\n"


@pytest.mark.parametrize("program", OWNERS)
def test_lines_of_the_other_family_are_no_lines_at_all(program: str) -> None:
    host = Host()
    assert run(host, f"{program} -4 -A INPUT").rc == 2
    assert run(host, f"{program} -6 -A INPUT").rc == 0


@pytest.mark.parametrize("words", ["-m ttl --ttl-eq 5", "-m icmp", "-j TTL --ttl-set 5"])
def test_what_only_ipv4_has_does_not_exist(words: str) -> None:
    assert "ip6tables v1.8.9" in run(Host(), f"ip6tables -t mangle -A INPUT {words}").err


@pytest.mark.parametrize("words", ["-j SNPT", "-j DNPT", "-m rt", "-m addrtype"])
def test_what_is_not_modelled_is_refused_by_name(words: str) -> None:
    done = run(Host(), f"ip6tables -A INPUT {words}")
    assert (done.rc, done.err.partition(" is not")[0]) == (2, f"pystack: ip6tables {words}")


def test_a_restored_firewall_is_the_one_that_was_saved() -> None:
    host = Host()
    text = "*filter\n:INPUT DROP [1:2]\n:mine - [0:0]\n[3:4] -A INPUT -s 2001:db8::/32 -j mine\nCOMMIT\n"
    outside = virtual.Outside(stdin=text.encode())
    assert virtual.run(["ip6tables-restore", "-c"], host, None, outside).rc == 0
    saved = run(host, "ip6tables-save -c").out
    assert ":INPUT DROP [1:2]\n" in saved
    assert "[3:4] -A INPUT -s 2001:db8::/32 -j mine\n" in saved


LINES = """
-A INPUT -s fe80::1 -d ff02::/16 -j ACCEPT
-A INPUT -s 2001:db8::1/ffff:0:ffff:: -i lo -j REJECT
-A INPUT ! -s 2001:db8::/32 -p tcp -m tcp --dport 1:5 -j REJECT --reject-with tcp-reset
-A INPUT -s ::/128 -p icmpv6 --icmpv6-type 135
-A INPUT -p ipv6-icmp -m icmp6 ! --icmpv6-type 1/3 -j LOG --log-prefix x
-A INPUT -m ah --ahspi 1:5 --ahlen 12 --ahres
-A INPUT -m hl ! --hl-eq 255 -j DROP
-A INPUT -m iprange --src-range ::1-::5
-A INPUT -m recent --set --name r
-A INPUT -p ah
-A INPUT -f
-A INPUT -s 1.2.3.4
-A INPUT -s ::1/129
-A INPUT -j REJECT --reject-with echo-reply
-A INPUT ! -s ::/0
"""


@pytest.mark.root
@pytest.mark.parametrize("program", OWNERS)
def test_rules_are_taken_listed_and_saved_as_the_real_tool_does_it(program: str) -> None:
    with both_sides("") as sides:
        for line in LINES.strip().splitlines():
            sides.assert_same(f"{program} {line}")
        for command in (
            "-S",
            "-L -n",
            "-L -n -v",
            "-nL INPUT 2",
            "-t nat -S",
            "-t nope -S",
            "-D INPUT 9",
            "-V",
        ):
            sides.assert_same(f"{program} {command}")


NAT_LINES = """
-A PREROUTING -p tcp -j DNAT --to-destination [2001:db8::1]:80
-A PREROUTING -p tcp -j DNAT --to-destination 2001:db8::1-2001:db8::f --random --persistent
-A PREROUTING -p tcp -j DNAT --to-destination [2001:db8::1-2001:db8::f]:80-90
-A PREROUTING -p tcp -j DNAT --to-destination [2001:db8::1]-[2001:db8::f]:80
-A PREROUTING -p tcp -j DNAT --to-destination :80
-A PREROUTING -p tcp -j DNAT --to-destination []:80
-A PREROUTING -p tcp -j DNAT --to-destination [::1
-A PREROUTING -p tcp -j DNAT --to-destination [::1]x:80
-A PREROUTING -p tcp -j DNAT --to-destination [::1]:80-90/1000
-A PREROUTING -j DNAT --to-destination [::1]:80
-A PREROUTING -p tcp -j DNAT --to-destination 10.0.0.1:80
-A PREROUTING -p icmpv6 -j DNAT --to-destination [::1]:80
-A POSTROUTING -j SNAT --to-source ::ffff:1.2.3.4 --random-fully
-A POSTROUTING -p udp -j SNAT --to-source [2001:db8::5]:100-200/5
-A POSTROUTING -p tcp -j MASQUERADE --to-ports 100-200 --random
-A PREROUTING -p tcp -j REDIRECT --to-ports 80
-A PREROUTING -p tcp -j REDIRECT --to-ports 80-90/1000
-A PREROUTING -j NETMAP --to 2001:db8:5::/64
-A PREROUTING -j NETMAP --to 2001:db8:5::1
-A POSTROUTING -j NETMAP --to 2001:db8:5::1/ffff::
-A POSTROUTING -j NETMAP --to 2001:db8:5::1/ffff:0:ffff::
-A POSTROUTING -j NETMAP --to 2001:db8:5::1/129
-A POSTROUTING -j NETMAP --to 10.0.0.0/8
"""


@pytest.mark.root
@pytest.mark.parametrize("program", OWNERS)
def test_addresses_to_translate_to_are_read_and_written_as_the_real_tool_does_it(program: str) -> None:
    with both_sides("") as sides:
        for line in NAT_LINES.strip().splitlines():
            sides.assert_same(f"{program} -t nat {line}")
        sides.assert_same(f"{program} -t nat -S")
        sides.assert_same(f"{program} -t nat -L -n")


@pytest.mark.root
@pytest.mark.parametrize("program", ["iptables", "ip6tables", "iptables-legacy"])
def test_the_help_is_that_of_the_real_tool(program: str) -> None:
    with both_sides("") as sides:
        sides.assert_same(f"{program} -h")
        sides.assert_same(f"{program}-restore -h")
