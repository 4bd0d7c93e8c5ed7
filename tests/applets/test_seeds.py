"""The listings of the user's own notes: they run, or each line that does not says why."""

import re
from pathlib import Path

import pytest

from pystack.applets import virtual
from pystack.applets.registry import check_setup
from pystack.host import Host

NOTES = Path(__file__).parents[3] / "shared" / "seeds"
FAULT = re.compile(r"pystack: listing:\d+: .+")


def listings() -> list[str]:
    found = sorted(NOTES.glob("002_*.txt"))
    if not found:
        pytest.skip("the user's notes (shared/seeds/002) are not beside this checkout")
    return re.findall(r"```bash\n(.*?)```", found[0].read_text(), re.DOTALL)


def listing_with(text: str) -> str:
    [found] = [listing for listing in listings() if text in listing]
    return found


def test_every_line_that_cannot_run_says_why() -> None:
    for listing in listings():
        assert all(FAULT.fullmatch(fault) for fault in check_setup(listing, "listing"))


def test_the_tuning_listing_runs_as_it_stands() -> None:
    host = Host()
    assert virtual.run_setup(host, listing_with("tcp_max_syn_backlog=65535"), "listing") == []
    assert virtual.run(["sysctl", "-n", "net.ipv4.tcp_rmem"], host).out == "4096\t87380\t16777216\n"


def test_the_namespace_listing_runs_but_for_its_endless_pings() -> None:
    listing = listing_with("ip netns add test_ns")
    assert check_setup(listing, "listing") == []
    finite = [line for line in listing.splitlines() if "ping" not in line]
    assert virtual.run_setup(Host(), "\n".join(finite), "listing") == []


def test_the_listing_of_iptables_runs_as_it_stands() -> None:
    host, files = Host(), dict[str, bytes]()
    outside = virtual.Outside(lambda path: files.get(path, b""), files.__setitem__)
    assert virtual.run_setup(host, listing_with("Port forwarding (DNAT)"), "listing", outside=outside) == []
    assert ":INPUT DROP" in files["/etc/iptables.rules"].decode()


def test_the_listing_of_nft_runs_but_for_the_look_at_a_table_that_is_not_there_yet() -> None:
    host, listing = Host(), listing_with("nft add table inet filter")
    assert virtual.run_setup(host, listing.replace("nft list table inet filter\n", ""), "listing") == []
    listed = virtual.run(["nft", "list", "ruleset"], host).out
    assert "type filter hook input priority filter; policy drop;\n" in listed
    assert "tcp dport { 80, 443 } accept\n" in listed
    assert 'oifname "eth0" masquerade\n' in listed


def test_the_file_of_nft_loads_and_is_listed() -> None:
    listings()
    notes = next(NOTES.glob("002_*.txt")).read_text()
    [file] = re.findall(r"```\n(# nftables config file.*?)```", notes, re.DOTALL)
    host, outside = Host(), virtual.Outside(lambda path: file.encode())
    assert virtual.run(["nft", "-f", "/etc/nftables.conf"], host, outside=outside).text == ""
    assert virtual.run(["nft", "list", "table", "inet", "filter"], host).out.splitlines()[3:11] == [
        "\t\tct state established,related accept",
        '\t\tiif "lo" accept',
        "\t\tip protocol 1 accept",
        "\t\tip6 nexthdr 58 accept",
        "\t\ttcp dport 22 ct state new limit rate 3/minute accept",
        "\t\ttcp dport { 80, 443 } accept",
        '\t\tlog prefix "nftables drop: " limit rate 5/minute',
        "\t}",
    ]
