"""pystack's side of the twin: what it shows of a scenario, and that looking changes nothing."""

from dataclasses import replace
from typing import Final

import pytest

from pystack.compare.lab.notation import frame_of
from pystack.compare.lab.pystack_side import PystackSide
from pystack.compare.lab.side import STATES, Choices, Side, SideError
from pystack.compare.lab.virtual_lab import VirtualLab
from pystack.compare.records import Captured, Frame, Hop, Log, Output, Record, State
from pystack.compare.scenario import Run, Scenario, Send, Start, Station, Step, Stop, Topology, Wait
from pystack.wire.ethernet import ETH_HLEN

SWITCH: Final = """\
ip link add br0 type bridge
ip link set tap1 master br0
ip link set tap2 master br0
ip link set tap1 up
ip link set tap2 up
ip link set tap3 up
ip link set br0 up
ip addr add 10.0.0.254/24 dev br0
ip addr add 10.0.1.254/24 dev tap3
sysctl -w net.ipv4.ip_forward=1
ip neigh add 10.0.1.1 lladdr 02:00:00:00:cc:01 dev tap3
"""
TOPOLOGY: Final = Topology(("tap1", "tap2", "tap3"), SWITCH)
ALICE, BOB, BRIDGE = "02:00:00:00:aa:01", "02:00:00:00:bb:01", "02:00:00:00:00:01"
VM: Final = Station("vm1", "tap1", bytes.fromhex(ALICE.replace(":", "")), (0x0A000001,))


def frame(source: str, destination: str, rest: str) -> bytes:
    return frame_of(f"Ether(src='{source}', dst='{destination}')/{rest}")


def echo(
    source: str, destination: str, src: str = "10.0.0.1", dst: str = "10.0.0.2", more: str = ""
) -> bytes:
    return frame(source, destination, f"IP(src='{src}', dst='{dst}'{more})/ICMP(id=7, seq=1)/b'ping'")


HELLO: Final = echo(BOB, ALICE)  # by which the bridge learns where Bob is
ACROSS: Final = echo(ALICE, BOB)


def scenario(*steps: Step, topology: Topology = TOPOLOGY, capture: tuple[str, ...] = ()) -> Scenario:
    lines = tuple(range(20, 20 + len(steps)))
    return Scenario(
        "x.toml", "t", topology, steps, capture=capture, step_lines=lines, setup_line=5, capture_line=3
    )


def send(port: str, *frames: bytes) -> Send:
    return Send(port, frames, "")


def play(
    *steps: Step,
    hops: bool = True,
    stations: tuple[Station, ...] = (),
    topology: Topology = TOPOLOGY,
    capture: tuple[str, ...] = (),
) -> list[Record]:
    side: Side = PystackSide()
    side.open(topology)
    return side.play(replace(scenario(*steps, topology=topology, capture=capture), stations=stations), hops)


def hops_of(records: list[Record], step: int) -> list[Hop]:
    return [record for record in records if isinstance(record, Hop) and record.step == step]


def path(records: list[Record], step: int) -> list[str]:
    """The hooks that the packets of a step passed, each named once where its points follow each other."""
    names = [
        f"{hop.family} {hop.hook} {hop.indev or ''}>{hop.outdev or ''}" for hop in hops_of(records, step)
    ]
    return [name for at, name in enumerate(names) if at == 0 or names[at - 1] != name]


def emitted(records: list[Record], step: int) -> list[tuple[str, bytes]]:
    frames = [record for record in records if isinstance(record, Frame) and record.step == step]
    return [(record.port, record.data) for record in frames if record.dir == "out"]


def output(records: list[Record]) -> Output:
    (found,) = [record for record in records if isinstance(record, Output)]
    return found


# --- hops ---------------------------------------------------------------------------------------------


