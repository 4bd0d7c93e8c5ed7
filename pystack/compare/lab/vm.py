"""A virtual machine with a Linux kernel of its own, under QEMU.

    port = SocketPairPort()
    with Vm([port]) as vm:
        vm.run("ip link set eth0 up").check()
        port.send(frame)

Always emulated (TCG), never KVM: nested virtualization that opens and then fails in the middle of a boot is
worse than none. It boots in about two seconds and takes some 230 MB (the full image 370 to 650); a command
takes 10 to 30 ms. No rights are needed.

With `own_time` the guest's clock does not know how busy this machine is: work takes the time that its
instructions take, and waiting takes none of ours.

The guest goes off when its line to us is cut, and its QEMU is killed when we are.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final

from pystack.compare.lab.errors import LabBroken, LabUnavailable
from pystack.compare.lab.initramfs import GUEST, ImageKind, initramfs
from pystack.compare.lab.process import Attendant, Completed
from pystack.compare.lab.setup_trace import SETUP_COMMAND, without_trace
from pystack.compare.lab.vm_kernel import VmKernel, find_kernel
from pystack.compare.lab.vm_line import VmLine
from pystack.compare.lab.vm_port import VmPort
from pystack.compare.lab.vm_process import VmProcess

QEMU: Final = "qemu-system-x86_64"
BOOT_PATIENCE: Final = 120.0  # seconds; a loaded machine boots slowly, a broken VM ends by itself
RUN_PATIENCE: Final = 60.0
CONSOLE_TAIL: Final = 2000
FIRST_ADDRESS: Final = 0x525400000001
TRANSLATED_MIB: Final = 256  # of code; QEMU would take a gigabyte in the course of a thousand commands
INSTRUCTION_SHIFT: Final = 1  # an instruction takes 2 ns of the guest's own time
INSTRUCTION_TSC: Final = " tsc_early_khz=1000000"  # that time, in nanoseconds, is what it reads
# A guest that is busy with a command does not notice that nobody is left to hear the answer.
_TIED_TO_US: Final = ("setpriv", "--pdeathsig", "KILL")


class Vm:
    """One VM, started by `with` or start(), ready when the first command is answered. It owns its ports."""

    def __init__(
        self,
        ports: Sequence[VmPort] = (),
        *,
        kind: ImageKind = GUEST,
        kernel: VmKernel | None = None,
        addresses: Sequence[bytes] = (),
        ipv6: bool = False,
        memory: int = 0,
        second_line: bool = False,
        own_time: bool = False,
    ) -> None:
        self.ports = tuple(ports)
        self.kind = kind
        self.kernel = kernel
        self.addresses = tuple(addresses) or _counted_addresses(len(self.ports))
        self.ipv6 = ipv6
        self.memory = memory or kind.memory
        self.own_time = own_time  # the guest's clock counts instructions, and jumps where nothing runs
        self._process: subprocess.Popen[bytes] | None = None
        self._console = -1
        self._lines: list[VmLine] = []  # to process 1, and for a program of the VM's to answer on
        self._line_count = 1 + second_line
        self._ready = False
        self._commands = 0

    # --- life -------------------------------------------------------------------------------------------

    def __enter__(self) -> Vm:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> Vm:
        """Start QEMU and return at once: several VMs boot side by side."""
        qemu = shutil.which(QEMU)
        if qemu is None:
            raise LabUnavailable(f"a VM needs {QEMU} (Debian package qemu-system-x86)")
        kernel = self.kernel or find_kernel()
        archive = initramfs(kernel, self.kind)
        self._console = os.memfd_create("console")
        with ExitStack() as theirs:
            pairs = [socket.socketpair() for _ in range(self._line_count)]
            ends = [theirs.enter_context(end).fileno() for _, end in pairs]
            self._lines = [VmLine(ours, self._check_alive) for ours, _ in pairs]
            self._process = subprocess.Popen(
                [
                    *_TIED_TO_US,
                    qemu,
                    *self._machine(kernel, archive),
                    *self._serial_ports(ends),
                    *self._cards(),
                ],
                stdin=subprocess.DEVNULL,
                stdout=self._console,
                stderr=self._console,
                pass_fds=[*ends, *(fd for port in self.ports for fd in port.descriptors())],
                start_new_session=True,  # Ctrl-C is for us
            )
        for port in self.ports:
            port.hand_over()
        return self

    def wait_until_ready(self, timeout: float = BOOT_PATIENCE) -> None:
        if not self._ready:
            self.line.wait_until_ready(timeout)
            self._ready = True

    def close(self) -> None:
        """Switch it off, by the plug. Closing twice is no error."""
        for line in self._lines:
            line.close()
        self._lines = []
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        for port in self.ports:
            port.close()
        if self._console >= 0:
            os.close(self._console)
            self._console = -1

    # --- use --------------------------------------------------------------------------------------------

    def run(
        self,
        command: str,
        *,
        stdin: str | bytes = b"",
        timeout: float = RUN_PATIENCE,
        attendant: Attendant | None = None,
    ) -> Completed:
        """Run a line for sh in the VM; whoever stands behind the ports may act meanwhile.

        After a TimeoutError the VM is of no more use: its process 1 does one thing at a time.
        """
        self.wait_until_ready()
        data = stdin.encode() if isinstance(stdin, str) else stdin
        reply = self.line.request(command.encode(), data, timeout, attendant)
        out, err = reply.out.decode(errors="replace"), reply.err.decode(errors="replace")
        return Completed(command, reply.rc, out, err, out + err)

    def sh(self, text: str, *, timeout: float = RUN_PATIENCE) -> Completed:
        """Run a setup: `sh -e`. On failure `command` is the one that failed."""
        ended = self.run(SETUP_COMMAND, stdin=text, timeout=timeout)
        return without_trace(ended)

    def start_command(self, command: str) -> VmProcess:
        """Start a line for sh and leave it running."""
        self._commands += 1
        return VmProcess(self.run, self._commands, command)

    def pause(self) -> None:
        """Halt QEMU: a guest with its own time, when idle, would run through hours of it."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End the pause; without one nothing happens."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def console(self) -> str:
        """What QEMU and the guest's kernel have said so far."""
        return os.pread(self._console, 1 << 20, 0).decode(errors="replace")

    @property
    def line(self) -> VmLine:
        if not self._lines:
            raise ValueError("the VM is off")
        return self._lines[0]

    @property
    def second_line(self) -> VmLine:
        """The other end is /dev/vport0p2 in the VM, for whoever opens it."""
        if len(self._lines) < 2:
            raise ValueError("the VM is off, or has one line only")
        return self._lines[1]

    @property
    def pid(self) -> int:
        if self._process is None:
            raise ValueError("the VM is off")
        return self._process.pid

    def _check_alive(self, seconds: float) -> None:
        try:
            if self._process is not None:
                self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return
        raise LabBroken(f"the VM has ended: {self.console()[-CONSOLE_TAIL:].strip()}")

    # --- QEMU's command line ----------------------------------------------------------------------------

    def _machine(self, kernel: VmKernel, archive: Path) -> list[str]:
        # -M pc, because the machine without an ACPI timer hangs in one boot of five; see also tsc_khz
        options = "console=ttyS0 quiet panic=-1" + ("" if self.ipv6 else " ipv6.disable=1")
        return [
            *("-accel", f"tcg,tb-size={TRANSLATED_MIB}", "-M", "pc", "-m", str(self.memory), "-smp", "1"),
            *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
            *("-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"),
            *("-kernel", str(kernel.bootable()), "-initrd", str(archive)),
            *("-append", f"{options}{INSTRUCTION_TSC if self.own_time else _tsc_khz()}"),
            *(("-icount", f"shift={INSTRUCTION_SHIFT},sleep=off") if self.own_time else ()),
        ]

    def _serial_ports(self, fds: Sequence[int]) -> list[str]:
        words = ["-device", "virtio-serial-pci"]
        for number, fd in enumerate(fds, start=1):
            words += ["-chardev", f"socket,id=line{number},fd={fd}"]
            words += ["-device", f"virtserialport,chardev=line{number},nr={number}"]
        return words

    def _cards(self) -> list[str]:
        words: list[str] = []
        for number, (port, address) in enumerate(zip(self.ports, self.addresses, strict=True)):
            kind, _, rest = port.netdev().partition(",")
            words += ["-netdev", f"{kind},id=net{number},{rest}"]
            # no boot ROM: it is a package of its own, and nothing boots from the network
            card = f"virtio-net-pci,netdev=net{number},mac={address.hex(':')},romfile="
            words += ["-device", card]
        return words


def _counted_addresses(count: int) -> tuple[bytes, ...]:
    return tuple((FIRST_ADDRESS + number).to_bytes(6, "big") for number in range(count))


def _tsc_khz() -> str:
    """How fast the guest's clock runs: measuring that fails now and then on a busy machine, and it hangs."""
    try:
        mhz = re.search(r"cpu MHz\s*:\s*([\d.]+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        return ""
    return f" tsc_early_khz={int(float(mhz[1]) * 1000)}" if mhz else ""
