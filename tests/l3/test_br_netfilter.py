"""What of IP a bridged frame meets; scenarios/netfilter holds the same against the kernel."""

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import ARP, Ether

from pystack.applets.virtual import run_setup
from pystack.host import Host
from pystack.netfilter.hooks import ARP_FORWARD, FORWARD, INPUT, POSTROUTING, PREROUTING, HookState
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP
from pystack.packet import Packet

VM1, VM2, US = "02:aa:00:00:00:01", "02:aa:00:00:00:02", "02:00:00:00:00:01"
BRIDGED = bytes(Ether(src=VM1, dst=VM2) / IP(src="10.0.0.2", dst="10.0.0.3") / ICMP())
LOCAL = bytes(Ether(src=VM1, dst=US) / IP(src="10.0.0.2", dst="10.0.0.1") / ICMP())
IP_NAMES = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")

Seen = tuple[str, str, str, str, str]  # hook, in, out, physin, physout


def build(more: str = "") -> Host:
    host = Host(seed=1)
    for number, name in enumerate(("tap1", "tap2"), 1):
        host.init.add_port(name, bytes([2, 0, 0, 0, 0, number]))
    setup = "ip link add br0 type bridge; ip link set tap1 master br0 up; ip link set tap2 master br0 up\n"
    assert run_setup(host, setup + "ip link set br0 up; ip addr add 10.0.0.1/24 dev br0\n" + more, "t") == []
    host.init.receive(host.init.devices["tap2"], bytes(Ether(src=VM2, dst=VM1) / ARP()))
    return host


def watch(host: Host) -> list[Seen]:
    """Whatever passes ip's hooks, with the devices that a rule would see."""
    seen: list[Seen] = []

    def see(pkt: Packet, state: HookState) -> int:
        devices = (state.indev, state.outdev, pkt.physin, pkt.physout)
        first, second, third, fourth = ("" if dev is None else dev.name for dev in devices)
        seen.append((IP_NAMES[state.hook], first, second, third, fourth))
        return NF_ACCEPT

    for point in host.init.hooks.ip:
        point.register(see, 0, "test")
    return seen


def send(host: Host, frame: bytes) -> list[bytes]:
    """Into tap1; what leaves by tap2."""
    port = host.init.devices["tap2"]
    port.tx.clear()  # type: ignore[attr-defined]
    host.init.receive(host.init.devices["tap1"], bytearray(frame))
    return [bytes(sent) for sent, _ in port.tx]  # type: ignore[attr-defined]


def test_a_bridged_packet_meets_ip_hooks_with_the_bridge_as_its_device() -> None:
    host = build()
    seen = watch(host)
    assert send(host, BRIDGED) == [BRIDGED]
    assert seen == [
        ("PREROUTING", "br0", "", "tap1", ""),
        ("FORWARD", "br0", "br0", "tap1", "tap2"),
        ("POSTROUTING", "", "br0", "tap1", "tap2"),
    ]


def test_what_is_for_this_host_meets_prerouting_once() -> None:
    host = build()
    seen = watch(host)
    send(host, LOCAL)
    assert [hook for hook, *_ in seen][:2] == ["PREROUTING", "INPUT"]
    assert seen[:2] == [("PREROUTING", "br0", "", "tap1", ""), ("INPUT", "br0", "", "tap1", "")]


def test_with_the_sysctl_off_a_bridge_is_only_a_bridge() -> None:
    host = build("sysctl -q -w net.bridge.bridge-nf-call-iptables=0\n")
    seen = watch(host)
    assert send(host, BRIDGED) == [BRIDGED]
    assert seen == []


@pytest.mark.parametrize("hook", [PREROUTING, FORWARD, POSTROUTING])
def test_what_ip_drops_does_not_cross_the_bridge(hook: int) -> None:
    host = build()
    host.init.hooks.ip[hook].register(lambda pkt, state: NF_DROP, 0, "test")
    assert send(host, BRIDGED) == []


def test_a_function_at_priority_0_runs_before_br_netfilter_even_if_that_hung_itself_there_later() -> None:
    host = build()
    order: list[str] = []

    def note(name: str) -> None:
        def see(pkt: Packet, state: HookState) -> int:
            order.append(name)
            return NF_ACCEPT

        point = host.init.hooks.bridge[PREROUTING] if name == "bridge" else host.init.hooks.ip[PREROUTING]
        point.register(see, 0, name)

    note("bridge")
    note("ip")
    send(host, BRIDGED)
    assert order == ["bridge", "ip"]


def test_it_hangs_at_the_bridge_s_hooks_only_while_somebody_else_hangs_somewhere() -> None:
    host = build()
    hooks = host.init.hooks
    assert not hooks.bridge[PREROUTING].entries
    entry = hooks.ip[INPUT].register(lambda pkt, state: NF_ACCEPT, 0, "test")
    assert [entry.name for entry in hooks.bridge[PREROUTING].entries] == ["br_netfilter"]
    hooks.ip[INPUT].unregister(entry)
    assert not any(point.entries for point in hooks.bridge)


@pytest.mark.parametrize("watched", [False, True])
@pytest.mark.parametrize(
    ("packet", "leaves"),
    [
        (IP(src="10.0.0.2", dst="10.0.0.3") / ICMP() / (b"x" * 20), True),
        (IP(src="10.0.0.2", dst="10.0.0.3", chksum=1) / ICMP(), False),
        (IP(src="10.0.0.2", dst="10.0.0.3", len=200) / ICMP(), False),
        (IP(src="10.0.0.2", dst="10.0.0.3", len=12) / ICMP(), False),
        (IP(src="10.0.0.2", dst="10.0.0.3", ihl=4) / ICMP(), False),
        (IP(src="10.0.0.2", dst="10.0.0.3", version=6) / ICMP(), False),
        (b"\x45\x00", False),
        (b"", False),
    ],
)
def test_a_malformed_packet_ends_in_the_bridge(packet: IP, leaves: bool, watched: bool) -> None:
    host = build()
    if watched:
        watch(host)
    frame = bytes(Ether(src=VM1, dst=VM2, type=0x0800) / packet)
    assert send(host, frame) == ([frame] if leaves else [])


@pytest.mark.parametrize("watched", [False, True])
def test_padding_is_cut_off(watched: bool) -> None:
    host = build()
    if watched:
        watch(host)
    assert send(host, BRIDGED + b"padding") == [BRIDGED]


@pytest.mark.parametrize("watched", [False, True])
def test_arp_that_ends_within_its_header_is_not_forwarded(watched: bool) -> None:
    host = build()
    if watched:
        watch(host)
    stump = bytes.fromhex("02aa00000002 02aa00000001 0806 0001080006")
    assert send(host, stump) == []
    assert send(host, stump + b"\x04\x00\x01") == [stump + b"\x04\x00\x01"]


def test_bridged_arp_meets_arp_forward() -> None:
    host = build()
    seen: list[str] = []

    def see(pkt: Packet, state: HookState) -> int:
        seen.append(f"{state.indev.name if state.indev else ''}>{state.outdev.name if state.outdev else ''}")
        return NF_ACCEPT

    host.init.hooks.arp[ARP_FORWARD].register(see, 0, "test")
    frame = bytes(Ether(src=VM1, dst=VM2) / ARP(hwsrc=VM1, psrc="10.0.0.2", hwdst=VM2, pdst="10.0.0.3"))
    assert send(host, frame) == [frame]
    assert seen == ["tap1>tap2"]
