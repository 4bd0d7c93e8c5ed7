"""Without a setup: what lines cannot be, whatever the rules are."""

import pytest

from tests.compare.log.logs import BRIDGE, VM, accounts_of, echo, faults_of, routed


def swapped(lines: list[str], first: int) -> list[str]:
    return [*lines[:first], lines[first + 1], lines[first], *lines[first + 2 :]]


def test_lines_in_the_kernels_order_keep_every_law() -> None:
    assert faults_of(accounts_of(routed())) == []


@pytest.mark.parametrize(
    ("first", "text"),
    [
        (1, "RAW-PREROUTING stands behind NAT-PREROUTING, and at ip PREROUTING raw comes before nat"),
        (2, "NAT-PREROUTING stands behind EB-FILTER-INPUT, and ip PREROUTING comes before bridge INPUT"),
        (3, "EB-FILTER-INPUT stands behind FILTER-FORWARD, and bridge INPUT comes before ip FORWARD"),
        (4, "FILTER-FORWARD stands behind NAT-POSTROUTING, and ip FORWARD comes before ip POSTROUTING"),
    ],
)
def test_lines_that_changed_places_are_found(first: int, text: str) -> None:
    assert faults_of(accounts_of(swapped(routed(), first))) == [("order", text)]


def test_a_ttl_that_nothing_can_have_made_is_found() -> None:
    lines = [line.replace("TTL=63", "TTL=62") if "FORWARD" in line else line for line in routed()]
    assert faults_of(accounts_of(lines)) == [
        ("field", "FILTER-FORWARD has TTL=62, and the lines before make it 63"),
    ]


def test_a_prefix_in_the_wrong_chain_is_found() -> None:
    lines = [line.replace("FILTER-FORWARD", "FILTER-INPUT") for line in routed()]
    assert ("field", "the prefix says INPUT, the devices say FORWARD") in faults_of(accounts_of(lines))


def test_a_line_that_the_next_packet_of_the_flow_has_is_missed() -> None:
    lines = [line for line in routed(7) if "FORWARD" not in line] + routed(8)
    missing = "no line FILTER-FORWARD, which other packets of this flow have at ip FORWARD"
    assert faults_of(accounts_of(lines)) == [("missing", missing)]


def test_a_rule_about_first_packets_is_not_missed_later() -> None:
    lines = routed(7) + [line for line in routed(8) + routed(9) if "FORWARD" not in line]
    assert faults_of(accounts_of(lines)) == []


def test_a_rule_about_another_port_is_not_missed() -> None:
    ends = "SRC=10.0.0.2 DST=10.0.0.1 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID={} PROTO=UDP SPT={} DPT={} LEN=20 "
    link = f"MAC={BRIDGE}:{VM}:08:00 "
    lines = [
        f"RAW-PREROUTING IN=wan OUT= {link}{ends.format(1, 5, 53)}",
        f"FILTER-INPUT IN=wan OUT= {link}{ends.format(1, 5, 53)}",
        f"RAW-PREROUTING IN=wan OUT= {link}{ends.format(2, 5, 22)}",
        f"MANGLE-PREROUTING ssh IN=wan OUT= {link}{ends.format(2, 5, 22)}",
        f"FILTER-INPUT IN=wan OUT= {link}{ends.format(2, 5, 22)}",
    ]
    assert faults_of(accounts_of(lines)) == []


def test_nat_is_asked_once_a_connection_and_not_missed_later() -> None:
    lines = routed(7) + [line for line in routed(8) if "NAT-P" not in line or line.startswith("EB")]
    assert faults_of(accounts_of(lines)) == []


def test_what_comes_after_the_last_line_is_not_missed() -> None:
    assert faults_of(accounts_of(routed(7)[:3] + routed(8))) == []


def test_where_a_note_leaves_lines_out_none_is_missed() -> None:
    lines = [*routed(7)[:2], "...", *routed(7)[5:], *routed(8)]
    assert faults_of(accounts_of(lines)) == []


def test_without_br_netfilter_ip_sees_a_packet_only_when_the_bridge_hands_it_up() -> None:
    frame = f"MAC source = {VM} MAC dest = {BRIDGE} proto = 0x0800"
    link = f"MAC={BRIDGE}:{VM}:08:00 "
    lines = [
        f"EB-PREROUTING  IN=tap1 OUT= {frame}",
        f"EB-INPUT  IN=tap1 OUT= {frame}",
        f"PREROUTING IN=br0 OUT= {link}{echo(to='10.0.0.1')}",
        f"INPUT IN=br0 OUT= {link}{echo(to='10.0.0.1')}",
    ]
    (account,) = accounts_of(lines)
    assert (account.kind, account.findings) == ("1-2", [])
    assert [str(hook) for hook in account.hooks] == [
        "bridge BROUTING",
        "bridge PREROUTING",
        "bridge INPUT",
        "ip PREROUTING",
        "ip INPUT",
    ]


@pytest.mark.parametrize("tables", [("nat", "filter"), ("filter", "nat")])
def test_ebtables_asks_its_tables_of_output_in_the_order_of_its_back_end(tables: tuple[str, str]) -> None:
    frame = f"MAC source = {BRIDGE} MAC dest = {VM} proto = 0x0800"
    ip = f"OUTPUT IN= OUT=br0 {echo(source='10.0.0.1', to='10.0.0.2')}"
    lines = [ip, *(f"EB-{table.upper()}-OUTPUT  IN= OUT=tap1 {frame}" for table in tables)]
    assert faults_of(accounts_of(lines)) == []
