"""Which tool's text is taken for a table that iptables-nft and nft both know."""

from pystack.applets.virtual import run
from pystack.hooks.imported.building import Building
from pystack.hooks.imported.firewall import add_firewalls
from pystack.hooks.imported.seen import Row, Seen
from pystack.host import Host

SAVED = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n-A FORWARD -p udp -j ACCEPT\nCOMMIT\n"
LISTED = """\
table ip filter {
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
		meta l4proto udp counter packets 0 bytes 0 accept
	}
}
"""
PLAIN = LISTED.replace("priority filter", "priority 0").replace("l4proto udp", "l4proto 17")
BESIDE = "\t\tct mark 5 drop\n\t}\n}\n"


def built(listed: str, plain: str, things: list[Row]) -> tuple[Building, str]:
    host = Host(seed=1)
    building = Building(host, host.init)
    seen = Seen(firewalls={"iptables-nft-save": SAVED}, nft=listed, nft_plain=plain, nft_things=things)
    add_firewalls(building, seen)
    return building, run(["nft", "-n", "-s", "list", "ruleset"], host).out


def beside(text: str) -> str:
    return text.removesuffix("\t}\n}\n") + BESIDE


def test_what_iptables_saved_is_taken_without_chains_that_are_not_there() -> None:
    building, listing = built(LISTED, PLAIN, [])
    assert building.left_out == []
    assert listing == PLAIN.replace("counter packets 0 bytes 0", "counter")


def test_what_nft_says_beside_it_is_taken_from_nft() -> None:
    building, listing = built(beside(LISTED), beside(PLAIN), [])
    assert building.left_out == []
    assert "ct mark 0x00000005 drop" in listing


def test_where_rules_of_modules_stand_beside_it_that_is_named() -> None:
    rule = {"family": "ip", "table": "filter", "expr": [{"xt": {"type": "match", "name": "state"}}]}
    building, listing = built(beside(LISTED), beside(PLAIN), [{"rule": rule}])
    why = "iptables-nft keeps it, and nft has put there what that cannot say"
    assert building.left_out == [f"table ip filter: {why}"]
    assert "ct mark" not in listing