def test_a_bridged_frame_is_seen_at_every_point_of_its_path() -> None:
    records = play(send("tap2", HELLO), send("tap1", ACROSS))
    hops = hops_of(records, 2)
    assert [(hop.family, hop.hook, hop.priority, hop.indev, hop.outdev) for hop in hops] == [
        ("netdev", "INGRESS", -500, "tap1", None),
        ("bridge", "PREROUTING", -1000, "tap1", None),
        ("bridge", "PREROUTING", -250, "tap1", None),
        *(("ip", "PREROUTING", priority, "br0", None) for priority in (-450, -250, -120, -60)),
        ("bridge", "PREROUTING", 50, "tap1", None),
        ("bridge", "FORWARD", -1000, "tap1", "tap2"),
        ("bridge", "FORWARD", -150, "tap1", "tap2"),
        *(("ip", "FORWARD", priority, "br0", "br0") for priority in (-450, -120, 40, 400)),
        ("bridge", "FORWARD", 50, "tap1", "tap2"),
        ("bridge", "POSTROUTING", -1000, None, "tap2"),
        ("bridge", "POSTROUTING", 350, None, "tap2"),
        *(("ip", "POSTROUTING", priority, None, "br0") for priority in (-450, -120, 400)),
        ("netdev", "EGRESS", 500, None, "tap2"),
    ]
    assert {hop.packet for hop in hops} == {2}
    assert {hop.data for hop in hops if hop.family != "ip"} == {ACROSS}
    assert {hop.data for hop in hops if hop.family == "ip"} == {ACROSS[ETH_HLEN:]}
    assert emitted(records, 2) == [("tap2", ACROSS)]


def test_clones_of_a_flood_keep_the_number_of_their_packet() -> None:
    records = play(send("tap1", echo(ALICE, "ff:ff:ff:ff:ff:ff", dst="10.0.0.255")))
    hops = hops_of(records, 1)
    assert {hop.packet for hop in hops} == {1}
    assert path(records, 1) == [
        "netdev INGRESS tap1>",
        "bridge PREROUTING tap1>",
        "ip PREROUTING br0>",
        "bridge PREROUTING tap1>",
        "bridge FORWARD tap1>tap2",
        "ip FORWARD br0>br0",
        "bridge FORWARD tap1>tap2",
        "bridge POSTROUTING >tap2",
        "ip POSTROUTING >br0",
        "netdev EGRESS >tap2",
        "bridge INPUT tap1>",
        "ip INPUT br0>",
    ]


def test_a_routed_packet_keeps_its_number_and_loses_a_hop_of_its_life() -> None:
    records = play(send("tap1", echo(ALICE, BRIDGE, dst="10.0.1.1", more=", ttl=9")))
    assert path(records, 1) == [
        "netdev INGRESS tap1>",
        "bridge PREROUTING tap1>",
        "ip PREROUTING br0>",
        "bridge PREROUTING tap1>",
        "bridge INPUT tap1>",
        "ip FORWARD br0>tap3",
        "ip POSTROUTING br0>tap3",
        "netdev EGRESS >tap3",
    ]
    assert {hop.packet for hop in hops_of(records, 1)} == {1}
    ttl = {hop.hook: hop.data[8] for hop in hops_of(records, 1) if hop.family == "ip"}
    assert ttl == {"PREROUTING": 9, "FORWARD": 8, "POSTROUTING": 8}


def test_an_answer_is_a_packet_of_its_own() -> None:
    records = play(send("tap1", echo(ALICE, BRIDGE, dst="10.0.0.254")))
    numbers = {(hop.family, hop.hook): hop.packet for hop in hops_of(records, 1)}
    assert numbers["ip", "INPUT"] == 1
    assert numbers["ip", "OUTPUT"] == numbers["ip", "POSTROUTING"] == 2
    assert numbers["arp", "OUTPUT"] == 3  # where is 10.0.0.1?


def test_the_last_point_before_silence_tells_where_a_packet_ended() -> None:
    records = play(send("tap1", echo(ALICE, BRIDGE, dst="10.9.9.9")))  # no route
    assert [hop.hook for hop in hops_of(records, 1) if hop.packet == 1 and hop.family == "ip"][
        -1
    ] == "PREROUTING"


def test_a_tag_is_seen_in_its_place_at_every_point() -> None:
    tagged = frame(ALICE, BOB, "Dot1Q(vlan=5)/IP(src='10.0.0.1')/b'x'")
    hops = hops_of(play(send("tap1", tagged)), 1)
    assert {"FORWARD", "POSTROUTING", "EGRESS"} < {hop.hook for hop in hops}
    assert {hop.data for hop in hops} == {tagged}


