"""--lint: what it finds is named with both places, and what it calls dead never matches."""

from __future__ import annotations

import random

import pytest

from pystack.applets import virtual
from pystack.applets.iptables.lint import Linter
from pystack.applets.virtual import run_setup
from pystack.host import Host
from pystack.netfilter.hooks import INPUT, HookState
from pystack.netfilter.table import NFT
from pystack.netfilter.view import View
from pystack.netfilter.walk import walk
from pystack.wire.ipv4 import Ipv4Header
from tests.frames import ip
from tests.netfilter.rules import IN, view


def lint(setup: str, *options: str) -> list[str]:
    host = Host()
    text = "".join(f"iptables {line}\n" for line in setup.strip().splitlines())
    assert run_setup(host, text, "s") == []
    done = virtual.run(["iptables", "--lint", *options], host)
    assert (done.rc, done.err) == (int(bool(done.out)), "")
    return done.out.splitlines()


HIDDEN = [
    ("-s 10.0.0.0/8", "-s 10.1.0.0/16 -p tcp"),
    ("-p tcp", "-p tcp -m tcp --dport 80"),
    ("-p tcp -m tcp", "-p tcp -m tcp --dport 80"),
    ("-i eth+", "-i eth0"),
    ("-i eth+", "-i eth0+"),
    ("! -i lo", "-i eth0"),
    ("! -s 10.0.0.0/8", "-s 192.168.0.1"),
    ("! -s 10.1.0.0/16", "! -s 10.0.0.0/8"),
    ("! -p udp", "-p tcp"),
    ("-p tcp -m multiport --dports 22,80:90", "-p tcp -m tcp --dport 85"),
    ("-p tcp --dport 1:100", "-p tcp -m multiport --dports 22,80:90"),
    ("-p tcp ! --dport 80", "-p tcp --dport 81:90"),
    ("-m conntrack --ctstate NEW,ESTABLISHED", "-m state --state NEW"),
    ("-m state ! --state INVALID", "-m conntrack --ctstate ESTABLISHED"),
    ("-m mark --mark 5", "-m mark --mark 5 -p tcp"),
    ("-m length --length 1:100", "-m length --length 50"),
    ("-m iprange --src-range 10.0.0.1-10.0.0.9", "-m iprange --src-range 10.0.0.2-10.0.0.3"),
    ("", "-p tcp"),
]
ALIVE = [
    ("-s 10.1.0.0/16", "-s 10.0.0.0/8"),
    ("-p tcp -m tcp", "-p tcp"),
    ("-i eth0", "-i eth+"),
    ("! -i eth0", "-i eth+"),
    ("! -s 10.0.0.0/8", "! -s 10.1.0.0/16"),
    ("-m limit --limit 1/s", "-m limit --limit 1/s"),
    ("-m statistic --mode random --probability 0.5", "-p tcp"),
    ("-m state --state NEW", "-m conntrack ! --ctstate INVALID"),
    ("-m conntrack ! --ctstate DNAT", "-m conntrack --ctstate NEW"),
    ("-p tcp -m multiport --sports 80", "-p tcp --dport 80"),
    ("-p tcp --dport 80", "-p tcp ! --dport 81"),
]


@pytest.mark.parametrize(("first", "second"), HIDDEN)
def test_a_rule_for_packets_that_another_decided_about_is_found(first: str, second: str) -> None:
    (line,) = lint(f"-A INPUT {first} -j ACCEPT\n-A INPUT {second} -j DROP")
    assert line.startswith("filter:INPUT:2 (")
    assert ") s:2: can never match, hidden by filter:INPUT:1 (" in line
    assert line.endswith(") s:1")


@pytest.mark.parametrize(("first", "second"), ALIVE)
def test_a_rule_that_may_match_is_let_alone(first: str, second: str) -> None:
    assert lint(f"-A INPUT {first} -j ACCEPT\n-A INPUT {second} -j DROP") == []


def test_a_rule_that_only_counts_or_logs_hides_nothing() -> None:
    assert lint("-A INPUT\n-A INPUT -j LOG\n-A INPUT -p tcp -j DROP") == []


def test_what_was_decided_in_a_chain_is_decided_for_its_callers() -> None:
    (line,) = lint("""-N no
-A no -j LOG
-A no -s 10.0.0.0/8 -j DROP
-A INPUT -p tcp -j no
-A INPUT -p tcp -s 10.1.2.3 -j ACCEPT""")
    assert line == (
        "filter:INPUT:2 (-s 10.1.2.3/32 -p tcp -j ACCEPT) s:5: can never match, "
        "hidden by filter:no:2 (-s 10.0.0.0/8 -j DROP) s:3"
    )


def test_behind_a_return_nothing_is_decided_for_the_callers() -> None:
    assert (
        lint("-N no\n-A no -i lo -j RETURN\n-A no -j DROP\n-A INPUT -j no\n-A INPUT -p tcp -j ACCEPT") == []
    )


def test_a_chain_that_lets_nobody_back_hides_what_follows() -> None:
    (line,) = lint("-N no\n-A no -j LOG\n-A no -j DROP\n-A INPUT -j no\n-A INPUT -p tcp -j ACCEPT")
    assert "filter:INPUT:2 " in line
    assert "hidden by filter:INPUT:1 (-j no)" in line


