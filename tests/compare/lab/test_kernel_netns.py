"""The kernel's namespace as a lab: frames go through it, commands act in it, nobody outside sees it."""

import os
import socket
import threading
from collections.abc import Iterator

import pytest

from pystack.compare.lab.errors import CommandFailed, FrameRefused, LabUnavailable
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.compare.lab.process import Attendant
from tests.compare.lab.frames import BROADCAST, HOST_A, HOST_B, arp_reply_to, echo_reply_to, frame, ours
from tests.compare.lab.patience import wait_until

pytestmark = pytest.mark.root

BRIDGE = """
ip link add br0 type bridge
for port in tap1 tap2 tap3; do
    ip link set $port master br0
    ip link set $port up
done
ip link set br0 up
"""


@pytest.fixture
def kernel() -> Iterator[KernelNetns]:
    with KernelNetns(["tap1", "tap2", "tap3"]) as lab:
        yield lab


# --- frames -------------------------------------------------------------------------------------------------


def test_a_bridge_in_the_lab_forwards_a_frame_before_the_write_returns(kernel: KernelNetns) -> None:
    kernel.sh(BRIDGE).check()
    sent = frame(BROADCAST, HOST_A)
    assert ours(kernel.exchange("tap1", sent)) == [("tap2", sent), ("tap3", sent)]
    answer = frame(HOST_A, HOST_B)
    assert ours(kernel.exchange("tap2", answer)) == [("tap1", answer)]


def test_ports_are_made_in_order_with_counted_addresses_and_down(kernel: KernelNetns) -> None:
    lo, *ports = kernel.links()
    assert lo.name == "lo"
    assert [
        (port.ifindex, port.name, port.kind, port.address.hex(":"), port.flags & 1) for port in ports
    ] == [
        (2, "tap1", "tun", "02:00:00:00:00:01", 0),
        (3, "tap2", "tun", "02:00:00:00:00:02", 0),
        (4, "tap3", "tun", "02:00:00:00:00:03", 0),
    ]


def test_a_frame_to_a_port_that_is_down_is_refused(kernel: KernelNetns) -> None:
    with pytest.raises(FrameRefused, match="tap1: Input/output error"):
        kernel.send("tap1", frame(BROADCAST, HOST_A))


def test_a_port_that_the_setup_deleted_has_nothing_to_say(kernel: KernelNetns) -> None:
    kernel.sh("ip link set tap1 up; ip link del tap1").check()
    assert kernel.drain() == []
    with pytest.raises(FrameRefused):
        kernel.send("tap1", frame(BROADCAST, HOST_A))


def test_an_offload_port_hands_over_the_checksum_that_is_still_to_be_made() -> None:
    with KernelNetns(["tap1"], offload=True) as kernel:
        kernel.sh(
            """
            ip addr add 10.0.0.1/24 dev tap1
            ip link set tap1 up
            ip neigh add 10.0.0.2 lladdr 02:aa:00:00:00:02 dev tap1
            """
        ).check()
        with socket.socket(fileno=kernel.open_socket(socket.AF_INET, socket.SOCK_DGRAM)) as sender:
            sender.sendto(b"hello", ("10.0.0.2", 9))
        (udp,) = [got for got in kernel.drain_with_headers() if got.frame[23] == socket.IPPROTO_UDP]
        needs_checksum, start = udp.header[0] & 1, int.from_bytes(udp.header[6:8], "little")
        assert (udp.port, len(udp.header), needs_checksum, start) == ("tap1", 10, 1, 34)


def test_a_capture_of_all_devices_shows_the_order_in_which_the_kernel_worked(kernel: KernelNetns) -> None:
    kernel.sh(BRIDGE).check()
    capture = kernel.capture()
    kernel.send("tap1", frame(BROADCAST, HOST_A))
    seen = [(got.device, got.way) for got in capture.packets() if got.frame[12:14] == b"\x88\xb5"]
    assert seen == [("tap1", "broadcast"), ("tap3", "out"), ("tap2", "out"), ("br0", "broadcast")]