def test_looking_changes_nothing_of_what_happens() -> None:
    steps = (
        send("tap2", HELLO),
        send("tap1", ACROSS, echo(ALICE, BRIDGE, dst="10.0.0.254"), echo(ALICE, BRIDGE, dst="10.0.1.1")),
        send("tap1", b"\xff" * 20, ACROSS[:20], echo(ALICE, BRIDGE, dst="10.9.9.9", more=", ttl=1")),
        Run("ping -c2 -W1 10.0.0.1"),
    )
    looked, unlooked = play(*steps, stations=(VM,)), play(*steps, stations=(VM,), hops=False)
    assert [record for record in looked if not isinstance(record, Hop)] == unlooked


# --- ports and captures -------------------------------------------------------------------------------


def test_ports_have_their_addresses_in_order_and_are_down_before_the_setup() -> None:
    lines = output(play(Run("ip -br link"), topology=Topology(("b", "a"), ""))).out.splitlines()[1:]
    assert [line.split()[:3] for line in lines] == [
        ["b", "DOWN", "02:00:00:00:00:01"],
        ["a", "DOWN", "02:00:00:00:00:02"],
    ]


def test_a_frame_into_a_port_that_is_down_goes_nowhere() -> None:
    records = play(send("tap1", ACROSS), topology=Topology(("tap1",), ""))
    assert [type(record) for record in records] == [Frame, *[State] * len(STATES)]


def test_what_a_tcpdump_on_the_bridge_would_see_is_captured() -> None:
    records = play(send("tap1", echo(ALICE, BRIDGE, dst="10.0.0.254")), capture=("br0",), stations=(VM,))
    seen = [(record.dir, record.data[12:14].hex()) for record in records if isinstance(record, Captured)]
    assert seen == [("in", "0800"), ("out", "0806"), ("in", "0806"), ("out", "0800")]


def test_a_capture_makes_the_bridge_hear_what_it_only_passes_on() -> None:
    """As tcpdump does, which asks for promiscuous mode."""
    records = play(send("tap2", HELLO), send("tap1", ACROSS), capture=("br0",))
    assert [record.data for record in records if isinstance(record, Captured)][1:] == [ACROSS]


def test_a_capture_on_a_device_that_is_not_there_is_named() -> None:
    with pytest.raises(SideError, match=r"x.toml:3: capture: there is no device br7 after the setup"):
        play(capture=("br7",))


def test_a_port_in_another_namespace_still_is_the_scenarios_port() -> None:
    setup = """\
ip netns add vm
ip link set tap1 netns vm
ip -n vm link set tap1 up
ip -n vm addr add 10.0.0.1/24 dev tap1
"""
    asked = frame(BOB, "ff:ff:ff:ff:ff:ff", f"ARP(hwsrc='{BOB}', psrc='10.0.0.2', pdst='10.0.0.1')")
    records = play(send("tap1", asked), topology=Topology(("tap1",), setup))
    assert [port for port, _ in emitted(records, 1)] == ["tap1"]


def test_what_the_setup_sent_is_step_0() -> None:
    setup = "ip link set tap1 up\nip addr add 10.0.0.1/24 dev tap1\narping -q -c1 -A -I tap1 10.0.0.1\n"
    records = play(send("tap1", ACROSS), topology=Topology(("tap1",), setup))
    frames = [(record.step, record.dir) for record in records if isinstance(record, Frame)]
    assert frames == [(0, "out"), (1, "in")]


# --- stations and commands ----------------------------------------------------------------------------


def test_stations_answer_while_a_command_runs() -> None:
    records = play(Run("ping -c2 -i1 -W1 10.0.0.1"), stations=(VM,))
    said = output(records)
    assert said.rc == 0
    assert "2 packets transmitted, 2 received, 0% packet loss" in said.out
    frames = [(record.port, record.dir) for record in records if isinstance(record, Frame)]
    assert frames[:4] == [("tap1", "out"), ("tap2", "out"), ("tap1", "in"), ("tap1", "out")]  # ARP, then echo
    neigh = next(record for record in records if isinstance(record, State) and record.what == "neigh")
    assert f"10.0.0.1 dev br0 lladdr {ALICE} REACHABLE" in neigh.text


def test_stations_answer_to_what_a_frame_causes() -> None:
    records = play(send("tap1", echo(ALICE, BRIDGE, dst="10.0.0.254")), stations=(VM,))
    assert [port for port, data in emitted(records, 1) if data[12:14] == b"\x08\x00"] == ["tap1"]


