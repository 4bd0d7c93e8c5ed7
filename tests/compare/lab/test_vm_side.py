"""Another kernel, asked in a VM: one boot, many topologies, and everything that the host's kernel shows."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pystack.compare.diff import Differ
from pystack.compare.lab.notation import frame_of
from pystack.compare.lab.probes import meets_probes
from pystack.compare.lab.pystack_side import PystackSide
from pystack.compare.lab.scenario_file import read
from pystack.compare.lab.side import SideError
from pystack.compare.lab.vm_kernel import find_kernel
from pystack.compare.lab.vm_side import VmSide
from pystack.compare.records import Captured, Frame, Hop, Log, Output, Record
from pystack.compare.scenario import Scenario, Send, Topology

pytestmark = [pytest.mark.vm, pytest.mark.slow]

SCENARIOS = Path(__file__).parents[3] / "scenarios"


@pytest.fixture(scope="module")
def vm() -> Iterator[VmSide]:
    """One VM for all of them."""
    with VmSide() as side:
        yield side


def played(vm: VmSide, scenario: Scenario) -> list[Record]:
    vm.open(scenario.topology, scenario.file, scenario.setup_line)
    return vm.play(scenario, hops=not meets_probes(scenario))


def scenario_of(name: str) -> Scenario:
    return read(str(SCENARIOS / name))


@pytest.mark.parametrize(
    ("name", "shows"),
    [
        ("bridge/learn.toml", Hop),
        ("dummy/swallows.toml", Captured),
        ("nft/names-of-bridges.toml", Output),
        ("nft/queues-without-listeners.toml", Output),
        ("nft/reject-in-bridges.toml", Frame),
        ("tcpdump/container-side.toml", Output),  # in a namespace of its own
        ("weak-host/address-on-lo.toml", Hop),
        ("vlan/station-address.toml", Captured),
        ("vlan/tags-in-tags.toml", Output),
        ("vlan/vlan-of-a-bridge.toml", Hop),
    ],
)
def test_pystack_does_what_the_kernel_of_the_vm_does(vm: VmSide, name: str, shows: type) -> None:
    scenario = scenario_of(name)
    theirs = played(vm, scenario)
    ours = PystackSide()
    ours.adopt(vm.choices())
    ours.open(scenario.topology)
    comparison = Differ(theirs, ours.play(scenario, hops=not meets_probes(scenario))).compare()
    assert comparison.differences == []
    assert any(isinstance(record, shows) for record in theirs)


def test_broute_takes_frames_from_the_bridge_and_logs_them_by_name(vm: VmSide) -> None:
    records = played(vm, scenario_of("netfilter/ebtables-broute.toml"))
    macs = "MAC source = 02:00:00:00:aa:01 MAC dest = 02:00:00:00:bb:01 proto = 0x0800"
    logged = [(record.step, record.text.strip()) for record in records if isinstance(record, Log)]
    assert logged[:2] == [(1, f"broute IN=tap1 OUT= {macs}"), (2, f"forward IN=tap1 OUT=tap2 {macs}")]
    families = {(hop.step, hop.family) for hop in records if isinstance(hop, Hop)}
    assert {(1, "ip"), (2, "bridge")} <= families
    assert (1, "bridge") not in families


def test_a_vlan_device_sends_with_its_tag(vm: VmSide) -> None:
    records = played(vm, scenario_of("vlan/tagged.toml"))
    seen = [record for record in records if isinstance(record, Captured) and record.step == 2]
    assert [(record.device, record.dir, record.data[12:16].hex()) for record in seen] == [
        ("eth0", "in", "81000005"),
        ("eth0", "out", "81000005"),
        ("eth0.5", "in", "08004500"),
        ("eth0.5", "out", "08004500"),
    ]


def test_a_dropped_packet_has_the_reason_that_the_vms_kernel_gives(vm: VmSide) -> None:
    frame = frame_of("Ether(src='02:00:00:00:aa:01', dst='02:00:00:00:bb:01', type=0x88b5)/b'hello'")
    topology = Topology(("tap1",), "ip link set tap1 up")
    scenario = Scenario("x.toml", "t", topology, (Send("tap1", (frame,), ""),))
    hops = [record for record in played(vm, scenario) if isinstance(record, Hop)]
    assert [hop.reason for hop in hops] == ["UNHANDLED_PROTO"]


def test_the_vm_has_what_hosts_often_lack_and_tells_the_version_of_its_own_kernel(vm: VmSide) -> None:
    assert vm.lacks(["dummy", "ebtables-broute", "vlan"]) == []
    assert "{}.{}".format(*vm.version()) == ".".join(find_kernel().release.split(".")[:2])


def test_a_setup_that_the_vms_kernel_refuses_is_named_with_its_line(vm: VmSide) -> None:
    with pytest.raises(SideError) as refused:
        vm.open(Topology(("tap1",), "ip link set tap1 up\nip link set tap1 master br9"), "x.toml", 7)
    assert refused.value.complaints == [
        'x.toml:8: ip link set tap1 master br9: Error: argument "br9" is wrong: Device does not exist'
    ]
    assert not refused.value.missing


def test_a_vm_that_ends_is_replaced_by_a_fresh_one(vm: VmSide) -> None:
    with pytest.raises(SideError, match="the VM did not play on"):
        vm.open(Topology((), "echo b >/proc/sysrq-trigger; sleep 60"))
    vm.open(Topology(("tap1",), "ip link set tap1 up"))
