"""Another kernel as a side of a comparison: the kernel's side, run in a VM.

The very code that asks this machine's kernel runs in the VM, under Python, on TAPs of the VM's own: writing a
frame into a TAP returns when the kernel is done with it, which no frame that comes from outside by a virtual
card tells, and nothing but the kernel differs from the other oracle. Scenarios go in and records come out by
a serial line. One VM serves for all scenarios; one that broke is replaced by a fresh one.

It has a time of its own, in which waits cost nothing and a busy machine is no slower, and stands still while
nothing is asked of it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection
from types import TracebackType
from typing import Final

from pystack.compare.lab.errors import LabBroken, LabUnavailable
from pystack.compare.lab.guest_python import find_python
from pystack.compare.lab.initramfs import FULL
from pystack.compare.lab.side import Choices, SideError
from pystack.compare.lab.vm import Vm
from pystack.compare.lab.vm_guest import THOROUGH
from pystack.compare.lab.vm_kernel import find_kernel
from pystack.compare.lab.vm_words import Value, from_words, to_words
from pystack.compare.records import Record
from pystack.compare.scenario import Scenario, Topology

# What the other kernel has built in, what Debian chose otherwise, and what follows from a VM's little memory.
PREPARE: Final = """
ip link set lo up
modprobe -a tun br_netfilter nfnetlink_log nf_log_syslog nf_nat_ftp nf_nat_tftp
mount -t tracefs tracefs /sys/kernel/tracing
sysctl -qw net.core.default_qdisc=pfifo_fast
sysctl -qw 'net.ipv4.tcp_rmem=4096 131072 33554432' 'net.ipv4.tcp_wmem=4096 16384 4194304'
"""
PATIENCE: Final = 180.0  # seconds for one answer: every program runs twenty times slower


class VmSide:
    """A side of a comparison (side.Side)."""

    def __init__(self, *, thorough: bool = False) -> None:
        self._thorough = thorough
        self._vm: Vm | None = None

    def __enter__(self) -> VmSide:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def version(self) -> tuple[int, int]:
        """Of the kernel that is asked."""
        try:
            major, minor = find_kernel().release.split(".")[:2]
        except LabUnavailable as error:
            raise SideError([str(error)], missing=True) from error
        return int(major), int(minor)

    def open(self, topology: Topology, file: str = "<setup>", line: int = 1) -> None:
        """Build the ports and run the setup in the VM, which boots for the first one."""
        self._ask("open", topology, file, line)

    def lacks(self, needs: Collection[str]) -> list[str]:
        """What the VM's kernel or tools cannot do."""
        return list(self._ask("lacks", list(needs)))

    def choices(self) -> Choices:
        """The link addresses that the VM's kernel drew."""
        found: Choices = self._ask("choices")
        return found

    def adopt(self, choices: Choices) -> None:
        """The kernel takes over nothing: it is the one who is asked."""

    def play(self, scenario: Scenario, hops: bool = True) -> list[Record]:
        """Play every step in the VM."""
        return list(self._ask("play", scenario, hops))

    def close(self) -> None:
        """Switch the VM off."""
        if self._vm is not None:
            self._vm.close()
            self._vm = None

    def _ask(self, method: str, *arguments: Value) -> Value:
        request = json.dumps([method, to_words(arguments)]).encode() + b"\n"
        try:
            vm = self._running()
            vm.go_on()
            vm.second_line.send(request)
            answer = json.loads(vm.second_line.read_line(time.monotonic() + PATIENCE))
            vm.pause()
        except LabUnavailable as error:
            self.close()
            raise SideError([str(error)], missing=True) from error
        except (LabBroken, TimeoutError) as error:
            self.close()
            raise SideError([f"the VM did not play on: {error}"]) from error
        except BaseException:
            self.close()
            raise
        if "broken" in answer:
            self.close()
            raise SideError([f"the VM did not play on: {answer['broken']}"])
        if "complaints" in answer:
            raise SideError(answer["complaints"], answer["missing"])
        return from_words(answer["value"])

    def _running(self) -> Vm:
        if self._vm is None:
            self._vm = Vm(kind=FULL, ipv6=True, second_line=True, own_time=True).start()
            self._vm.sh(PREPARE).check()
            words = [find_python(FULL.python).command(), *([THOROUGH] if self._thorough else [])]
            self._vm.start_command(" ".join(words))
        return self._vm
