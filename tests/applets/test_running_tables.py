"""The firewall of a running setup: run again on a new host, it is the same firewall."""

from pystack.applets import virtual
from pystack.applets.running_setup import setup_lines
from pystack.applets.virtual import run_setup
from pystack.host import Host

FIREWALL = """
ip netns add b
iptables -N mine
iptables -P INPUT DROP
iptables -A INPUT ! -s 10.0.0.0/8 -i 'eth+' -p tcp -m tcp --dport 80:90 -j mine
iptables -A INPUT -m comment --comment "it's a \\"test\\"" -g mine
iptables -A mine -j LOG --log-prefix 'a b: '
iptables -A mine -m string --string 'x;y' --algo bm -j DROP
iptables -t mangle -A OUTPUT -j MARK --set-mark 5
iptables-legacy -t raw -A PREROUTING -i lo -j ACCEPT
ip netns exec b iptables -A FORWARD -j REJECT
ebtables -N "my frames" -P DROP
ebtables -A FORWARD ! -s 2:0:0:0:0:1 -p IPv4 --ip-proto tcp --mark 5 --log-prefix 'a \\b: ' -j 'my frames'
ebtables -t nat -A PREROUTING -p ARP -j arpreply --arpreply-mac 2:0:0:0:0:9
ebtables-legacy -t broute -A BROUTING -p IPv4 -j redirect --redirect-target DROP
ebtables-legacy -P FORWARD DROP
arptables -N mine
arptables -A INPUT ! --src-mac 2:0:0:0:0:1 -s 10.0.0.0/8 -j mine
arptables-legacy -A FORWARD --opcode Request -j mangle --mangle-ip-s 10.0.0.9
arptables-legacy -P OUTPUT DROP
"""


def saved(host: Host) -> list[str]:
    commands = (
        ("iptables-save",),
        ("iptables-legacy-save",),
        ("ip", "netns", "exec", "b", "iptables-save"),
        ("ebtables-save",),
        ("ebtables-legacy", "-t", "broute", "-L"),
        ("ebtables-legacy", "-L"),
        ("arptables-save",),
        ("arptables-legacy-save",),
    )
    lines = [line for argv in commands for line in virtual.run(list(argv), host).out.splitlines()]
    return [line for line in lines if not line.startswith("#")]


def test_a_firewall_comes_back_from_the_running_setup() -> None:
    host, again = Host(), Host()
    assert run_setup(host, FIREWALL, "setup") == []
    text = "".join(f"{line}\n" for line in setup_lines(host, {}))
    assert run_setup(again, text, "again") == []
    assert saved(again) == saved(host)
    assert setup_lines(again, {}) == setup_lines(host, {})


def test_a_host_without_a_firewall_has_no_lines_of_one() -> None:
    assert not any("iptables" in line for line in setup_lines(Host(), {}))


def test_tables_that_were_only_looked_at_are_no_decision() -> None:
    host = Host()
    virtual.run(["iptables", "-L"], host)
    virtual.run(["iptables-legacy", "-t", "nat", "-L"], host)
    assert not any("iptables" in line for line in setup_lines(host, {}))


MIXED = """
iptables -N users
iptables -A FORWARD -p tcp -j users
nft add set ip filter s '{ type ipv4_addr; elements = { 10.0.0.1 }; }'
nft add map ip filter m '{ type inet_service : verdict; elements = { 22 : jump users }; }'
nft add chain ip filter early '{ type filter hook input priority -5; policy drop; }'
nft add rule ip filter early ip saddr @s accept
nft insert rule ip filter FORWARD tcp dport vmap @m
nft add rule ip filter users ct state new drop
iptables -A users -j LOG
ebtables -N usr -P DROP
nft insert rule bridge filter usr ether saddr 00:00:00:00:00:01 accept
"""


def test_what_nft_has_put_into_tables_of_iptables_comes_back_in_its_place() -> None:
    host, again = Host(), Host()
    assert run_setup(host, MIXED, "setup") == []
    text = "".join(f"{line}\n" for line in setup_lines(host, {}))
    assert run_setup(again, text, "again") == []
    chains = ("ip filter users", "ip filter FORWARD", "ip filter early", "bridge filter usr")
    for chain in chains:
        listed = [virtual.run(["nft", "list", "chain", *chain.split()], one).out for one in (host, again)]
        assert listed[0] == listed[1] != ""
    assert setup_lines(again, {}) == setup_lines(host, {})
