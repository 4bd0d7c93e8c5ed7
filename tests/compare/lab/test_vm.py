"""Real VMs under QEMU: they boot, do what they are told, reach each other, and end."""

import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from pystack.compare.lab.errors import LabBroken
from pystack.compare.lab.initramfs import FULL
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.compare.lab.process import Attendant
from pystack.compare.lab.vm import Vm
from pystack.compare.lab.vm_kernel import find_kernel
from pystack.compare.lab.vm_port import SocketPairPort, TapPort, UnixDgramPort, UnixStreamPort
from tests.compare.lab.frames import arp_reply_to, echo_reply_to
from tests.compare.lab.patience import wait_until
from tests.compare.lab.vm_hub import hub

pytestmark = [pytest.mark.vm, pytest.mark.slow]

ROOT = Path(__file__).parent.parent.parent.parent
MAC = bytes.fromhex("02aa00000001")


@pytest.fixture(scope="module")
def port() -> SocketPairPort:
    return SocketPairPort()


@pytest.fixture(scope="module")
def vm(port: SocketPairPort) -> Iterator[Vm]:
    """One VM for all tests that leave it as it was."""
    with Vm([port]) as guest:
        guest.sh("ip link set lo up; ip link set eth0 up; ip addr add 10.0.0.1/24 dev eth0").check()
        yield guest


def test_a_command_in_the_vm_gives_its_exit_code_its_output_and_its_errors(vm: Vm) -> None:
    ended = vm.run("cat; echo bad >&2; exit 7", stdin="good\n")
    assert (ended.rc, ended.out, ended.err) == (7, "good\n", "bad\n")
    assert vm.run("uname -r").out == f"{find_kernel().release}\n"


def test_much_input_comes_back_as_it_was(vm: Vm) -> None:
    much = "".join(f"{number}\n" for number in range(20000))
    assert vm.run("cat", stdin=much).out == much


def test_a_setup_in_the_vm_stops_at_the_command_that_fails_and_names_it(vm: Vm) -> None:
    ended = vm.sh("echo one\n# two\nls /nowhere\necho three\n")
    assert (ended.rc, ended.command, ended.out) == (1, "ls /nowhere", "one\n")
    assert ended.err == "ls: /nowhere: No such file or directory\n"


def test_a_command_left_running_is_stopped_and_gives_what_it_said(vm: Vm) -> None:
    process = vm.start_command("echo ready; trap 'echo bye; exit 3' TERM; while :; do sleep 0.05; done")
    vm.run("until grep -q ready /run/pystack/command-1.out; do sleep 0.05; done").check()
    ended = process.stop()
    assert (ended.rc, ended.out) == (3, "ready\nbye\n")


def test_the_vm_sends_nothing_unasked_after_its_link_is_up(vm: Vm, port: SocketPairPort) -> None:
    vm.run("sleep 1.5")
    port.drain()
    vm.run("sleep 1")
    assert port.drain() == []


def test_a_host_that_python_plays_answers_the_vm(vm: Vm, port: SocketPairPort) -> None:
    def answer() -> None:
        for frame in port.drain():
            reply = arp_reply_to(frame, MAC) or echo_reply_to(frame)
            if reply:
                port.send(reply)

    ended = vm.run("ping -c 3 -i 0.1 10.0.0.9", attendant=Attendant([port.fileno()], answer))
    assert "3 packets received" in ended.out


def test_two_vms_ping_each_other_through_a_hub(vm: Vm, port: SocketPairPort) -> None:
    other = SocketPairPort()
    with Vm([other], addresses=[bytes.fromhex("525400000002")]) as guest:
        guest.sh("ip link set eth0 up; ip addr add 10.0.0.2/24 dev eth0").check()
        middle = hub([port, other])
        assert "3 packets received" in vm.run("ping -c 3 -i 0.1 10.0.0.2", attendant=middle).out
        assert "3 packets received" in guest.run("ping -c 3 -i 0.1 10.0.0.1", attendant=middle).out
        assert "10.0.0.2 dev eth0 lladdr 52:54:00:00:00:02" in vm.run("ip neigh").out


def answer_from(link: socket.socket, stream: bool) -> Attendant:
    """A host behind a unix socket of QEMU's, framed by length or not."""

    def answer() -> None:
        data = link.recv(65536)
        frame = data[4:] if stream else data  # one ping at a time: a read is a frame
        reply = arp_reply_to(frame, MAC) or echo_reply_to(frame)
        if reply:
            link.send(struct.pack(">I", len(reply)) + reply if stream else reply)

    return Attendant([link.fileno()], answer)