def test_nobody_answers_where_nobody_stands() -> None:
    said = output(play(Run("ping -c1 -W1 10.0.0.1")))
    assert (said.rc, said.err) == (1, "")


def test_commands_behind_each_other_have_the_exit_code_of_the_last() -> None:
    said = output(play(Run("false; echo 'a  b'; true")))
    assert (said.rc, said.text, said.command) == (0, "a  b\n", "false; echo 'a  b'; true")
    assert output(play(Run("true; false"))).rc == 1


def test_both_streams_are_kept_apart_and_in_their_order() -> None:
    said = output(play(Run("echo one; cat nowhere; echo two")))
    assert said.text == "one\ncat: nowhere: No such file or directory\ntwo\n"
    assert (said.out, said.err) == ("one\ntwo\n", "cat: nowhere: No such file or directory\n")


def test_files_live_as_long_as_the_scenario() -> None:
    records = play(Run("echo hello > f"), Run("cat f"))
    assert [record.out for record in records if isinstance(record, Output)] == ["", "hello\n"]
    assert output(play(Run("cat f"))).rc == 1


def test_a_pattern_finds_files_that_the_scenario_wrote() -> None:
    write = Run("echo add table ip one > /t/1.nft; echo add table ip two > /t/2.nft; echo x > /t/other")
    records = play(write, Run("nft -f - <<'END'\ninclude \"/t/*.nft\"\nEND"), Run("nft list tables"))
    assert [record.out for record in records if isinstance(record, Output)][
        -1
    ] == "table ip one\ntable ip two\n"


def test_a_command_left_running_goes_on_through_the_steps_until_it_is_stopped() -> None:
    records = play(Start("ping 10.0.0.1", "p"), Wait(2.5), Stop("p"), stations=(VM,))
    said = output(records)
    assert (said.step, said.command, said.rc) == (3, "ping 10.0.0.1", 0)
    assert "3 packets transmitted, 3 received" in said.out
    requests = [record for record in records if isinstance(record, Frame) and record.data[34:35] == b"\x08"]
    assert [record.step for record in requests] == [1, 2, 2]


def test_two_commands_share_one_time() -> None:
    records = play(Start("ping -i 0.5 10.0.0.1", "fast"), Run("ping -c3 -i1 10.0.0.1"), stations=(VM,))
    front, behind = [record for record in records if isinstance(record, Output)]
    assert (front.command, "3 packets transmitted, 3 received" in front.out) == (
        "ping -c3 -i1 10.0.0.1",
        True,
    )
    assert "5 packets transmitted, 5 received" in behind.out  # at 0, 0.5 … 2.0 seconds


def test_what_was_not_stopped_ends_with_the_scenario_in_the_order_of_the_start() -> None:
    records = play(Start("sleep 9", "b"), Start("sleep 8", "a"), Start("true", "c"), Wait(1.0))
    ended = [(record.step, record.command, record.rc) for record in records if isinstance(record, Output)]
    assert ended == [(4, "sleep 9", 130), (4, "sleep 8", 130), (4, "true", 0)]


def test_waiting_costs_no_time_and_lets_it_pass() -> None:
    def states(seconds: float) -> str:
        records = play(Run("ping -c1 -W1 10.0.0.1"), Wait(seconds), stations=(VM,))
        return next(record.text for record in records if isinstance(record, State) and record.what == "neigh")

    assert "REACHABLE" in states(1.0)
    assert "STALE" in states(3000.0)


def test_the_state_is_what_the_tools_show() -> None:
    records = play(send("tap2", HELLO))
    state = {record.what: record.text for record in records if isinstance(record, State)}
    assert list(state) == list(STATES)
    assert f"{BOB} dev tap2 master br0 \n" in state["fdb"]
    assert "10.0.1.1 dev tap3 lladdr 02:00:00:00:cc:01 PERMANENT" in state["neigh"]
    assert state["route"].startswith("10.0.0.0/24 dev br0 proto kernel scope link src 10.0.0.254")


# --- log ----------------------------------------------------------------------------------------------


def test_log_lines_are_those_of_packets_only() -> None:
    lab = VirtualLab(TOPOLOGY, {}, "x.toml", 1)
    lab.observe(scenario(), [])
    lab.host.init.link.printk("br0: port 1(tap1) entered forwarding state")
    lab.host.init.link.printk("MINE IN=br0 OUT= SRC=10.0.0.1 ")
    assert lab.recorder.records == [Log(0, "MINE IN=br0 OUT= SRC=10.0.0.1 ")]


