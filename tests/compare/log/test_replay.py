"""With a setup: each packet is played through it, and its lines are held against what pystack prints."""

import re
import tomllib
from pathlib import Path

import pytest

from pystack.compare.log import report
from pystack.compare.log.machine import SetupFailed, ports_of
from tests.compare.log.logs import BRIDGE, SETUP, VM, accounts_of, echo, faults_of, routed, shared

ROOT = Path(__file__).parents[3]
TO_VM2 = "PREROUTING -p icmp -s 172.16.10.11 -d 172.16.10.12"
NOCALL = "sysctl -qw net.bridge.bridge-nf-call-iptables=0"
LOG = [line for line in routed() if not line.startswith("EB-")]
# Measured logs, and the commands that came on top of the setup that all of them have.
PLAYED = {
    "arp_request_for_br0": "",
    "arp_request_vm1_for_vm2": "",
    "bcast_ping": "",
    "bindtodev_br0_to_wan": "",
    "bindtodev_lo_to_wan": "",
    "bindtodev_lo_to_wlpip": "",
    "bindtodev_wlp_to_other_local": "",
    "bindtodev_wlp_to_own": "",
    "bindtodev_wlp_to_wan": "",
    "dnat_bridged_other_port": f"iptables -t nat -A {TO_VM2} -j DNAT --to-destination 172.16.10.11",
    "dnat_bridged_to_routed": f"iptables -t nat -I {TO_VM2} -j DNAT --to-destination 192.168.21.138",
    "dnat_output": "iptables -t nat -A OUTPUT -p icmp -d 192.168.21.77 -j DNAT --to-destination 172.16.10.11",
    "lo_I_127_to_br0ip": "",
    "lo_I_br0ip_to_127": "",
    "lo_I_br0ip_to_wlpip": "",
    "lo_plain_to_wlpip": "",
    "masq_container_to_wan": "iptables -t nat -A POSTROUTING -s 172.17.9.0/24 ! -o docker0 -j MASQUERADE",
    "nat_first_packet_only": "",
    "no_route_fwd": "ip route del default",
    "p1-2-8_container_to_vm1": "",
    "p1-2-8_vm1_to_container": "",
    "p1-2-8_vm1_to_container_nocall": NOCALL,
    "p1-4_vm_to_br0ip": "",
    "p1-4_vm_to_br0ip_nocall": NOCALL,
    "p1-4_vm_to_docker0ip": "",
    "p1-4_vm_to_wlp_ip": "",
    "p1-6_vm1_to_wan": "",
    "p1-7_vm1_to_vm2": "",
    "p1-7_vm1_to_vm2_nocall": NOCALL,
    "p3-2-8_wan_to_container": "",
    "p3-2-8_wan_to_vm1": "",
    "p3-4_wan_to_br0ip": "",
    "p3-4_wan_to_wlp_ip": "",
    "p3-6_l3_to_l3": "",
    "p4-6_I_br0ip_to_8888": "",
    "p4-6_I_br0ip_to_wan": "",
    "p4-6_host_to_wan": "",
    "p4-8_host_to_container": "",
    "p4-8_host_to_vm1": "",
    "reject_bridged": "iptables -t nat -F\niptables -A FORWARD -p icmp -d 172.16.10.12 -j REJECT",
    "reject_fwd": "iptables -t nat -F\niptables -A FORWARD -p icmp -d 192.168.21.138 -j REJECT",
    "ttl_expired_fwd": "",
    "unknown_unicast_flood": "",
}


def common_setup() -> str:
    """That of the measured logs."""
    file = ROOT / "scenarios" / "kernel-logs" / "p1-7-vm-to-vm.toml"
    text: str = tomllib.loads(file.read_text())["setup"]
    return text


def test_a_log_of_the_machine_itself_shows_no_difference() -> None:
    (account,) = accounts_of(LOG, SETUP)
    assert account.findings == []
    assert account.played is not None
    assert (account.kind, account.played.ends) == ("1-6", ["sent by wan"])


@pytest.mark.parametrize("back_end", ["iptnft", "iptlegacy"])
@pytest.mark.parametrize("name", PLAYED)
def test_a_measured_log_is_what_pystack_prints(name: str, back_end: str) -> None:
    path = shared("kernel-logs", f"{name}.{back_end}.log")
    setup = common_setup() + PLAYED[name]
    if back_end == "iptlegacy":
        setup = re.sub("^iptables ", "iptables-legacy ", setup, flags=re.MULTILINE)
    accounts = accounts_of(path.read_bytes(), setup)
    assert faults_of(accounts) == []
    unplayed = [account for account in accounts if account.is_unplayed]
    assert [account.passage.datagram for account in unplayed if account.passage.datagram] == []


