"""Lines are grouped to packets, and each packet's kind of path is named: logs that kernels wrote."""

import re
from pathlib import Path

import pytest

from tests.compare.log.logs import BRIDGE, VM, accounts_of, echo, packets_of, routed, shared

LO = "4-lo-4 delivered"
# What each measured log shows, packet by packet: the kind of its path, how it ended, how many lines it has.
MEASURED = {
    "I_127_to_wan": [],
    "arp_request_for_br0": ["1-7 sent by tap2, 4", "4-2-8 sent by tap1, 3"],
    "arp_request_vm1_for_vm2": ["1-7 sent by tap2, 4", "1-7 sent by tap1, 3"],
    "bcast_ping": ["1-7 sent by tap2, 13"],
    "bindtodev_br0_to_wan": [
        "4-2-8 sent by br0, 6",
        "4-2-8 sent by tap2, tap1, 6",
        "4-2-8 sent by tap2, tap1, 6",
    ],
    "bindtodev_lo_to_wan": [f"{LO}, 10"],
    "bindtodev_lo_to_wlpip": [f"{LO}, 10", f"{LO}, 8", f"{LO}, 8"],
    "bindtodev_wlp_to_other_local": [
        "4-6 sent by wlp2s0, 6",
        "3-? last seen at ip PREROUTING, 2",
        "4-2-8 sent by tap2, tap1, 6",
    ],
    "bindtodev_wlp_to_own": [f"{LO}, 10", f"{LO}, 8"],
    "bindtodev_wlp_to_wan": ["4-6 sent by wlp2s0, 6", "3-4 delivered, 4"],
    "dnat_bridged_other_port": ["1-? last seen at ip PREROUTING, 4"],
    "dnat_bridged_to_routed": ["1-6 sent by wlp2s0, 8", "3-2-8 sent by tap1, 8"],
    "dnat_output": ["4-2-8 sent by tap1, 9", "1-4 delivered, 6"],
    "lo_I_127_to_br0ip": [f"{LO}, 10", f"{LO}, 8"],
    "lo_I_br0ip_to_127": [f"{LO}, 10", f"{LO}, 8"],
    "lo_I_br0ip_to_wlpip": [f"{LO}, 10", f"{LO}, 8"],
    "lo_plain_to_wlpip": [f"{LO}, 10", f"{LO}, 8"],
    "masq_container_to_wan": ["1-6 sent by wlp2s0, 9", "3-2-8 sent by veth346b018, 8"],
    "nat-log-without-conntrack": ["4-2-8 sent by br0, 4", "1-2 delivered, 4"],
    "nat_first_packet_only": [
        "4-6 sent by wlp2s0, 6",
        "3-4 delivered, 4",
        "4-6 sent by wlp2s0, 4",
        "3-4 delivered, 4",
    ],
    "no_route_fwd": ["1-? answered by ICMP unreachable, code 0, 5", "4-2-8 sent by tap1, 7"],
    "no_route_local": [],
    "p1-2-8_container_to_vm1": ["1-2-8 sent by tap1, 12", "1-2-8 sent by veth346b018, 10"],
    "p1-2-8_vm1_to_container": ["1-2-8 sent by veth346b018, 12", "1-2-8 sent by tap1, 10"],
    "p1-2-8_vm1_to_container_nocall": ["1-2-8 sent by veth346b018, 12", "1-2-8 sent by tap1, 10"],
    "p1-4_vm_to_br0ip": ["1-2 delivered, 8", "4-2-8 sent by tap1, 7"],
    "p1-4_vm_to_br0ip_nocall": ["1-2 delivered, 8", "4-2-8 sent by tap1, 7"],
    "p1-4_vm_to_docker0ip": ["1-4 delivered, 8", "4-2-8 sent by tap1, 7"],
    "p1-4_vm_to_wlp_ip": ["1-4 delivered, 8", "4-2-8 sent by tap1, 7"],
    "p1-6_vm1_to_wan": ["1-6 sent by wlp2s0, 9", "3-2-8 sent by tap1, 8"],
    "p1-7_vm1_to_vm2": ["1-7 sent by tap2, 10", "1-7 sent by tap1, 8"],
    "p1-7_vm1_to_vm2_nocall": ["1-7 sent by tap2, 3", "1-7 sent by tap1, 3"],
    "p3-2-8_wan_to_container": ["3-2-8 sent by veth346b018, 10", "1-6 sent by wlp2s0, 7"],
    "p3-2-8_wan_to_vm1": ["3-2-8 sent by tap1, 10", "1-6 sent by wlp2s0, 7"],
    "p3-4_wan_to_br0ip": ["3-4 delivered, 6", "4-6 sent by wlp2s0, 4"],
    "p3-4_wan_to_wlp_ip": ["3-4 delivered, 6", "4-6 sent by wlp2s0, 4"],
    "p3-6_l3_to_l3": ["3-6 sent by wlp2s0, 7", "3-6 sent by eth9, 5"],
    "p4-6_I_br0ip_to_8888": ["4-6 sent by wlp2s0, 6", "3-4 delivered, 4"],
    "p4-6_I_br0ip_to_wan": ["4-6 sent by wlp2s0, 6", "3-4 delivered, 4"],
    "p4-6_host_to_wan": ["4-6 sent by wlp2s0, 6", "3-4 delivered, 4"],
    "p4-8_host_to_container": ["4-2-8 sent by veth346b018, 9", "1-2 delivered, 6"],
    "p4-8_host_to_vm1": ["4-2-8 sent by tap1, 9", "1-2 delivered, 6"],
    "reject_bridged": ["1-7 answered by ICMP unreachable, code 3, 6", "4-2-8 sent by tap1, 7"],
    "reject_fwd": ["1-6 answered by ICMP unreachable, code 3, 6", "4-2-8 sent by tap1, 7"],
    "ttl_expired_fwd": ["1-? answered by ICMP time exceeded, code 0, 5", "4-2-8 sent by tap1, 7"],
    "unknown_unicast_flood": ["1-7 sent by tap2, 10"],
}


