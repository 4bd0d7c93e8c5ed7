"""The contestants: pystack, the yardstick, and the peers."""

from __future__ import annotations

import re
import socket
import sys
from typing import Final

from scripts.bench_parts.contestant import IFNAME, Contestant, program, veth_pairs, write
from scripts.bench_parts.lab import Absent, BenchError, wait_until
from scripts.bench_parts.results import PYSTACK

RELAY: Final = "bare relay"
VDE: Final = "vde_switch"

NO_SUCH_KIND: Final = re.compile("Unknown device type|not supported", re.IGNORECASE)

CONFIGURATION: Final = """\
name = "bench"
setup_text = \"\"\"
ip link add br0 type bridge
ip link set port1 master br0
ip link set port2 master br0
ip link set port1 up
ip link set port2 up
ip link set br0 up
\"\"\"

[port.port1]
driver = "tap"
ifname = "{ifname}"
netns = "{near}"

[port.port2]
driver = "tap"
ifname = "{ifname}"
netns = "{far}"

[daemon]
socket = "{socket}"
"""


class PystackBridge(Contestant):
    """The daemon, with a bridge of two TAPs."""

    name = PYSTACK

    @property
    def socket(self) -> str:
        """Where its clients find it."""
        return str(self.folder / "pystack.sock")

    def start(self) -> None:
        text = CONFIGURATION.format(ifname=IFNAME, near=self.near, far=self.far, socket=self.socket)
        path = write(self.folder / "bench.toml", text)
        self.spawn_until_ready([sys.executable, "-m", "pystack", "run", "-c", path])


class RelayPeer(Contestant):
    """relay.py."""

    name = RELAY

    def start(self) -> None:
        relay = [sys.executable, "-m", "scripts.bench_parts.relay", self.near, self.far, IFNAME]
        self.spawn_until_ready(relay)


class KernelBridge(Contestant):
    """A bridge of the kernel's, with veths into the ends."""

    name = "kernel bridge"

    def start(self) -> None:
        bridge = f"{self.tag}-br"
        try:
            self.lab.run(["ip", "link", "add", bridge, "type", "bridge"])
        except BenchError as error:
            if NO_SUCH_KIND.search(str(error)):
                raise Absent("this kernel has no bridge") from error
            raise
        for half in veth_pairs(self):
            self.lab.run(["ip", "link", "set", half, "master", bridge])
        self.lab.run(["ip", "link", "set", bridge, "up"])

    def stop(self) -> None:
        super().stop()
        self.lab.run(["ip", "link", "delete", f"{self.tag}-br"])


class VdeSwitch(Contestant):
    """With TAPs of its own, its fastest way: they are moved into the ends. It knows no offloads."""

    name = VDE
    programs = (("vde_switch", "vde2"),)

    def start(self) -> None:
        taps = (f"{self.tag}-ta", f"{self.tag}-tb")
        control = ["-sock", str(self.folder / "control")]
        process = self.spawn([program("vde_switch"), *control, "-tap", taps[0], "-tap", taps[1]])
        wait_until(lambda: all(map(_exists, taps)), self.name, process)
        for tap, netns in zip(taps, (self.near, self.far), strict=True):
            self.lab.run(["ip", "link", "set", tap, "netns", netns, "name", IFNAME])


class OpenVswitch(Contestant):
    """Its userspace datapath on veths, with userspace TSO; a database and sockets of its own, no service."""

    name = "Open vSwitch"
    programs = tuple(
        (name, "openvswitch-switch") for name in ("ovsdb-tool", "ovsdb-server", "ovs-vsctl", "ovs-vswitchd")
    )
    schema = "/usr/share/openvswitch/vswitch.ovsschema"

    def start(self) -> None:
        folder = str(self.folder)
        env = dict.fromkeys(("OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR"), folder)
        database, path = f"unix:{folder}/db.sock", f"{folder}/conf.db"
        self.lab.run([program("ovsdb-tool"), "create", path, self.schema], env=env)
        server = self.spawn([program("ovsdb-server"), path, f"--remote=p{database}"], env=env)
        wait_until(lambda: _answers(f"{folder}/db.sock"), "ovsdb-server", server)
        vsctl = [program("ovs-vsctl"), f"--db={database}", "--timeout=15"]
        tso = "other_config:userspace-tso-enable=true"
        self.lab.run([*vsctl, "--no-wait", "init", "--", "set", "Open_vSwitch", ".", tso], env=env)
        self.spawn([program("ovs-vswitchd"), database, f"--unixctl={folder}/control"], env=env)
        bridge = f"{self.tag}-br"
        add = ["add-br", bridge, "--", "set", "bridge", bridge, "datapath_type=netdev"]
        for half in veth_pairs(self):
            add += ["--", "add-port", bridge, half]
        self.lab.run([*vsctl, *add], env=env)


def _answers(path: str) -> bool:
    """Whether somebody accepts connections at a socket: it is there a moment before they do."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        return caller.connect_ex(path) == 0


def _exists(ifname: str) -> bool:
    try:
        socket.if_nametoindex(ifname)
    except OSError:
        return False
    return True


CONTESTANTS: Final[tuple[type[Contestant], ...]] = (
    PystackBridge,
    RelayPeer,
    KernelBridge,
    VdeSwitch,
    OpenVswitch,
)
