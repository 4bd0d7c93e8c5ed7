"""A VM that gets somewhere: pages of a program on pystack, and a host beyond by ssh, once rules allow it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from pystack.compare.lab.host_files import find_program
from pystack.compare.lab.initramfs import GUEST, ImageKind
from pystack.compare.lab.vm import Vm
from pystack.compare.lab.vm_port import UnixStreamPort
from tests.daemon.running import PATIENCE, Daemon, daemon
from tests.daemon.scripts import HYPERCORN, md5, running_script, script
from tests.drivers.kernel import KernelNamespace, kernel_namespace

pytestmark = [pytest.mark.root, pytest.mark.vm, pytest.mark.slow]

CLIENT = ImageKind("client", 192, GUEST.boot_modules, programs=("curl", "ssh"), files=("/etc/passwd",))
BEYOND = "10.88.0.2"
CONFIG = """\
name = "programs"
setup_text = '''
ip link set lo up
ip addr add 10.77.0.1/24 dev vm; ip link set vm up
ip addr add 10.88.0.1/24 dev out; ip link set out up
sysctl -qw net.ipv4.ip_forward=1
'''
[port.vm]
driver = "unix"
type = "stream"
path = "vm.sock"
listen = true
[port.out]
driver = "tap"
netns = "{beyond}"
"""
# dropbear looks for keys at home: in the mount namespace of `ip netns exec`, home is a folder of ours.
SERVE = "mount --bind {home} /root && exec dropbear -F -E -s -r {home}/host_key -p {address}:22 -P {home}/pid"


@dataclass
class Lab:
    vm: Vm
    running: Daemon
    beyond: KernelNamespace


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    for name in ("curl", "ssh"):
        if find_program(name) is None:
            pytest.skip(f"needs {name}")
    folder = tmp_path_factory.mktemp("programs")
    with ExitStack() as stack:
        beyond = stack.enter_context(kernel_namespace())
        (folder / "programs.toml").write_text(CONFIG.format(beyond=beyond.name))
        running = stack.enter_context(daemon(folder, "-c", str(folder / "programs.toml")))
        beyond.sh(f"ip addr add {BEYOND}/24 dev out; ip route add default via 10.88.0.1")
        vm = stack.enter_context(Vm([UnixStreamPort(folder / "vm.sock")], kind=CLIENT))
        vm.sh(
            "ip link set lo up; ip link set eth0 up; ip addr add 10.77.0.2/24 dev eth0\n"
            "ip route add default via 10.77.0.1"
        ).check()
        yield Lab(vm, running, beyond)


@pytest.fixture(scope="module")
def web(lab: Lab) -> Iterator[str]:
    """hypercorn, on the sockets of the daemon that the VM is plugged in."""
    pytest.importorskip("hypercorn", reason="hypercorn is not installed (pip install pystack[web])")
    words = ["-S", str(lab.running.socket), "exec", script(lab.running.folder, HYPERCORN), "10.77.0.1"]
    with running_script(*words):
        yield "http://10.77.0.1"


def test_curl_in_a_vm_fetches_a_hundred_megabytes_intact(
    lab: Lab, web: str, scaled: Callable[[int], int]
) -> None:
    length = scaled(100_000_000)
    done = lab.vm.run(f"curl -sS {web}/{length} | md5sum", timeout=240).check()
    assert done.out.split()[0] == md5(length)


def test_a_hundred_curls_of_a_vm_are_served_at_once(lab: Lab, web: str) -> None:
    at_once = "curl -sS -Z --parallel-immediate --parallel-max 100 -w '%{http_code} %{size_download}\\n'"
    done = lab.vm.run(f"{at_once} -o /dev/null '{web}/1000?[1-100]'").check()
    assert done.out == "200 1000\n" * 100


def test_ssh_in_a_vm_reaches_a_host_beyond_once_the_rules_allow_it(lab: Lab, tmp_path: Path) -> None:
    if find_program("dropbear") is None:
        pytest.skip("needs dropbear (Debian: dropbear-bin)")
    ssh = "ssh -n -i /key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
    asked = f"{ssh} -o ConnectTimeout=5 root@{BEYOND} cat hello"
    with sshd(lab, tmp_path):
        assert lab.running.run("iptables", "-P", "FORWARD", "DROP").rc == 0
        refused = lab.vm.run(asked)
        assert refused.rc == 255
        assert "timed out" in refused.err
        allow = ["-A", "FORWARD", "-p", "tcp", "-d", BEYOND, "--dport", "22", "-j", "ACCEPT"]
        assert lab.running.run("iptables", *allow).rc == 0
        answers = ["-A", "FORWARD", "-m", "conntrack", "--ctstate", "ESTABLISHED", "-j", "ACCEPT"]
        assert lab.running.run("iptables", *answers).rc == 0
        assert lab.vm.run(asked).check().out == "from beyond\n"
        assert lab.running.run("iptables", "-P", "FORWARD", "ACCEPT").rc == 0


class sshd:
    """A server of ssh in the namespace beyond, and a key for it in the VM."""

    def __init__(self, lab: Lab, home: Path) -> None:
        self._lab = lab
        self._home = home
        self._process: subprocess.Popen[bytes]

    def __enter__(self) -> None:
        home = self._home
        home.chmod(0o700)
        (home / ".ssh").mkdir(mode=0o700)
        (home / "hello").write_text("from beyond\n")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / "key"], check=True)
        (home / "key.pub").rename(home / ".ssh/authorized_keys")
        made = ["dropbearkey", "-t", "ed25519", "-f", str(home / "host_key")]
        subprocess.run(made, check=True, capture_output=True)
        self._lab.vm.run("cat > /key; chmod 600 /key", stdin=(home / "key").read_bytes()).check()
        serve = SERVE.format(home=home, address=BEYOND)
        enter = ["ip", "netns", "exec", self._lab.beyond.name, "sh", "-c", serve]
        self._process = subprocess.Popen(enter, stderr=subprocess.DEVNULL)
        self._lab.beyond.sh(f"until ss -Hltn | grep -q {BEYOND}:22; do sleep 0.05; done")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)