def told(octets: bytes) -> list[str]:
    return [
        f"{account.kind} {account.end.partition(':')[0]}, {len(account.passage.lines)}"
        for account in accounts_of(octets)
    ]


def lines_of_packets(path: Path) -> int:
    return len(re.findall(r"IN=\S* OUT=", path.read_text().partition("--- frames")[0]))


@pytest.mark.parametrize("back_end", ["iptnft", "iptlegacy"])
@pytest.mark.parametrize("name", MEASURED)
def test_a_measured_log_is_read_whole_and_its_packets_are_named(name: str, back_end: str) -> None:
    path = shared("kernel-logs", f"{name}.{back_end}.log")
    assert told(path.read_bytes()) == MEASURED[name]
    assert sum(len(packet.lines) for packet in packets_of(path.read_bytes())) == lines_of_packets(path)


@pytest.mark.parametrize("back_end", ["iptnft", "iptlegacy"])
def test_every_measured_log_is_among_them_and_keeps_the_kernels_order(back_end: str) -> None:
    paths = sorted(shared("kernel-logs").glob(f"*.{back_end}.log"))
    assert {path.name.split(".")[0] for path in paths} == set(MEASURED)
    for path in paths:
        assert [account.findings for account in accounts_of(path.read_bytes()) if account.findings] == []


def test_the_users_own_note_is_read_verbatim() -> None:
    (note,) = shared("seeds").glob("000_*")
    accounts = accounts_of(note.read_bytes())
    kinds = ["4-lo-4"] * 2 + ["4-6"] * 2 + ["4-2-8"] + ["4-lo-4"] * 2 + ["3-4"] + ["4-lo-4"] * 2
    assert [account.kind for account in accounts] == [*kinds, "1-2-8", "1-2-8", "3-4", "4-6"]
    assert [account.passage.host for account in accounts[10:]] == ["lenovo", "lenovo", "", ""]
    assert [len(account.passage.lines) for account in accounts[10:12]] == [9, 7]  # the log of sixteen lines
    assert accounts[11].answers == 11
    assert accounts[13].answers == 13
    assert [account.passage.quoted_again for account in accounts if account.passage.quoted_again] == [1, 1]
    assert [account.findings for account in accounts if account.findings] == []


def test_two_packets_at_once_are_told_apart() -> None:
    mixed = [line for pair in zip(routed(7), routed(8), strict=True) for line in pair]
    packets = packets_of(mixed)
    assert [len(packet.lines) for packet in packets] == [6, 6]
    assert [len({told.identity for told in packet.datagrams}) for packet in packets] == [1, 1]


def test_a_packet_that_is_sent_twice_is_two() -> None:
    assert len(packets_of([f"6,{number},1,-;{line}" for number, line in enumerate(routed() * 2)])) == 2


def test_host_and_guest_have_a_packet_each_which_is_the_same() -> None:
    out = f"OUT IN= OUT=br0 {echo(source='10.0.0.1', to='10.0.0.2')}"
    into = f"IN IN=enp0s3 OUT= MAC={VM}:{BRIDGE}:08:00 {echo(source='10.0.0.1', to='10.0.0.2')}"
    first, second = accounts_of(
        [f"Feb 03 20:24:38 lenovo kernel: {out}", f"Feb 03 20:24:38 guest kernel: {into}"]
    )
    assert (first.passage.host, first.kind, first.seen_again) == ("lenovo", "4-2-8", 2)
    assert (second.passage.host, second.kind, second.seen_before) == ("guest", "3-4", 1)


