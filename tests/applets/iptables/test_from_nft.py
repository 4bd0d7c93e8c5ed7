"""Rules that nft's users put into tables of iptables, read by iptables."""

import pytest

from pystack.applets import virtual
from pystack.host import Host
from pystack.netfilter.hooks import NFPROTO_IPV4

READ = {
    "drop": "-j DROP",
    "ip saddr 10.0.0.0/8 tcp dport 1-5 counter accept": "-s 10.0.0.0/8 -p tcp -m tcp --dport 1:5 -j ACCEPT",
    "ip daddr & 255.0.255.0 != 10.0.1.0": "! -d 10.0.1.0/255.0.255.0",
    'iifname "eth0" oifname != "eth*" ip protocol 1': "-i eth0 ! -o eth+ -p icmp",
    "udp sport > 5 return": "-p udp -m udp --sport 6:65535 -j RETURN",
    "tcp flags ! syn,ack": "-p tcp -m tcp --tcp-flags SYN,ACK NONE",
    "meta mark & 0xff000000 == 0x01000000": "-m mark --mark 0x1000000/0xff000000",
    "limit rate 3/second": "-m limit --limit 3/sec",
    "log group 1 prefix x": "-j NFLOG --nflog-prefix x --nflog-group 1",
    "ip frag-off & 0x1fff == 0": "! -f",
    "goto users": "-g users",
}


@pytest.fixture
def host() -> Host:
    host = Host()
    assert virtual.run_setup(host, "iptables -A FORWARD -j ACCEPT\niptables -N users\n", "setup") == []
    return host


def run(host: Host, line: str) -> virtual.Completed:
    return virtual.run(["sh", "-c", line], host)


@pytest.mark.parametrize("rule", READ)
def test_what_iptables_could_have_said_is_listed_in_its_words(host: Host, rule: str) -> None:
    assert run(host, f"nft 'insert rule ip filter FORWARD {rule}'").rc == 0
    lines = run(host, "iptables -S FORWARD").out.splitlines()
    assert lines[1:] == [f"-A FORWARD {READ[rule]}", "-A FORWARD -j ACCEPT"]
    assert run(host, f"iptables -D FORWARD {READ[rule]}").rc == 0
    assert run(host, "iptables -S FORWARD").out.splitlines()[1:] == ["-A FORWARD -j ACCEPT"]


def test_what_iptables_does_not_know_makes_a_table_incompatible(host: Host) -> None:
    run(host, "nft add rule ip filter users ct state new drop")
    assert "table `filter' is incompatible, use 'nft' tool.\n" in run(host, "iptables -S").err
    assert "chain `users' in table `filter' is incompatible" in run(host, "iptables -S users").err
    assert run(host, "iptables -S FORWARD").rc == 0
    assert run(host, "iptables -A users -j DROP").rc == 0
    assert run(host, "iptables-save").out == "# Table `filter' is incompatible, use 'nft' tool.\n"


def test_what_iptables_would_list_wrongly_is_refused_by_name(host: Host) -> None:
    run(host, "nft 'add rule ip filter users tcp dport { 22, 80 } drop'")
    assert "is not modelled (known: nft list ruleset)" in run(host, "iptables -S").err


def test_a_rule_of_nft_counts_for_iptables_what_its_counter_counts(host: Host) -> None:
    run(host, "nft add rule ip filter users counter packets 3 bytes 5 drop")
    assert run(host, "iptables -v -S users").out == "-N users\n-A users -c 3 5 -j DROP\n"
    run(host, "iptables -Z users")
    assert run(host, "iptables -v -S users").out == "-N users\n-A users -c 0 0 -j DROP\n"


def test_base_chains_that_are_not_iptables_own_are_hidden_from_it(host: Host) -> None:
    run(host, "nft 'add chain ip filter early { type filter hook input priority -5; }'")
    said = run(host, "iptables -S").out
    assert said.startswith(
        "# Table `filter' contains incompatible base-chains, use 'nft' tool to list them.\n"
    )
    assert "early" not in said.partition("\n")[2]
    assert run(host, "iptables -A early -j DROP").rc == 1


def test_a_built_in_chain_that_nft_made_otherwise_cannot_be_used(host: Host) -> None:
    run(host, "nft 'add chain ip filter INPUT { type filter hook input priority -5; }'")
    refused = run(host, "iptables -A INPUT -j DROP")
    assert "CHAIN_ADD failed (Operation not supported): chain INPUT" in refused.err


def test_a_chain_of_iptables_that_nft_leads_to_stays(host: Host) -> None:
    run(host, "nft add rule ip filter FORWARD jump users")
    assert "CHAIN_DEL failed (Device or resource busy)" in run(host, "iptables -X users").err
    assert "(1 references)" in run(host, "iptables -nL users").out
    run(host, "nft flush chain ip filter FORWARD")
    assert run(host, "iptables -X users").rc == 0


def test_the_other_programs_refuse_what_they_cannot_read() -> None:
    host = Host()
    run(host, "ebtables -A FORWARD -j DROP; nft add rule bridge filter FORWARD accept")
    run(host, "arptables -A INPUT -j DROP; nft add rule arp filter INPUT accept")
    for line in ("ebtables -L", "ebtables -D FORWARD -j ACCEPT", "arptables -S", "arptables -L"):
        assert "is not modelled" in run(host, line).err


def test_flushing_gives_back_what_a_rule_of_nft_has_taken(host: Host) -> None:
    run(host, "nft 'add rule ip filter FORWARD tcp dport vmap { 22 : jump users } ct state { new } drop'")
    assert "(1 references)" in run(host, "iptables -nL users").out
    run(host, "iptables -F FORWARD")
    assert run(host, "iptables -X users").rc == 0
    assert not host.init.conntrack.tracks(NFPROTO_IPV4)


def test_a_restored_table_has_nothing_of_nfts_left(host: Host) -> None:
    run(host, "nft 'add chain ip filter early { type filter hook input priority -5; ct state new drop; }'")
    stdin = virtual.Outside(stdin=b"*filter\n-A INPUT -j ACCEPT\nCOMMIT\n")
    assert virtual.run(["iptables-restore"], host, None, stdin).rc == 0
    assert "early" not in run(host, "nft list ruleset").out
    assert [entry.name for entry in host.init.hooks.ip[1].entries] == ["filter/INPUT"]