def test_a_capture_of_one_device_sees_that_device_only(kernel: KernelNetns) -> None:
    kernel.sh(BRIDGE).check()
    capture = kernel.capture("br0")
    kernel.send("tap1", frame(BROADCAST, HOST_A))
    assert [got.device for got in capture.packets() if got.frame[6:12] == HOST_A] == ["br0"]
    kernel.send("tap1", frame(HOST_B, HOST_A))  # flooded, not for the bridge: only promiscuity shows it
    assert [got.way for got in capture.packets() if got.frame[6:12] == HOST_A] == ["otherhost"]


def test_a_capture_survives_that_its_device_goes_down(kernel: KernelNetns) -> None:
    kernel.sh(BRIDGE).check()
    capture = kernel.capture("br0")
    kernel.exchange("tap1", frame(BROADCAST, HOST_A))
    kernel.sh("ip link set br0 down").check()
    assert [got.way for got in capture.packets() if got.frame[6:12] == HOST_A] == ["broadcast"]
    kernel.sh("ip link set br0 up").check()
    kernel.exchange("tap1", frame(BROADCAST, HOST_A))
    assert len([got for got in capture.packets() if got.frame[6:12] == HOST_A]) == 1


# --- commands -----------------------------------------------------------------------------------------------


def test_a_setup_stops_at_the_command_that_fails_and_names_it(kernel: KernelNetns) -> None:
    ended = kernel.sh("ip link add br0 type bridge\n# again\nip link add br0 type bridge\nip link del br0\n")
    assert ended.rc == 2
    assert ended.command == "ip link add br0 type bridge"
    assert ended.err == "RTNETLINK answers: File exists\n"
    assert "br0" in [link.name for link in kernel.links()]
    with pytest.raises(CommandFailed, match="exit code 2: ip link add br0 type bridge\nRTNETLINK answers"):
        ended.check()


def test_a_setup_keeps_what_its_commands_say(kernel: KernelNetns) -> None:
    ended = kernel.sh("echo one\nprintf two >&2\necho three\ncat <<END\nfour\nEND\n").check()
    assert ended.out == "one\nthree\nfour\n"
    assert ended.err == "two"


def test_a_setup_of_any_length_runs(kernel: KernelNetns) -> None:
    routes = "".join(f"# {number:0100}\n" for number in range(3000))
    assert kernel.sh(f"{routes}echo done").check().out == "done\n"


def test_a_command_that_sh_does_not_know_is_reported_with_its_line(kernel: KernelNetns) -> None:
    ended = kernel.sh("true\n\nfrobnicate br0\n")
    assert ended.rc == 127
    assert "3: frobnicate: not found" in ended.err


def test_a_command_gives_its_exit_code_its_output_and_its_errors(kernel: KernelNetns) -> None:
    ended = kernel.run("cat; echo bad >&2; exit 7", stdin="good\n")
    assert (ended.rc, ended.out, ended.err) == (7, "good\n", "bad\n")
    assert kernel.run(["echo", "$HOME; two  words"]).out == "$HOME; two  words\n"


def test_much_input_and_much_output_go_through_at_once(kernel: KernelNetns) -> None:
    much = bytes(range(256)) * 4096
    assert len(kernel.run("base64 -w0", stdin=much).check().out) == (len(much) + 2) // 3 * 4


def test_a_program_that_does_not_exist_is_an_error_of_the_caller(kernel: KernelNetns) -> None:
    with pytest.raises(FileNotFoundError):
        kernel.run(["no-such-program"])


def test_a_command_that_takes_too_long_is_ended_with_its_children(kernel: KernelNetns) -> None:
    with pytest.raises(TimeoutError, match="sleep 98765"):
        kernel.run("sleep 98765; true", timeout=0.05)
    assert "98765" not in kernel.run("ps ax").out.replace("sh -c ps ax", "")


def test_a_command_left_running_is_stopped_and_gives_what_it_said(kernel: KernelNetns) -> None:
    process = kernel.start("echo ready; trap 'echo bye; exit 3' TERM; while :; do sleep 0.01; done")
    assert process.wait(0.2) is None
    ended = process.stop()
    assert (ended.rc, ended.out) == (3, "ready\nbye\n")


