"""What hangs at the hooks, as a user asks."""

import json

from pystack.applets import virtual
from pystack.applets.virtual import run_setup
from pystack.host import Host

HEAD = "FAMILY  HOOK         PRIORITY  WHO                     PACKETS\n"


def hooks(host: Host, *words: str) -> str:
    return virtual.run(["hooks", *words], host).out


def test_a_host_on_which_nobody_asked_for_anything_has_no_functions_at_its_hooks() -> None:
    assert hooks(Host()) == HEAD


def test_functions_are_listed_in_the_order_in_which_they_run_with_their_packets() -> None:
    host = Host()
    setup = "ip link set lo up\niptables -A INPUT\niptables -t raw -A PREROUTING\nping -c1 127.0.0.1\n"
    assert run_setup(host, setup, "setup") == []
    listed = [line.split() for line in hooks(host).splitlines()[1:]]
    assert ["ip", "PREROUTING", "-300", "raw/PREROUTING", "2"] in listed
    assert ["ip", "INPUT", "0", "filter/INPUT", "2"] in listed
    assert ["bridge", "POSTROUTING", "INT_MAX", "br_netfilter", "0"] in listed


def test_what_decides_between_route_and_bridge_comes_first() -> None:
    host = Host()
    assert run_setup(host, "ebtables-legacy -t broute -P BROUTING ACCEPT\n", "setup") == []
    first = hooks(host).splitlines()[1]
    assert first == "bridge  BROUTING      INT_MIN  broute/BROUTING               0"


def test_chains_of_nft_are_told_with_their_tables_and_devices() -> None:
    host = Host()
    setup = """ip link set lo up
nft 'add table inet f; add chain inet f in { type filter hook input priority 5; }'
nft 'add table netdev n; add chain netdev n in { type filter hook ingress device lo priority 0; }'
ping -c1 127.0.0.1
"""
    assert run_setup(host, setup, "setup") == []
    assert hooks(host).splitlines()[-3:] == [
        "ip      INPUT               5  inet f/in                     2",
        "ip6     INPUT               5  inet f/in                     0",
        "netdev  INGRESS             0  netdev n/in lo                2",
    ]


def test_programs_get_the_same_as_json() -> None:
    host = Host()
    virtual.run(["iptables", "-A", "FORWARD"], host)
    told = [entry for entry in json.loads(hooks(host, "-j")) if entry["family"] == "ip"]
    assert told == [{"family": "ip", "hook": "FORWARD", "priority": 0, "who": "filter/FORWARD", "packets": 0}]


def test_what_is_no_argument_is_refused() -> None:
    done = virtual.run(["hooks", "x"], Host())
    assert (done.rc, done.err) == (2, "pystack: hooks: x is not an argument (known: -j)\n")
