"""A reload leaves the counters of rules that stay as they are."""

import pytest

from pystack.applets import virtual
from pystack.daemon.inherit_rules import inherit_rules
from pystack.host import Host

PING = "ping -c 3 -i 0.2 127.0.0.1"
SETUP = """\
ip link set lo up
iptables -A INPUT -p udp -j DROP
iptables -A INPUT -p icmp -j ACCEPT
iptables-legacy -A OUTPUT -p icmp
nft add table inet t
nft add counter inet t pings
nft add quota inet t much { 1 mbytes }
nft 'add chain inet t c { type filter hook input priority 1; policy accept; }'
nft 'add set inet t seen { type ipv4_addr; flags dynamic,timeout; timeout 1h; counter; }'
nft add set inet t fixed '{ type ipv4_addr; }'
nft add rule inet t c ip protocol icmp counter counter name pings quota name much
nft add rule inet t c ip protocol icmp update @seen { ip saddr }
"""


def made(setup: str) -> Host:
    host = Host(seed=1)
    assert virtual.run_setup(host, setup, "setup") == []
    return host


def listed(host: Host, command: str) -> str:
    return virtual.run(command.split(), host).out


@pytest.fixture
def heir() -> Host:
    """Of a host that was pinged; in its setup one rule is gone and another one is new."""
    old = made(SETUP)
    virtual.run(PING.split(), old)
    new = made(SETUP.replace("iptables -A INPUT -p udp -j DROP", "iptables -A INPUT -p tcp -j DROP"))
    inherit_rules(new.init, old.init)
    return new


def test_rules_that_stay_go_on_counting(heir: Host) -> None:
    assert "[6:504] -A INPUT -p icmp -j ACCEPT" in listed(heir, "iptables-save -c")
    assert "[6:504] -A OUTPUT -p icmp" in listed(heir, "iptables-legacy-save -c")


def test_a_rule_that_is_new_begins(heir: Host) -> None:
    assert "[0:0] -A INPUT -p tcp -j DROP" in listed(heir, "iptables-save -c")


def test_counters_and_quotas_of_nft_go_on(heir: Host) -> None:
    told = listed(heir, "nft list ruleset inet")
    assert told.count("packets 6 bytes 504") == 3  # in the rule, under a name, in the element of a set
    assert "used 504 bytes" in told


def test_what_is_said_twice_is_told_apart_by_its_order() -> None:
    setup = (
        "ip link set lo up\n" + "iptables -A INPUT -p icmp\n" * 2 + "iptables -I INPUT -p icmp -j ACCEPT\n"
    )
    old = made(setup)
    virtual.run(PING.split(), old)
    new = made(setup)
    inherit_rules(new.init, old.init)
    assert listed(new, "iptables-save -c") == listed(old, "iptables-save -c")


def test_elements_that_rules_added_stay_and_those_that_were_typed_do_not() -> None:
    old, new = made(SETUP), made(SETUP)
    virtual.run(PING.split(), old)
    virtual.run(["nft", "add", "element", "inet", "t", "fixed", "{", "10.0.0.1", "}"], old)
    new.clock.set(old.clock.now)
    inherit_rules(new.init, old.init)
    assert listed(new, "nft list set inet t seen") == listed(old, "nft list set inet t seen")
    assert "127.0.0.1 counter packets" in listed(new, "nft list set inet t seen")
    assert "elements" not in listed(new, "nft list set inet t fixed")