def test_a_rule_is_dead_only_if_it_is_on_every_way() -> None:
    chain = "-N one\n-A one -p tcp -j ACCEPT\n"
    first = "-A INPUT -p tcp -j DROP\n-A INPUT -j one"
    assert len(lint(f"{chain}{first}")) == 1
    assert lint(f"{chain}{first}\n-A OUTPUT -j one") == []


def test_what_a_target_changes_is_asked_anew() -> None:
    rules = "-t mangle -A INPUT -m mark --mark 1 -j ACCEPT\n{}-t mangle -A INPUT -m mark --mark 1 -j DROP"
    assert len(lint(rules.format(""))) == 1
    assert lint(rules.format("-t mangle -A INPUT -j MARK --set-mark 1\n")) == []


def test_chains_without_packets_or_rules_are_told() -> None:
    assert lint("-N lost\n-A lost -j DROP\n-N empty\n-A INPUT -p tcp -j empty") == [
        "filter:lost: no packet comes here",
        "filter:INPUT:1 (-p tcp -j empty) s:4: leads to nothing, the chain empty is empty",
    ]


def test_a_rule_of_nat_decides_about_its_packets() -> None:
    first = "-A PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0.2"
    second = "-A PREROUTING -s 10.0.0.0/8 -p tcp -m tcp --dport 80 -j REDIRECT"
    apart = "-A PREROUTING -p tcp -m tcp --dport 81 -j REDIRECT"
    (found,) = lint(f"-t nat {first}\n-t nat {second}\n-t nat {apart}")
    assert found.startswith("nat:PREROUTING:2 (")
    assert found.endswith("--to-destination 10.0.0.2) s:1")


def test_one_table_can_be_chosen() -> None:
    rules = "-A INPUT -j DROP\n-A INPUT -j DROP\n-t raw -A OUTPUT -j DROP\n-t raw -A OUTPUT -j DROP"
    assert [line.partition(":")[0] for line in lint(rules)] == ["filter", "raw"]
    assert [line.partition(":")[0] for line in lint(rules, "-t", "raw")] == ["raw"]


def test_other_options_are_refused_by_name() -> None:
    done = virtual.run(["iptables", "--lint", "-L"], Host())
    assert (done.rc, "iptables --lint -L is not modelled" in done.err) == (2, True)


PROTOCOLS = ",,-p tcp,-p udp,! -p tcp,-p tcp --dport 80,-p tcp --dport 1:100,-p udp ! --dport 53".split(",")
SOURCES = ",-s 10.0.0.0/8,-s 10.0.0.1,! -s 10.0.0.0/8,! -s 10.0.0.1,-s 10.0.0.0/31".split(",")
DEVICES = ",,-i tap1,-i tap+,! -i tap1,-i lo".split(",")
OTHERS = ",,-m mark --mark 1,-m mark ! --mark 1,-m length --length 0:40,-m ttl --ttl-gt 10".split(",")
TARGETS = "-j ACCEPT,-j DROP,-j RETURN,-j MARK --set-mark 1,-j LOG,-j one,-g two,-j two,".split(",")
MAY_LEAD_TO = {"INPUT": ("one", "two"), "one": ("two",), "two": ()}


def random_rule(draw: random.Random, chain: str) -> str:
    words = [draw.choice(choices) for choices in (PROTOCOLS, SOURCES, DEVICES, OTHERS, TARGETS)]
    leads_to = words[-1][-3:]
    if leads_to in MAY_LEAD_TO and leads_to not in MAY_LEAD_TO[chain]:
        words[-1] = "-j RETURN"  # no loops
    return f"-t mangle -A {chain} {' '.join(words)}"


@pytest.mark.parametrize("seed", range(40))
def test_no_packet_ever_matches_a_rule_that_is_called_dead(seed: int) -> None:
    draw = random.Random(seed)
    host = Host()
    rules = [random_rule(draw, chain) for chain in MAY_LEAD_TO for _ in range(6)]
    text = "".join(f"iptables {line}\n" for line in ["-t mangle -N two", "-t mangle -N one", *rules])
    assert run_setup(host, text, "s") == []
    table = host.init.tables.get(NFT, "mangle")
    assert table is not None
    dead = {line.split(" ")[0] for line in Linter(table).findings() if "can never match" in line}
    base = next(chain for chain in table.base_chains() if chain.hook == INPUT)
    for _ in range(300):
        walk(base, packet(draw))
    for chain in table.chains.values():
        for number, rule in enumerate(chain.rules, 1):
            assert not rule.packets or f"mangle:{chain.name}:{number}" not in dead, text


def packet(draw: random.Random) -> View:
    header = Ipv4Header(
        ip(draw.choice(["10.0.0.1", "10.0.0.2", "10.0.0.0", "192.168.0.1"])),
        ip("10.0.0.9"),
        draw.choice([1, 6, 17]),
        ttl=draw.choice([5, 11, 64]),
        frag_off=draw.choice([0, 0, 0, 5]),
    )
    body = b"\0\5" + draw.choice([80, 81, 53]).to_bytes(2, "big") + bytes(draw.choice([4, 16, 40]))
    seen = view(header=header, body=body)
    seen.pkt.mark = draw.choice([0, 1])
    return View.of_ipv4(seen.pkt, HookState(INPUT, draw.choice([IN, None]), None, lambda _: None))