def test_a_line_that_is_missing_is_named() -> None:
    faults = faults_of(accounts_of([line for line in LOG if "FILTER-FORWARD" not in line], SETUP))
    assert [fault for fault, _ in faults] == ["missing"]
    assert faults[0][1].startswith("not in the log: FILTER-FORWARD IN=br0 OUT=wan PHYSIN=tap1 MAC=")


def test_lines_that_changed_places_are_named() -> None:
    (fault,) = faults_of(accounts_of([LOG[1], LOG[0], *LOG[2:]], SETUP))
    assert fault in (
        ("order", "NAT-PREROUTING stands elsewhere: pystack prints it behind RAW-PREROUTING"),
        ("order", "RAW-PREROUTING stands elsewhere: pystack prints it first"),
    )


def test_a_field_that_changed_is_named_with_both_values() -> None:
    lines = [line.replace("TTL=63", "TTL=62") if "FILTER" in line else line for line in LOG]
    assert faults_of(accounts_of(lines, SETUP)) == [
        ("field", "FILTER-FORWARD says TTL=62, pystack says TTL=63")
    ]


def test_another_way_is_named() -> None:
    lines = [line.replace("OUT=wan", "OUT=wan2") for line in LOG]
    faults = faults_of(accounts_of(lines, SETUP + "ip link set wan2 up\n"))
    assert ("field", "FILTER-FORWARD says OUT=wan2, pystack says OUT=wan") in faults


def test_a_packet_that_pystack_drops_is_named_with_its_reason() -> None:
    (account,) = accounts_of(LOG, SETUP + "iptables -I FORWARD -p icmp -j DROP\n")
    assert account.played is not None
    assert account.played.ends == ["dropped: a rule or hook said drop"]
    (why,) = account.played.why
    assert (why.text, why.config) == ("filter:FORWARD:1 (-p icmp -j DROP): DROP", "lab.setup:17")
    assert [line for line in report.told(account) if "DROP" in line] == [f"    {why.text}   {why.config}"]
    assert [finding.fault.value for finding in account.findings] == ["extra", "extra"]


def test_a_line_of_a_rule_that_the_setup_lacks_is_told_as_such() -> None:
    line = f"MINE IN=br0 OUT=wan PHYSIN=tap1 MAC={BRIDGE}:{VM}:08:00 {echo(ttl=63)}"
    assert faults_of(accounts_of([*LOG, line], SETUP)) == [
        ("extra", "MINE: no rule of the setup prints this")
    ]


def test_the_second_packet_of_a_connection_is_not_shown_to_nat() -> None:
    again = [
        line.replace("ID=7 DF", "ID=8 DF").replace("SEQ=1", "SEQ=2") for line in LOG if "NAT" not in line
    ]
    assert faults_of(accounts_of([*LOG, *again], SETUP)) == []


def test_the_answer_of_the_machine_itself_is_expected_and_not_sent_twice() -> None:
    asks = [
        f"{table}-PREROUTING IN=br0 OUT= PHYSIN=tap1 MAC={BRIDGE}:{VM}:08:00 {echo(to='10.0.0.1')}"
        for table in ("RAW", "NAT")
    ]
    answer = f"FILTER-OUTPUT IN= OUT=br0 {echo(kind=0, ident=4711, source='10.0.0.1', to='10.0.0.2')}"
    answer = answer.replace(" DF", "")
    accounts = accounts_of([*asks, answer], SETUP)
    assert faults_of(accounts) == []
    assert [account.kind for account in accounts] == ["1-?", "4-2-8"]


def test_a_socket_that_was_bound_to_a_device_is_noticed() -> None:
    line = f"FILTER-OUTPUT IN= OUT=wan {echo(source='10.0.0.1', to='10.0.0.2')}"
    (account,) = accounts_of(
        [line, f"NAT-POSTROUTING IN= OUT=wan {echo(source='10.0.0.1', to='10.0.0.2')}"], SETUP
    )
    assert account.notes == ["the routes say br0: its socket was bound to wan (SO_BINDTODEVICE)"]
    assert account.findings == []


def test_a_packet_of_another_machine_is_not_played() -> None:
    (account,) = accounts_of(f"INPUT IN=enp0s3 OUT= MAC={BRIDGE}:{VM}:08:00 {echo()}", SETUP)
    assert account.is_unplayed
    assert account.notes == ["not played through the setup: the setup has no device enp0s3"]