def test_vms_on_unix_sockets_by_path_reach_us(tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    with listener, datagrams:
        listener.bind(str(tmp_path / "stream"))
        listener.listen()
        datagrams.bind(str(tmp_path / "ours"))
        ports = [
            UnixStreamPort(tmp_path / "stream"),
            UnixDgramPort(tmp_path / "qemu", tmp_path / "ours"),
            UnixStreamPort(tmp_path / "listening", listen=True),
        ]
        with Vm(ports) as guest, socket.socket(socket.AF_UNIX) as caller:
            guest.sh(
                """
                for card in 0 1 2; do
                    ip link set eth$card up
                    ip addr add 10.0.$card.1/24 dev eth$card
                done
                """
            ).check()
            datagrams.connect(str(tmp_path / "qemu"))
            caller.connect(str(tmp_path / "listening"))
            accepted, _ = listener.accept()
            with accepted:
                for card, (link, stream) in enumerate([(accepted, True), (datagrams, False), (caller, True)]):
                    ended = guest.run(f"ping -c 2 -i 0.2 10.0.{card}.9", attendant=answer_from(link, stream))
                    assert "2 packets received" in ended.out


@pytest.mark.root
@pytest.mark.parametrize("offload", [False, True])
def test_a_vm_on_a_tap_in_a_lab_pings_the_kernel_there(offload: bool) -> None:
    with KernelNetns() as kernel, Vm([TapPort(kernel.open_tap("vm1", offload=offload))]) as guest:
        kernel.sh("ip addr add 10.0.0.1/24 dev vm1; ip link set vm1 up").check()
        guest.sh("ip link set eth0 up; ip addr add 10.0.0.2/24 dev eth0").check()
        assert "2 packets received" in guest.run("ping -c 2 -i 0.2 10.0.0.1").out
        assert "2 received" in kernel.run("ping -c 2 -i 0.2 10.0.0.2").out
        assert_stream_is_whole(kernel, guest)


def assert_stream_is_whole(kernel: KernelNetns, guest: Vm) -> None:
    """A megabyte by TCP: with offload it comes in frames longer than the MTU, with unfinished checksums."""
    sent = guest.run("dd if=/dev/urandom of=/run/much bs=1k count=1024 2>/dev/null; sha256sum </run/much").out
    with socket.socket(fileno=kernel.open_socket(socket.AF_INET, socket.SOCK_STREAM)) as listener:
        listener.bind(("10.0.0.1", 5000))
        listener.listen()
        sender = guest.start_command("nc 10.0.0.1 5000 </run/much")
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as stream:
            assert sha256(stream.read()).hexdigest() == sent.split()[0]
    sender.stop()


def test_the_full_image_has_what_hosts_often_lack() -> None:
    with Vm([SocketPairPort(), SocketPairPort()], kind=FULL) as guest:
        guest.sh(
            """
            ip link add br0 type bridge
            ip link set eth0 master br0
            ip link add d0 type dummy
            ip link add link eth1 name eth1.5 type vlan id 5
            ip link add blue type vrf table 10
            ebtables-legacy -t broute -A BROUTING -p ipv4 -j redirect --redirect-target DROP
            ebtables-legacy -t filter -A FORWARD --log --log-prefix eb -j CONTINUE
            iptables-legacy -t mangle -A PREROUTING -m physdev --physdev-in eth0 -j LOG --log-prefix mangle
            iptables-nft -t nat -A POSTROUTING -m conntrack --ctstate NEW -j MASQUERADE
            sysctl -w net.bridge.bridge-nf-call-iptables=1
            nft add table bridge t
            """
        ).check()
        assert "eth1.5@eth1" in guest.run("ip -br link").out
        assert "-j redirect" in guest.run("ebtables-legacy -t broute -L").out
        assert guest.start_command("exec sleep 60").stop().rc == 143  # another shell than the small image's


def test_a_vm_that_ends_by_itself_says_its_last_words() -> None:
    with Vm() as guest:
        guest.wait_until_ready()
        with pytest.raises(LabBroken, match="the VM has ended: gone"):
            guest.run("echo gone >/dev/console; poweroff -f; sleep 60")


def test_an_initramfs_that_does_not_fit_into_the_memory_is_named() -> None:
    with Vm(kind=FULL, memory=176) as guest, pytest.raises(LabBroken, match="does not fit into the memory"):
        guest.wait_until_ready()


def test_a_vm_ends_with_the_process_that_started_it() -> None:
    code = """if True:
        import time
        from pystack.compare.lab.vm import Vm
        vm = Vm().start()
        vm.wait_until_ready()
        print(vm.pid, flush=True)
        time.sleep(1000)
    """
    victim = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert victim.stdout is not None
    pid = int(victim.stdout.readline())
    assert "qemu" in Path(f"/proc/{pid}/cmdline").read_text()
    os.kill(victim.pid, signal.SIGKILL)
    victim.communicate()
    wait_until(lambda: not os.path.exists(f"/proc/{pid}/exe"), seconds=60)