def test_hosts_behind_a_port_answer_while_a_command_runs(kernel: KernelNetns) -> None:
    kernel.sh("ip addr add 10.0.0.1/24 dev tap1; ip link set tap1 up").check()

    def answer() -> None:
        for port, got in kernel.drain():
            reply = arp_reply_to(got, HOST_A) or echo_reply_to(got)
            if reply:
                kernel.send(port, reply)

    attendant = Attendant([kernel.ports["tap1"].fileno()], answer)
    ended = kernel.run("ping -c 1 -W 5 10.0.0.2", attendant=attendant)
    assert "1 received" in ended.out
    assert [(entry.address, entry.lladdr) for entry in kernel.neighbours() if entry.lladdr == HOST_A] == [
        ("10.0.0.2", HOST_A)
    ]


# --- state --------------------------------------------------------------------------------------------------


def test_what_is_read_back_is_what_the_tools_print(kernel: KernelNetns) -> None:
    kernel.sh(
        BRIDGE
        + """
        ip addr add 10.0.0.1/24 brd + dev br0
        ip route add 10.9.0.0/16 via 10.0.0.9
        ip neigh add 10.0.0.9 lladdr 02:aa:00:00:00:09 dev br0
        bridge fdb add 02:aa:00:00:00:05 dev tap1 master static
        """
    ).check()
    names = {link.ifindex: link.name for link in kernel.links()}
    shown = [f"{link.ifindex}: {link.name}: mtu {link.mtu}" for link in kernel.links()]
    by_ip = kernel.run("ip -o link | sed -E 's/^([0-9]+: [^:]+: ).*(mtu [0-9]+) .*/\\1\\2/'").out
    assert shown == by_ip.splitlines()
    (address,) = kernel.addresses()
    assert (address.address, address.broadcast, names[address.ifindex]) == (
        "10.0.0.1/24",
        "10.0.0.255",
        "br0",
    )
    (route,) = [route for route in kernel.routes() if route.gateway]
    assert (route.destination, route.gateway, names[route.oif]) == ("10.9.0.0/16", "10.0.0.9", "br0")
    assert ("10.0.0.9", "02:aa:00:00:00:09") in [(n.address, n.lladdr.hex(":")) for n in kernel.neighbours()]
    entries = [f"{entry.lladdr.hex(':')} dev {names[entry.ifindex]}" for entry in kernel.forwarding_entries()]
    by_bridge = [" ".join(line.split()[:3]) for line in kernel.run("bridge fdb show").out.splitlines()]
    assert entries == by_bridge


def test_a_sysctl_belongs_to_the_lab_and_one_of_the_machine_is_out_of_reach(kernel: KernelNetns) -> None:
    with open("/proc/sys/net/ipv4/conf/all/arp_ignore") as file:
        before = file.read()
    assert kernel.sysctl("net.ipv4.conf.all.arp_ignore", 7) == "7"
    assert kernel.run("sysctl -n net/ipv4/conf/all/arp_ignore").out == "7\n"
    with open("/proc/sys/net/ipv4/conf/all/arp_ignore") as file:
        assert file.read() == before
    with pytest.raises(OSError, match="Read-only file system"):
        kernel.sysctl("kernel.printk", kernel.sysctl("kernel.printk"))


def test_a_lab_is_without_ipv6_unless_it_is_asked_for(kernel: KernelNetns) -> None:
    kernel.sh("ip netns add b; ip link add v0 type veth peer name v1 netns b").check()
    assert kernel.sysctl("net.ipv6.conf.tap1.disable_ipv6") == "1"
    assert kernel.sysctl("net.ipv6.conf.v1.disable_ipv6", netns="b") == "1"
    with KernelNetns(["tap1"], ipv6=True) as other:
        assert other.sysctl("net.ipv6.conf.tap1.disable_ipv6") == "0"


# --- apart from the machine ---------------------------------------------------------------------------------