def test_what_comes_in_again_on_the_same_machine_crossed_into_another_namespace() -> None:
    out = f"[POSTROUTING] IN= OUT=veth1 {echo()}"
    into = f"[PREROUTING] IN=eth0 OUT= MAC={VM}:{BRIDGE}:08:00 {echo()}"
    accounts = accounts_of([f"Feb 03 20:24:38 lenovo kernel: {line}" for line in (out, into)])
    assert [account.kind for account in accounts] == ["x-ns", "3-?"]


def test_what_nat_changed_is_still_the_same_packet() -> None:
    lines = [
        f"NAT-PREROUTING IN=wan OUT= MAC={BRIDGE}:{VM}:08:00 {echo(to='192.0.2.1')}",
        f"FILTER-FORWARD IN=wan OUT=br0 MAC={BRIDGE}:{VM}:08:00 {echo(to='10.0.0.2', ttl=63)}",
    ]
    (packet,) = packets_of(lines)
    assert len(packet.lines) == 2


def test_a_reset_answers_the_segment_that_it_refuses() -> None:
    ends = "SRC=10.0.0.2 DST=10.0.0.1 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=9 DF PROTO=TCP SPT=5 DPT=80 "
    back = "SRC=10.0.0.1 DST=10.0.0.2 LEN=40 TOS=0x00 PREC=0x00 TTL=64 ID=0 DF PROTO=TCP SPT=80 DPT=5 "
    accounts = accounts_of(
        [
            f"INPUT IN=wan OUT= MAC={BRIDGE}:{VM}:08:00 {ends}WINDOW=512 RES=0x00 SYN URGP=0 ",
            f"OUTPUT IN= OUT=wan {back}WINDOW=0 RES=0x00 ACK RST URGP=0 ",
        ]
    )
    assert accounts[0].end == "answered by a TCP reset"
    assert accounts[1].answers == 1


def test_frames_of_ebtables_alone_are_packets_too() -> None:
    frame = f"MAC source = {VM} MAC dest = {BRIDGE} proto = 0x0800"
    (account,) = accounts_of(
        [f"EB-FORWARD  IN=tap1 OUT=tap2 {frame}", f"EB-POSTROUTING  IN= OUT=tap2 {frame}"]
    )
    assert (account.kind, account.end) == ("1-7", "sent by tap2")


@pytest.mark.parametrize(
    "prefix", ["[UFW BLOCK] ", "Shorewall:net-fw:DROP:", "FINAL_REJECT: ", "iptables denied: "]
)
def test_a_prefix_that_speaks_of_dropping_is_believed(prefix: str) -> None:
    (account,) = accounts_of(f"{prefix}IN=eth0 OUT= MAC={BRIDGE}:{VM}:08:00 {echo()}")
    assert account.end == "dropped at ip INPUT, as the prefix of its line says"
    assert account.notes == ["no prefix says which hook wrote line 1: the usual one is taken"]


def test_packets_of_ipv6_are_named_too() -> None:
    ends = "SRC=fe80:0000:0000:0000:0000:0000:0000:0001 DST=ff02:0000:0000:0000:0000:0000:0000:0001 "
    rest = "LEN=72 TC=0 HOPLIMIT=255 FLOWLBL=0 PROTO=ICMPv6 TYPE=134 CODE=0 "
    link = "MAC=33:33:00:00:00:01:fe:80:00:00:00:01:86:dd "
    lines = [f"{hook} IN=eth0 OUT= {link}{ends}{rest}" for hook in ("RAW-PREROUTING", "FILTER-INPUT")]
    (account,) = accounts_of(lines)
    assert (account.kind, len(account.passage.lines)) == ("3-4", 2)
    assert [str(account.passage.named(hook)) for hook in account.hooks] == ["ip6 PREROUTING", "ip6 INPUT"]


def test_a_guess_is_settled_by_where_the_packet_went() -> None:
    link = f"MAC={BRIDGE}:{VM}:08:00 "
    (account,) = accounts_of(
        [f"one IN=eth0 OUT= {link}{echo()}", f"two IN=eth0 OUT=eth1 {link}{echo(ttl=63)}"]
    )
    assert [str(line.hook) for line in account.passage.lines] == ["ip PREROUTING", "ip FORWARD"]
    assert account.notes == ["no prefix says which hook wrote line 2: the usual one is taken"]