# --- one scenario after the other ---------------------------------------------------------------------


def test_nothing_is_left_over_for_the_next_scenario() -> None:
    side = PystackSide()
    side.open(TOPOLOGY)
    first = scenario(send("tap1", ACROSS), Run("ip addr add 10.7.7.7/24 dev br0; ping -c1 -W1 10.0.0.1"))
    once = side.play(first)
    assert side.play(first) == once


def test_a_scenario_of_another_topology_is_played_on_its_own() -> None:
    side = PystackSide()
    side.open(TOPOLOGY)
    records = side.play(scenario(send("tap1", ACROSS), topology=Topology(("tap1",), "ip link set tap1 up")))
    assert path(records, 1) == ["netdev INGRESS tap1>"]


def test_closing_twice_is_no_error_and_a_closed_side_says_so() -> None:
    side = PystackSide()
    side.open(TOPOLOGY)
    side.close()
    side.close()
    with pytest.raises(ValueError, match="no topology is open"):
        side.choices()


# --- chance -------------------------------------------------------------------------------------------

DEVICES: Final = """\
ip link add br0 type bridge
ip link add br1 type bridge
ip link set tap1 master br1
ip link add br2 address 02:00:00:00:ee:01 type bridge
ip netns add ns1
ip link add v0 type veth peer name v1 netns ns1
ip link add w0 type veth peer name w1
ip link set w1 netns ns1
"""
DRAWN: Final = Topology(("tap1",), DEVICES)


def test_addresses_come_from_the_seed_and_are_told() -> None:
    side, again = PystackSide(), PystackSide()
    side.open(DRAWN)
    again.open(DRAWN)
    drawn = side.choices().addresses
    assert drawn == again.choices().addresses
    assert sorted(drawn) == ["br0", "br1", "br2", "ns1/v1", "ns1/w1", "v0", "w0"]
    assert drawn["br1"].hex() == "020000000001"


def test_addresses_of_the_other_side_are_taken_over_where_nobody_chose() -> None:
    names = ["br0", "br1", "br2", "ns1/v1", "ns1/w1", "v0", "w0", "tap1"]
    kernels = {name: bytes.fromhex("0600000000") + bytes([number]) for number, name in enumerate(names, 16)}
    kernels |= {"br1": bytes.fromhex("020000000001"), "br2": bytes.fromhex("02000000ee01")}
    side = PystackSide()
    side.adopt(Choices(kernels))
    side.open(DRAWN)
    del kernels["tap1"]
    assert side.choices().addresses == kernels
    fdb, *_ = [record.text for record in side.play(scenario(topology=DRAWN)) if isinstance(record, State)]
    assert (
        "06:00:00:00:00:10 dev br0 master br0 permanent" in fdb
    )  # the bridge knows its new address as its own


# --- what cannot be played ----------------------------------------------------------------------------


def test_a_setup_that_fails_is_named_with_its_line_in_the_file() -> None:
    with pytest.raises(SideError) as told:
        PystackSide().open(Topology(("tap1",), "true\nip link set tap9 up\n"), "x.toml", 5)
    assert told.value.complaints == ['x.toml:6: ip link set tap9 up: Cannot find device "tap9"']
    assert not told.value.missing


def test_what_is_not_modelled_in_a_setup_is_all_named_before_anything_runs() -> None:
    with pytest.raises(SideError) as told:
        PystackSide().open(Topology((), "frobnicate\nip link\na | b\n"), "x.toml", 5)
    assert [complaint.split(": ")[0] for complaint in told.value.complaints] == ["x.toml:5", "x.toml:7"]


def test_a_command_that_is_not_modelled_is_named_before_anything_runs() -> None:
    with pytest.raises(SideError, match=r"x.toml:21: frobnicate is not modelled"):
        play(send("tap1", ACROSS), Run("true; frobnicate"))


def test_what_pystack_lacks_as_a_whole_is_missing_and_not_wrong() -> None:
    with pytest.raises(SideError, match="IPv6") as told:
        PystackSide().open(Topology((), "", ipv6=True))
    assert told.value.missing