def test_a_namespace_that_a_setup_names_has_no_name_on_the_host(kernel: KernelNetns) -> None:
    kernel.sh("ip netns add lab-b; ip link add v0 type veth peer name v1; ip link set v1 netns lab-b").check()
    assert [link.name for link in kernel.links(netns="lab-b")] == ["lo", "v1"]
    assert kernel.run("ip netns exec lab-b ls /sys/class/net").out == "lo\nv1\n"
    assert not os.path.exists("/run/netns/lab-b")


def test_a_namespace_that_was_read_is_not_held_when_a_setup_deletes_it(kernel: KernelNetns) -> None:
    kernel.sh("ip netns add b; ip link add v0 type veth peer name v1 netns b").check()
    assert [link.name for link in kernel.links(netns="b")] == ["lo", "v1"]
    kernel.sh("ip netns del b").check()
    wait_until(lambda: "v0" not in [link.name for link in kernel.links()])  # the kernel cleans up later


def test_two_labs_at_once_do_not_see_each_other(kernel: KernelNetns) -> None:
    with KernelNetns(["tap1", "tap2"]) as other:
        for lab in (kernel, other):
            lab.sh("ip link add br0 type bridge; ip netns add b; ip link set tap1 up").check()
        kernel.sh("ip link set tap1 master br0; ip link set br0 up; ip link set tap2 up master br0").check()
        sent = frame(BROADCAST, HOST_A)
        assert ours(kernel.exchange("tap1", sent)) == [("tap2", sent)]
        assert ours(other.drain()) == []


def test_the_process_that_opens_a_lab_stays_where_it_was() -> None:
    kinds = ("net", "mnt", "pid")
    before = [os.readlink(f"/proc/self/ns/{kind}") for kind in kinds]
    with KernelNetns(["tap1"]) as kernel:
        assert [os.readlink(f"/proc/self/ns/{kind}") for kind in kinds] == before
        assert kernel.run("readlink /proc/self/ns/net").out.strip() != before[0]
        assert "tap1" not in os.listdir("/sys/class/net")


def test_another_program_can_enter_by_the_path(kernel: KernelNetns) -> None:
    inode = os.stat(kernel.netns_path).st_ino
    assert kernel.run("readlink /proc/self/ns/net").out == f"net:[{inode}]\n"


def test_a_renewed_lab_is_a_fresh_one(kernel: KernelNetns) -> None:
    kernel.sh(BRIDGE + "ip netns add b\n").check()
    left = kernel.start("sleep 1000")
    kernel.renew(["other"])
    assert left.wait(5) is not None
    assert [link.name for link in kernel.links()] == ["lo", "other"]
    assert kernel.run("ls /run/netns; ls /sys/class/net").out == "lo\nother\n"


def test_nstat_remembers_nothing_of_the_machine_nor_of_a_lab_before(kernel: KernelNetns) -> None:
    ask = "ping -q -c 1 127.0.0.1 > /dev/null; nstat IcmpInEchos"
    kernel.sh("ip link set lo up").check()
    told = kernel.run(ask).check().out
    assert "IcmpInEchos                     1 " in told
    assert kernel.run(ask).check().out == told, "one more since then"
    kernel.renew([])
    kernel.sh("ip link set lo up").check()
    assert kernel.run(ask).check().out == told


def test_a_lab_can_be_used_from_another_thread(kernel: KernelNetns) -> None:
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.extend(link.name for link in kernel.links()))
    thread.start()
    thread.join()
    assert found == ["lo", "tap1", "tap2", "tap3"]


@pytest.mark.parametrize("name", ["", "a-name-of-16-char", "a/b", "a b"])
def test_a_port_that_cannot_be_a_device_is_refused_at_once(name: str) -> None:
    with pytest.raises(ValueError, match="not a device name"):
        KernelNetns([name])


def test_a_port_name_that_is_taken_is_named() -> None:
    with pytest.raises(LabUnavailable, match="port lo: no TAP can be made"):
        KernelNetns(["lo"]).open()
