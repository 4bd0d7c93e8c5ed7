"""What TRACE writes: the kernel's own lines in scenarios/netfilter/trace-legacy.toml."""

from pystack.applets import virtual
from pystack.applets.virtual import run_setup
from pystack.events import Event, Printk
from pystack.host import Host


def traced(*rules: str) -> list[str]:
    """Where a ping of 127.0.0.1 went, once raw OUTPUT asked for it; its answer is not followed."""
    host, lines = Host(), list[str]()

    def note(event: Event) -> None:
        if isinstance(event, Printk) and event.text.startswith("TRACE: ") and "TYPE=8 " in event.text:
            lines.append(event.text.split(" IN=")[0].removeprefix("TRACE: "))

    host.events.subscribe(note)
    setup = ["ip link set lo up", *rules, "iptables-legacy -t raw -A OUTPUT -j TRACE"]
    assert run_setup(host, "".join(f"{line}\n" for line in setup), "setup") == []
    virtual.run(["ping", "-c1", "-W1", "127.0.0.1"], host)
    return lines


def test_a_chain_without_a_rule_that_matches_ends_in_its_policy() -> None:
    assert traced("iptables-legacy -A INPUT -p tcp")[:3] == [
        "raw:OUTPUT:policy:2",
        "filter:OUTPUT:policy:1",
        "raw:PREROUTING:policy:1",
    ]


def test_rules_are_told_by_their_numbers_and_chains_by_their_return() -> None:
    jump = ("iptables-legacy -N u", "iptables-legacy -A u -p icmp", "iptables-legacy -A OUTPUT -p icmp -j u")
    assert traced(*jump)[1:5] == [
        "filter:OUTPUT:rule:1",
        "filter:u:rule:1",
        "filter:u:return:2",
        "filter:OUTPUT:policy:2",
    ]


def test_a_rule_that_returns_is_the_last_of_its_chain() -> None:
    jump = (
        "iptables-legacy -N u",
        "iptables-legacy -A u -p icmp -j RETURN",
        "iptables-legacy -A OUTPUT -p icmp -j u",
    )
    assert traced(*jump)[1:4] == ["filter:OUTPUT:rule:1", "filter:u:rule:1", "filter:OUTPUT:policy:2"]


def test_a_rule_for_all_packets_is_told_as_the_end_of_its_chain() -> None:
    assert traced("iptables-legacy -A OUTPUT -j ACCEPT")[1] == "filter:OUTPUT:policy:1"


def test_behind_a_goto_both_ends_are_told() -> None:
    jump = ("iptables-legacy -N u", "iptables-legacy -A OUTPUT -p icmp -g u")
    assert traced(*jump)[1:4] == ["filter:OUTPUT:rule:1", "filter:u:return:1", "filter:OUTPUT:policy:2"]


def test_tables_of_nft_write_no_lines() -> None:
    assert not any(":u:" in line for line in traced("iptables -t filter -N u", "iptables -A OUTPUT -j u"))