def test_devices_that_a_setup_uses_and_does_not_make_are_its_ports() -> None:
    text = """
        ip link add br0 type bridge
        ip link set tap1 master br0
        ip link add v0 type veth peer name v1 netns x
        ip link set dev v0 up
        ip addr add 10.0.0.1/24 dev wlp2s0
        ip -n x link set v1 up
        ip -n x route add default dev far
    """
    assert ports_of(text) == ["tap1", "wlp2s0"]


def test_a_setup_that_fails_says_where() -> None:
    with pytest.raises(SetupFailed, match=r"lab\.setup:1: ip link set tap1 master nowhere: exit code 255"):
        accounts_of(LOG, "ip link set tap1 master nowhere\n")


# The machine of the user's own note: its rules are told from the lines that they wrote.
LENOVO = """\
ip link set lo up
sysctl -qw net.ipv4.ip_forward=1
ip link add br0 type bridge
ip link set br0 address f6:72:b2:f6:dd:ce
ip link set tap1 master br0
ip link set tap1 up
ip addr add 172.16.10.1/24 dev br0
ip link set br0 up
ip link add docker0 type bridge
ip link set docker0 address 02:42:a5:6e:95:26
ip link set veth346b018 master docker0
ip link set veth346b018 up
ip addr add 172.17.9.1/24 dev docker0
ip link set docker0 up
ip addr add 192.168.21.1/24 dev wlp2s0
ip link set wlp2s0 up
ip route add default via 192.168.21.138
iptables -t nat -A POSTROUTING -s 172.17.9.0/24 ! -o docker0 -d 203.0.113.0/24 -j MASQUERADE
iptables -t nat -A PREROUTING -p icmp -j LOG --log-prefix "[NAT-PREROUTING icmp] "
iptables -t nat -A OUTPUT -p icmp -j LOG --log-prefix "[NAT-OUTPUT icmp] "
iptables -t nat -A POSTROUTING -p icmp -j LOG --log-prefix "[NAT-POSTROUTING icmp] "
iptables -A INPUT -p icmp -j LOG --log-prefix "[FILTER-INPUT icmp] "
iptables -A FORWARD -p icmp -j LOG --log-prefix " [FILTER-FORWARD p:icmp] "
iptables -A OUTPUT -p icmp -j LOG --log-prefix "[FILTER-OUTPUT icmp] "
ebtables-legacy -t broute -A BROUTING -p IPv4 --log-prefix "[EBTABLES BROU BROU ICMP] " -j CONTINUE
ebtables -t nat -A PREROUTING -p IPv4 --log-prefix "[EBTABLES NAT PREROU ICMP] " -j CONTINUE
ebtables -A INPUT -p IPv4 --log-prefix "[EBTABLES FILTER INPUT ICMP] " -j CONTINUE
ebtables -A OUTPUT -p IPv4 --log-prefix "[EBTABLES FILTER OUTP ICMP] " -j CONTINUE
ebtables -t nat -A OUTPUT -p IPv4 --log-prefix "[EBTABLES NAT OUTPUT ICMP] " -j CONTINUE
ebtables -t nat -A POSTROUTING -p IPv4 --log-prefix "[EBTABLES NAT POSTR ICMP] " -j CONTINUE
"""


def test_the_log_of_sixteen_lines_is_what_pystack_prints() -> None:
    (note,) = shared("seeds").glob("000_*")
    words = ("EBTABLES", "p:icmp", "ID=4005")
    accounts = accounts_of(
        [line for line in note.read_text().splitlines() if any(map(line.count, words))], LENOVO
    )
    assert [(account.kind, len(account.passage.lines)) for account in accounts] == [
        ("1-2-8", 9),
        ("1-2-8", 7),
    ]
    assert faults_of(accounts) == []
    ends = [account.played.ends for account in accounts if account.played]
    assert ends == [["sent by tap1"], ["sent by veth346b018"]]


def test_the_whole_note_lacks_only_what_its_writer_left_out() -> None:
    (note,) = shared("seeds").glob("000_*")
    accounts = accounts_of(note.read_bytes(), LENOVO)
    assert {fault for fault, _ in faults_of(accounts)} == {"missing"}
    assert [account.passage.number for account in accounts if account.findings] == [1, 2, 5, 6, 7, 9, 10]
    bound = "the routes say wlp2s0: its socket was bound to br0 (SO_BINDTODEVICE)"
    assert [account.notes for account in accounts if account.notes] == [
        [bound],  # ping -I br0
        *[["not played through the setup: the setup has no device enp0s3"]] * 2,  # what the guest wrote
    ]
