"""Each way to differ is found, named and put into its class; nature's differences are forgiven by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from pystack.compare.diff import Comparison, Differ
from pystack.compare.records import Frame, Hop, Log, Output, Record, State
from pystack.wire import arp, icmp, ipv4
from pystack.wire.ethernet import ETH_P_ARP, ETH_P_IP, header

VM = b"\xba\xec\x24\0\0\1"
OWN = b"\2\0\0\0\0\1"
OURS, THEIRS = 0x0A000001, 0x0A000009


def echo(ident: int = 7, ttl: int = 64, *, reply: bool = False, source: bytes = VM) -> bytes:
    message = icmp.build(0 if reply else 8, 0, 1, 1, b"x" * 8)
    saddr, daddr = (OURS, THEIRS) if reply else (THEIRS, OURS)
    packet = ipv4.build(ipv4.Ipv4Header(saddr, daddr, 1, id=ident, ttl=ttl), len(message)) + message
    return header(OWN, source, ETH_P_IP) + packet


def compared(kernel: Sequence[Record], pystack: Sequence[Record]) -> Comparison:
    entered = Frame(1, "tap1", "in", echo())
    return Differ([entered, *kernel], [entered, *pystack]).compare()


def only(kernel: Sequence[Record], pystack: Sequence[Record]) -> tuple[str, str]:
    (difference,) = compared(kernel, pystack).differences
    return difference.cls, difference.cause


def out(data: bytes, port: str = "tap2") -> Frame:
    return Frame(1, port, "out", data)


def hop(priority: int, data: bytes, **fields: object) -> Hop:
    plain: dict[str, object] = dict.fromkeys(
        ("table", "chain", "rule", "indev", "outdev", "physin", "physout")
    )
    return Hop(1, 1, "bridge", "PREROUTING", priority, mark=0, data=data, **{**plain, **fields})  # type: ignore[arg-type]


def test_equal_sides_have_no_difference() -> None:
    records: list[Record] = [out(echo()), Log(1, "[X] IN= "), hop(-300, echo()), State(1, "fdb", "a\nb")]
    assert compared(records, records).differences == []


def test_a_frame_that_only_the_kernel_passes_on_is_a_verdict() -> None:
    assert only([out(echo())], []) == ("VERDICT", "only the kernel has it at port tap2")


def test_a_frame_at_another_port_is_one_difference_of_egress() -> None:
    assert only([out(echo(), "tap2")], [out(echo(), "tap3")]) == ("EGRESS", "another port")


def test_a_changed_field_is_named() -> None:
    assert only([out(echo(ttl=63))], [out(echo(ttl=62))]) == ("REWRITE", "ip.ttl, ip.chksum")


def test_the_identification_of_a_reply_is_forgiven_and_counted() -> None:
    comparison = compared([out(echo(100, reply=True))], [out(echo(200, reply=True))])
    assert comparison.differences == []
    assert comparison.forgiven == {"ip-id": 1}


def test_the_identification_of_a_packet_that_was_passed_on_is_not_forgiven() -> None:
    assert only([out(echo(7))], [out(echo(8))]) == ("REWRITE", "ip.id, ip.chksum")


def test_a_reply_that_only_one_side_sends_is_a_reply() -> None:
    answer = arp.build(arp.Arp(2, OWN, OURS, VM, THEIRS))
    assert only([out(header(VM, OWN, ETH_P_ARP) + answer)], [])[0] == "REPLY"


def test_a_checksum_that_is_wrong_by_one_is_found() -> None:
    wrong = bytearray(echo(ttl=63))
    wrong[25] ^= 1
    assert only([out(echo(ttl=63))], [out(bytes(wrong))]) == ("REWRITE", "ip.chksum")


@pytest.mark.parametrize(("at", "field"), [(25, "ip.chksum"), (37, "icmp.chksum")])
def test_a_checksum_that_is_wrong_is_found_in_a_reply_too(at: int, field: str) -> None:
    wrong = bytearray(echo(200, reply=True))
    wrong[at] ^= 1
    cls, cause = only([out(echo(100, reply=True))], [out(bytes(wrong))])
    assert cls == "REPLY"
    assert field in cause


def test_a_hop_in_another_order_is_timing() -> None:
    found = only([hop(-300, echo()), hop(0, echo())], [hop(0, echo()), hop(-300, echo())])
    assert found == ("TIMING", "in another order")


def test_frames_in_another_order_are_timing() -> None:
    one, two = out(echo(ttl=63)), out(echo(ttl=62))
    assert only([one, two], [two, one]) == ("TIMING", "in another order")


@pytest.mark.parametrize("record", [out(echo(9, ttl=63)), Log(1, "IN=eth0 OUT= "), hop(0, echo())])
def test_what_comes_in_another_step_is_timing(record: Record) -> None:
    assert only([record], [replace(record, step=3)]) == ("TIMING", "pystack has it in step 3")


def test_a_hop_that_leads_to_another_port_is_a_difference_of_egress() -> None:
    kernel, pystack = hop(0, echo(), outdev="tap2"), hop(0, echo(), outdev="tap3")
    assert only([kernel], [pystack]) == ("EGRESS", "outdev at bridge PREROUTING 0")


def test_of_a_flood_only_the_copy_that_is_missing_is_told() -> None:
    flood = [hop(0, echo(), outdev="tap3"), hop(0, echo(), outdev="tap2")]
    (difference,) = compared(flood, flood[1:]).differences
    assert (difference.cls, difference.kernel, difference.pystack) == ("VERDICT", flood[0], None)


def test_a_flood_that_takes_one_port_for_another_is_a_difference_of_egress() -> None:
    kernel = [hop(0, echo(), outdev="tap3"), hop(0, echo(), outdev="tap1")]
    pystack = [hop(0, echo(), outdev="tap1"), hop(0, echo(), outdev="tap2")]
    (difference,) = compared(kernel, pystack).differences
    assert (difference.cls, difference.kernel, difference.pystack) == ("EGRESS", kernel[0], pystack[1])


def test_a_moved_frame_leaves_what_stood_beside_it_alone() -> None:
    kernel = [out(echo(ttl=63), "tap2")]
    pystack = [out(echo(ttl=63), "tap3"), out(echo(ttl=62), "tap2")]
    found = compared(kernel, pystack).differences
    assert [(one.cls, one.kernel, one.pystack) for one in found] == [
        ("EGRESS", kernel[0], pystack[0]),
        ("VERDICT", None, pystack[1]),
    ]


def test_two_packets_with_a_wrong_mark_are_not_taken_for_each_other() -> None:
    kernel = [replace(hop(0, echo()), packet=number) for number in (1, 2)]
    pystack = [replace(one, mark=7) for one in kernel]
    assert [one.cls for one in compared(kernel, pystack).differences] == ["RULE", "RULE"]


def test_frames_of_different_kinds_are_not_held_against_each_other() -> None:
    answer = header(VM, OWN, ETH_P_ARP) + arp.build(arp.Arp(2, OWN, OURS, VM, THEIRS))
    found = compared([out(echo(ttl=63))], [out(answer)]).differences
    assert sorted(one.cls for one in found) == ["REPLY", "VERDICT"]


def test_a_cause_names_no_field_that_is_forgiven() -> None:
    assert only([out(echo(100, 64, reply=True))], [out(echo(200, 63, reply=True))]) == ("REPLY", "ip.ttl")


@pytest.mark.parametrize(
    ("name", "theirs", "ours", "cls"),
    [("physin", "tap1", "tap2", "RULE"), ("verdict", "DROP", "ACCEPT", "VERDICT"), ("mark", 1, 2, "RULE")],
)
def test_a_hop_that_says_something_else_is_told_by_its_field(
    name: str, theirs: object, ours: object, cls: str
) -> None:
    left = hop(0, echo()) if name == "mark" else hop(0, echo(), **{name: theirs})
    right = (
        hop(0, echo(), **{name: ours})
        if name != "mark"
        else Hop(1, 1, "bridge", "PREROUTING", 0, None, None, None, None, None, None, None, 2, echo())
    )
    assert only([left], [right]) == (cls, f"{name} at bridge PREROUTING 0")


def test_what_one_side_cannot_see_is_not_equal_but_not_observable() -> None:
    comparison = compared([hop(0, echo(), rule=None)], [hop(0, echo(), rule="filter:FORWARD:1")])
    assert comparison.differences == []
    assert comparison.not_observable == 1


def test_a_log_line_is_compared_to_the_last_space() -> None:
    assert only([Log(1, "[A] IN=br0 ")], [Log(1, "[A] IN=br0")])[0] == "LOG"


def test_times_in_output_are_forgiven_and_words_are_not() -> None:
    def output(text: str, rc: int = 0) -> Output:
        return Output(1, "ping -c1 10.0.0.1", rc, text, text, "")

    answer = "64 bytes from 10.0.0.1: icmp_seq=1 ttl={} time={} ms"
    assert compared([output(answer.format(64, 0.1))], [output(answer.format(64, 2.5))]).differences == []
    assert only([output(answer.format(64, 0.1))], [output(answer.format(63, 0.1))])[0] == "OUTPUT"
    assert only([output("x")], [output("x", 1)]) == ("OUTPUT", "exit code")


def unreachable(quote: bytes) -> bytes:
    message = icmp.build(3, 1, 0, 0, quote)
    packet = ipv4.build(ipv4.Ipv4Header(OURS, THEIRS, 1), len(message)) + message
    return header(VM, OWN, ETH_P_IP) + packet


def test_an_error_about_a_ping_of_the_stack_forgives_what_differs_in_pings() -> None:
    pings = [
        ipv4.build(ipv4.Ipv4Header(OURS, OURS + 1, 1, id=ident), 40)
        + icmp.build(8, 0, ident, 1, bytes([ident]) * 16 + b"x" * 16)
        for ident in (5, 6)
    ]
    comparison = compared(*([out(unreachable(ping))] for ping in pings))
    assert comparison.differences == []
    assert comparison.forgiven == {"quoted-ping": 1}


def test_an_error_about_what_came_in_must_quote_it_to_the_last_bit() -> None:
    quotes = [echo()[14:], echo()[14:18] + b"\xff" + echo()[19:]]
    assert only(*([out(unreachable(quote))] for quote in quotes))[0] == "REPLY"


def test_the_timers_of_a_bridge_are_forgiven_and_its_states_are_not() -> None:
    def output(text: str) -> Output:
        return Output(1, "ip -d link", 0, text, text, "")

    port = "bridge_slave state {} hold_timer    0.00 forward_delay_timer {}"
    running, stopped = port.format("forwarding", "  14.98"), port.format("forwarding", "   0.00")
    assert compared([output(running)], [output(stopped)]).differences == []
    assert only([output(running)], [output(port.format("disabled", "  14.98"))])[0] == "OUTPUT"


def test_a_table_is_compared_without_its_order() -> None:
    assert compared([State(1, "fdb", "a\nb")], [State(1, "fdb", "b\na")]).differences == []
    assert only([State(1, "fdb", "a\nb")], [State(1, "fdb", "b\nc")]) == ("STATE", "fdb: a")


def test_group_reports_of_the_kernel_are_forgiven_by_name() -> None:
    report = header(b"\1\0\x5e\0\0\x16", OWN, ETH_P_IP) + ipv4.build(ipv4.Ipv4Header(OURS, 0xE0000016, 2), 0)
    comparison = compared([out(report)], [])
    assert comparison.differences == []
    assert comparison.forgiven == {"igmp-at-link-up": 1}


def test_of_a_packets_hops_only_the_first_that_differs_is_told() -> None:
    kernel = [hop(-300, echo(ttl=64)), hop(0, echo(ttl=63)), hop(300, echo(ttl=63))]
    pystack = [hop(-300, echo(ttl=64)), hop(0, echo(ttl=62)), hop(300, echo(ttl=62))]
    assert only(kernel, pystack) == ("REWRITE", "ip.ttl, ip.chksum")


def test_a_hop_that_one_side_lacks_is_told_though_the_next_one_differs_too() -> None:
    kernel = [hop(-300, echo()), hop(0, echo()), hop(300, echo(ttl=63))]
    pystack = [hop(-300, echo()), hop(300, echo(ttl=62))]
    assert only(kernel, pystack) == ("VERDICT", "only the kernel has it at bridge PREROUTING 0")
