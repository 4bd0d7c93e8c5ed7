"""The lab of `scripts/demo`: a daemon with a bridge, two machines on it, and what they say to each other."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Final

from pystack.compare.lab.errors import LabBroken, LabUnavailable
from pystack.compare.lab.vm import Vm
from pystack.compare.lab.vm_port import UnixStreamPort

ROOT: Final = Path(__file__).resolve().parent.parent
PYSTACK: Final = str(ROOT / ".venv/bin/pystack")
PATIENCE: Final = 10.0  # seconds until the daemon must be ready
BRIDGE: Final = "10.77.0.1"
STATIONS: Final = {"vm1": bytes.fromhex("525400000101"), "vm2": bytes.fromhex("525400000102")}
MACHINES: Final = {"vm1": "10.77.0.11", "vm2": "10.77.0.12"}

SETUP: Final = f"""
ip link set lo up
ip link add br0 type bridge
ip link set vm1 master br0
ip link set vm2 master br0
ip link set vm1 up
ip link set vm2 up
ip link set br0 up
ip addr add {BRIDGE}/24 dev br0
"""


class DemoFailed(Exception):
    """A step did not go as it should."""


def step(title: str, argv: Sequence[str]) -> str:
    """Run one command, show it and what it says."""
    print(f"\n# {title}\n$ {' '.join(argv)}", flush=True)
    done = subprocess.run(
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False
    )
    if done.stdout.strip():
        print(done.stdout.rstrip(), flush=True)
    if done.returncode:
        raise DemoFailed(f"{title}: {' '.join(argv)} ended with {done.returncode}")
    return done.stdout


class Daemon:
    """`pystack run` with the lab's file, ended by `pystack stop`."""

    def __init__(self, folder: Path, ports: str) -> None:
        self.socket = folder / "demo.sock"
        self._log = folder / "demo.log"
        config = folder / "demo.toml"
        config.write_text(
            f'name = "demo"\nsetup_text = """{SETUP}"""\n{ports}\n[daemon]\nsocket = "{self.socket}"\n'
        )
        with self._log.open("wb") as log:
            self._process = subprocess.Popen([PYSTACK, "run", "-c", str(config)], stdout=log, stderr=log)
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        began = time.monotonic()
        while self.call("status").returncode:
            if self._process.poll() is not None or time.monotonic() - began > PATIENCE:
                self.stop()
                raise DemoFailed(f"the daemon did not start:\n{self._log.read_text()}")
            time.sleep(0.05)

    def argv(self, *words: str) -> list[str]:
        """A command for this daemon."""
        return [PYSTACK, "-S", str(self.socket), *words]

    def call(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        """Run one quietly."""
        return subprocess.run(self.argv(*words), capture_output=True, timeout=30, check=False)

    def stop(self) -> None:
        """End it, kindly first."""
        if self._process.poll() is None:
            self.call("stop")
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def show_the_stack(daemon: Daemon) -> None:
    """What pystack itself says, by Linux's own commands."""
    step("pystack pings the first machine", daemon.argv("ping", "-c", "3", "-i", "0.2", MACHINES["vm1"]))
    step("whom it knows", daemon.argv("ip", "neigh"))
    step("where the bridge saw them", daemon.argv("bridge", "fdb", "show", "br", "br0"))
    step("the daemon", daemon.argv("status"))


def with_namespaces(stack: ExitStack, folder: Path) -> None:
    """Two kernel namespaces; in each, a TAP whose other end is a port of pystack."""
    names = {machine: f"pystack-demo-{machine}-{os.getpid()}" for machine in MACHINES}
    ports = ""
    for machine, name in names.items():
        step(f"a namespace as {machine}", ["ip", "netns", "add", name])
        stack.callback(subprocess.run, ["ip", "netns", "delete", name], check=False)
        ports += f'[port.{machine}]\ndriver = "tap"\nifname = "eth0"\nnetns = "{name}"\n'
    daemon = Daemon(folder, ports)
    stack.callback(daemon.stop)
    for machine, name in names.items():
        inside = ["ip", "-n", name]
        step(
            f"{machine} takes its address", [*inside, "addr", "add", f"{MACHINES[machine]}/24", "dev", "eth0"]
        )
        step(f"{machine} is plugged in", [*inside, "link", "set", "eth0", "up"])
    ping = ["ip", "netns", "exec", names["vm1"], "ping", "-c", "3", "-i", "0.2"]
    step("vm1 pings pystack", [*ping, BRIDGE])
    step("vm1 pings vm2, through the bridge", [*ping, MACHINES["vm2"]])
    show_the_stack(daemon)


def in_vm(vm: Vm, name: str, command: str) -> None:
    """Run one command in a machine, show it and what it says."""
    print(f"{name}$ {command}", flush=True)
    done = vm.run(command)
    if done.text.strip():
        print(done.text.rstrip(), flush=True)
    if done.rc:
        raise DemoFailed(f"{name}: {command} ended with {done.rc}")


def with_vms(stack: ExitStack, folder: Path) -> None:
    """Two real machines under QEMU, their cards on unix sockets of pystack."""
    paths = {machine: folder / f"{machine}.sock" for machine in MACHINES}
    ports = "".join(
        f'[port.{machine}]\ndriver = "unix"\ntype = "stream"\nlisten = true\npath = "{path}"\n'
        for machine, path in paths.items()
    )
    daemon = Daemon(folder, ports)
    stack.callback(daemon.stop)
    print("\n# booting two machines under QEMU", flush=True)
    machines = {
        machine: stack.enter_context(Vm([UnixStreamPort(path)], addresses=[STATIONS[machine]]))
        for machine, path in paths.items()
    }
    for machine, vm in machines.items():
        in_vm(vm, machine, f"ip addr add {MACHINES[machine]}/24 dev eth0")
        in_vm(vm, machine, "ip link set eth0 up")
    print("\n# vm1 pings pystack, then vm2 through the bridge", flush=True)
    for target in (BRIDGE, MACHINES["vm2"]):
        in_vm(machines["vm1"], "vm1", f"ping -c 3 {target}")
    show_the_stack(daemon)


def compare_with_the_kernel() -> None:
    """The scenarios of every way through the stack, by both, hop by hop."""
    folders = sorted(str(folder) for folder in (ROOT / "scenarios").glob("path-*"))
    step("the same packets through the kernel and through pystack", [PYSTACK, "compare", "lab", *folders])


def interrupted(signal: int, frame: FrameType | None) -> None:
    """SIGTERM unwinds as Ctrl-C does."""
    raise KeyboardInterrupt


def main() -> int:
    """Run the lab; whatever happens, take it down."""
    import signal

    signal.signal(signal.SIGTERM, interrupted)
    folder = Path(tempfile.mkdtemp(prefix="pystack-demo-"))
    try:
        with ExitStack() as stack:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            (with_vms if "--vm" in sys.argv[1:] else with_namespaces)(stack, folder)
        compare_with_the_kernel()
    except (DemoFailed, LabBroken, LabUnavailable, TimeoutError) as error:
        print(f"\ndemo: FAILED: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ndemo: interrupted; everything was taken down", file=sys.stderr)
        return 130
    print("\ndemo: everything answered, and as the kernel would; nothing is left behind")
    return 0


if __name__ == "__main__":
    sys.exit(main())
