"""Rules of iptables and its kin in nft's words, as the real nft 1.0.6 lists them."""

import json
import shlex

import pytest

from pystack.applets import virtual
from pystack.host import Host

LISTED = {
    "iptables -A INPUT -p tcp --dport 22 -m comment --comment x -j ACCEPT": "tcp dport 22  counter accept",
    "iptables -A INPUT -s 10.0.0.0/8 ! -i eth+ -p udp ! --dport 0:80": (
        'iifname != "eth*" ip saddr 10.0.0.0/8 udp dport > 80 counter'
    ),
    "iptables -A INPUT -p tcp -m multiport --dports 22,80:90": (
        "meta l4proto 6 tcp dport { 22, 80-90 } counter"
    ),
    "iptables -A INPUT -m state --state RELATED,ESTABLISHED": "ct state related,established counter",
    "iptables -A INPUT -m recent --set -j LOG --log-prefix hi": 'xt match recent counter log prefix "hi"',
    "iptables -A INPUT -m time --weekdays Mon,Sun": " meta day { 1, 0 } counter",
    "iptables -A INPUT -m hashlimit --hashlimit-upto 5/min --hashlimit-name a --hashlimit-mode srcip": (
        "meter a { ip saddr timeout 60s limit rate 5/minute } counter"
    ),
    "iptables -t mangle -A INPUT -j MARK --set-xmark 1/3": (
        "counter meta mark set mark and 0xfffffffc xor 0x1"
    ),
    "iptables -t nat -A PREROUTING -p tcp -j DNAT --to-destination 1.2.3.4:80": (
        "meta l4proto 6 counter dnat to 1.2.3.4:80"
    ),
    "ip6tables -A INPUT -s fe80::/10 -m limit --limit 5/min -j REJECT": (
        "ip6 saddr fe80::/10 limit rate 5/minute counter reject"
    ),
    "ebtables -A FORWARD -p ip --ip-src 1.2.3.4 -j DROP": "ether type ip ip saddr 1.2.3.4 counter drop",
    "ebtables -t nat -A PREROUTING -j dnat --to-dst 2:0:0:0:0:1": (
        "counter ether daddr set 2:0:0:0:0:1 accept"
    ),
    "arptables -A INPUT -s 1.2.3.4 -j DROP": (
        "arp htype 1 arp hlen 6 arp plen 4 arp saddr ip 1.2.3.4 counter drop"
    ),
}


def nft(host: Host, words: str) -> str:
    return virtual.run(["nft", *words.split()], host).out


@pytest.mark.parametrize("command", LISTED)
def test_a_rule_is_listed_in_nfts_words(command: str) -> None:
    host = Host()
    assert virtual.run(shlex.split(command), host).rc == 0
    lines = nft(host, "-s list ruleset").splitlines()
    assert lines[3] == f"\t\t{LISTED[command]}"


def test_of_what_nft_has_no_words_for_json_has_names_alone() -> None:
    host = Host()
    rule = "iptables -A INPUT -m state --state NEW -m limit -j NOTRACK -t raw"
    assert virtual.run(shlex.split(rule.replace("INPUT", "OUTPUT")), host).rc == 0
    things = json.loads(nft(host, "-j list ruleset"))["nftables"]
    (said,) = [thing["rule"]["expr"] for thing in things if "rule" in thing]
    assert said == [
        {"xt": {"type": "match", "name": "conntrack"}},
        {"limit": {"rate": 3, "burst": 5, "per": "hour"}},
        {"counter": {"packets": 0, "bytes": 0}},
        {"xt": {"type": "target", "name": "CT"}},
    ]


def test_nft_warns_of_tables_with_what_only_xtables_knows() -> None:
    host = Host()
    virtual.run(shlex.split("iptables -A INPUT -s 1.2.3.4 -j DROP"), host)
    assert virtual.run(["nft", "list", "ruleset"], host).err == ""
    virtual.run(shlex.split("iptables -A INPUT -j LOG"), host)
    warning = "# Warning: table ip filter is managed by iptables-nft, do not touch!\n"
    assert virtual.run(["nft", "list", "ruleset"], host).err == warning
    assert virtual.run(["nft", "list", "chains"], host).err == ""
    assert virtual.run(["nft", "-j", "list", "ruleset"], host).err == ""


def test_tables_of_iptables_legacy_are_none_of_nfts() -> None:
    host = Host()
    virtual.run(shlex.split("iptables-legacy -A INPUT -j DROP"), host)
    assert nft(host, "list ruleset") == ""
