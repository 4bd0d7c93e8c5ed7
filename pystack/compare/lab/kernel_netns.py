"""A network namespace of the kernel's, with TAPs as its ports, that nobody else can see.

    with KernelNetns(["tap1", "tap2"]) as kernel:
        kernel.sh(SETUP).check()
        kernel.send("tap1", frame)
        assert kernel.drain() == [("tap2", frame)]

Nothing here waits: a frame written into a TAP has gone its whole way through the kernel, replies and veths
included, before the write returns. What the kernel sends by itself comes later: IGMP reports up to a second
after a link comes up, ARP retries at steps of a second, "host unreachable" after three.

The calling process stays in its own namespaces. All of the lab lives under one agent (agent.py) and ends with
it.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Final

from pystack.compare.lab import readback
from pystack.compare.lab.agent_client import AgentClient
from pystack.compare.lab.capture import Capture, socket_protocol
from pystack.compare.lab.errors import LabBroken, LabUnavailable
from pystack.compare.lab.kernel_log import KernelLog
from pystack.compare.lab.process import Attendant, Completed, LabProcess
from pystack.compare.lab.rtnetlink import NetlinkSocket
from pystack.compare.lab.setup_trace import SETUP_ARGV, SETUP_ENVIRONMENT, without_trace
from pystack.compare.lab.tap_port import IFF_NO_PI, IFF_TAP, IFF_VNET_HDR, OffloadFrame, TapPort

Command = str | Sequence[str]  # a line for sh, or the words of one command

FIRST_ADDRESS: Final = 0x020000000001  # of the first port; the others count on
IFNAMSIZ: Final = 16
SETUP_PATIENCE: Final = 60.0  # seconds


class KernelNetns:
    """One namespace with its ports, opened by `with` or by open() and close()."""

    def __init__(self, ports: Iterable[str] = (), *, ipv6: bool = False, offload: bool = False) -> None:
        self.port_names = _port_names(ports)
        self.ipv6 = ipv6
        self.offload = offload
        self.ports: dict[str, TapPort] = {}
        self._agent: AgentClient | None = None
        self._netns = -1
        self._netlink: NetlinkSocket | None = None
        self._captures: list[Capture] = []

    # --- life -------------------------------------------------------------------------------------------

    def __enter__(self) -> KernelNetns:
        return self.open()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> KernelNetns:
        self._agent = AgentClient()
        try:
            self._populate()
        except BaseException:
            self.close()
            raise
        return self

    def renew(self, ports: Iterable[str], *, ipv6: bool = False, offload: bool = False) -> None:
        """Throw the namespace away and take a fresh one: 20 times quicker than a new lab."""
        self._release()
        self.port_names, self.ipv6, self.offload = _port_names(ports), ipv6, offload
        self._populate()

    def close(self) -> None:
        """End the lab: processes, names, devices, mounts. Closing twice is no error."""
        self._release()
        if self._agent is not None:
            self._agent.close()
            self._agent = None

    def _populate(self) -> None:
        try:
            self._netns = self._descriptor("namespace", ipv6=self.ipv6)
        except (OSError, LabBroken) as error:
            raise LabUnavailable(f"this machine makes no network namespace for a lab: {error}") from error
        for number, name in enumerate(self.port_names):
            address = (FIRST_ADDRESS + number).to_bytes(6, "big")
            fd = self.open_tap(name, address, offload=self.offload)
            self.ports[name] = TapPort(name, address, fd, offload=self.offload)

    def _release(self) -> None:
        for port in self.ports.values():
            port.close()
        for capture in self._captures:
            capture.close()
        if self._netlink is not None:
            self._netlink.close()
        if self._netns >= 0:
            os.close(self._netns)
        self.ports, self._captures, self._netlink, self._netns = {}, [], None, -1

    @property
    def agent(self) -> AgentClient:
        if self._agent is None:
            raise ValueError("the lab is closed")
        return self._agent

    def _descriptor(self, op: str, **fields: object) -> int:
        _, fds = self.agent.request(op, (), **fields)
        return fds[0]

    # --- frames -----------------------------------------------------------------------------------------

    def send(self, port: str, frame: bytes, header: bytes | None = None) -> None:
        """Let a frame arrive at a port; `header` is its virtio header where the lab was made with offload."""
        if header is None:
            self.ports[port].send(frame)
        else:
            self.ports[port].send(frame, header)

    def drain(self) -> list[tuple[str, bytes]]:
        """What left by the ports: port by port in their order, each port's frames in the kernel's order."""
        return [(got.port, got.frame) for got in self.drain_with_headers()]

    def drain_with_headers(self) -> list[OffloadFrame]:
        """The same, each frame with its virtio header (empty where the lab was made without offload)."""
        return [frame for port in self.ports.values() for frame in port.drain()]

    def exchange(self, port: str, frame: bytes) -> list[tuple[str, bytes]]:
        """Send one frame and see what it causes at once."""
        self.send(port, frame)
        return self.drain()

    def capture(self, device: str | None = None, *, netns: str = "", promiscuous: bool = True) -> Capture:
        """Listen on a device of the lab, or on all of them in one order."""
        fd = self.open_socket(socket.AF_PACKET, socket.SOCK_RAW, socket_protocol(device), netns=netns)
        capture = Capture(fd, device, promiscuous=promiscuous)
        self._captures.append(capture)
        return capture

    def open_tap(self, name: str, address: bytes = b"", *, offload: bool = False) -> int:
        """One more TAP, whose descriptor is the caller's to give away: a VM stands behind it then."""
        flags = IFF_TAP | IFF_NO_PI | (IFF_VNET_HDR if offload else 0)
        try:
            return self._descriptor("tap", name=name, address=address.hex(), flags=flags)
        except OSError as error:
            raise LabUnavailable(f"port {name}: no TAP can be made: {error}") from error

    # --- commands ---------------------------------------------------------------------------------------

    def sh(self, text: str, *, timeout: float = SETUP_PATIENCE) -> Completed:
        """Run a setup: `sh -e` in the lab. On failure `command` is the one that failed."""
        process = LabProcess(
            self.agent,
            SETUP_ARGV,
            command="setup",
            script=text.encode(),
            env=SETUP_ENVIRONMENT,
        )
        return without_trace(_finish(process, timeout))

    def run(
        self,
        command: Command,
        *,
        stdin: str | bytes = b"",
        timeout: float | None = None,
        attendant: Attendant | None = None,
    ) -> Completed:
        """Run one command to its end; whoever stands behind the ports may act meanwhile (`attendant`)."""
        return _finish(self.start(command, stdin=stdin), timeout, attendant)

    def start(self, command: Command, *, stdin: str | bytes = b"") -> LabProcess:
        """Start a command and leave it running; the lab's end is its end too."""
        words = ["sh", "-c", command] if isinstance(command, str) else list(command)
        shown = command if isinstance(command, str) else " ".join(command)
        data = stdin.encode() if isinstance(stdin, str) else stdin
        return LabProcess(self.agent, words, command=shown, stdin=data)

    # --- state ------------------------------------------------------------------------------------------

    def sysctl(self, key: str, value: str | int | None = None, *, netns: str = "") -> str:
        """Read a sysctl of the lab, after writing it where a value is given."""
        text = None if value is None else str(value)
        reply, _ = self.agent.request("sysctl", key=key, value=text, netns=netns)
        return str(reply["value"])

    def open_socket(self, family: int, kind: int, protocol: int = 0, *, netns: str = "") -> int:
        """The descriptor of a socket that lives in the lab, or in a namespace that the lab has named."""
        return self._descriptor("socket", family=family, type=int(kind), protocol=protocol, netns=netns)

    @contextmanager
    def netlink(self, netns: str = "") -> Iterator[NetlinkSocket]:
        """A route netlink socket; the lab's own is kept, another namespace's would keep that alive."""
        if not netns and self._netlink is not None:
            yield self._netlink
            return
        opened = NetlinkSocket(self.open_socket(socket.AF_NETLINK, socket.SOCK_RAW, 0, netns=netns))
        if not netns:
            self._netlink = opened
        try:
            yield opened
        finally:
            if netns:
                opened.close()

    def links(self, netns: str = "") -> list[readback.Link]:
        with self.netlink(netns) as netlink:
            return readback.links(netlink)

    def addresses(self, netns: str = "") -> list[readback.Address]:
        with self.netlink(netns) as netlink:
            return readback.addresses(netlink)

    def neighbours(self, netns: str = "") -> list[readback.Neighbour]:
        with self.netlink(netns) as netlink:
            return readback.neighbours(netlink)

    def forwarding_entries(self, netns: str = "") -> list[readback.FdbEntry]:
        with self.netlink(netns) as netlink:
            return readback.forwarding_entries(netlink)

    def routes(self, netns: str = "") -> list[readback.Route]:
        with self.netlink(netns) as netlink:
            return readback.routes(netlink)

    @property
    def netns_path(self) -> str:
        """A path by which another program may enter the namespace (setns, nsenter --net=)."""
        return f"/proc/{os.getpid()}/fd/{self._netns}"

    def kernel_log(self) -> KernelLog:
        """What LOG rules of the lab say, from now on. One lab of the machine at a time; others wait here."""
        return KernelLog(self.agent)


def _port_names(ports: Iterable[str]) -> tuple[str, ...]:
    """The kernel would cut a long name silently."""
    names = tuple(ports)
    for name in names:
        if not 0 < len(name.encode()) < IFNAMSIZ or "/" in name or any(map(str.isspace, name)):
            raise ValueError(f"not a device name: {name!r}")
    if len(set(names)) < len(names):
        raise ValueError(f"two ports of one name: {' '.join(names)}")
    return names


def _finish(process: LabProcess, timeout: float | None, attendant: Attendant | None = None) -> Completed:
    ended = process.wait(timeout, attendant)
    if ended is not None:
        return ended
    process.stop()
    raise TimeoutError(f"still running after {timeout:g} s: {process.command}")
