"""A capture inside a lab: what a tcpdump on a device, or on all devices at once, would see.

One packet socket without a device sees every device's frames in the order in which the kernel handled them:
the instrument for "which came first".
"""

from __future__ import annotations

import errno
import fcntl
import socket
import struct
from dataclasses import dataclass
from typing import Final

from pystack.compare.lab.errors import LabBroken
from pystack.wire.ethernet import ETH_P_8021Q

SOL_PACKET: Final = 263
PACKET_ADD_MEMBERSHIP: Final = 1
PACKET_STATISTICS: Final = 6
PACKET_AUXDATA: Final = 8
PACKET_MR_PROMISC: Final = 1
SO_RCVBUFFORCE: Final = 33
SIOCGIFINDEX: Final = 0x8933
TP_STATUS_VLAN_VALID: Final = 1 << 4
TP_STATUS_VLAN_TPID_VALID: Final = 1 << 6

ETH_P_ALL: Final = 0x0003
AUXDATA: Final = struct.Struct("=IIIHHHH")  # status, len, snaplen, mac, net, vlan_tci, vlan_tpid
BUFFER: Final = 16 << 20
TAG_AT: Final = 12  # where a tag stands in a frame

PACKET_TYPES: Final = {0: "in", 1: "broadcast", 2: "multicast", 3: "otherhost", 4: "out", 6: "loopback"}


@dataclass(frozen=True)
class CapturedFrame:
    """A frame as a tap saw it: `way` is "out" for what the device sends, else who it was for."""

    device: str
    way: str  # in, broadcast, multicast, otherhost, out
    frame: bytes
    vlan: int | None = None
    tpid: int = ETH_P_8021Q

    @property
    def whole(self) -> bytes:
        """With the tag that the kernel hands over beside the bytes put back, as tcpdump does."""
        if self.vlan is None:
            return self.frame
        return self.frame[:TAG_AT] + struct.pack("!HH", self.tpid, self.vlan) + self.frame[TAG_AT:]


class Capture:
    """An open capture. It must be drained before 16 MiB have come together."""

    def __init__(self, fd: int, device: str | None, *, promiscuous: bool) -> None:
        self.socket = socket.socket(fileno=fd)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        if device is None:
            return
        try:
            self._bind(device, promiscuous)
        except OSError:
            self.close()
            raise

    def _bind(self, device: str, promiscuous: bool) -> None:
        self.socket.bind((device, ETH_P_ALL))
        if promiscuous:
            membership = struct.pack("=iHH8x", self._ifindex(device), PACKET_MR_PROMISC, 0)
            self.socket.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership)

    def _ifindex(self, device: str) -> int:
        """By the socket itself, which knows its own namespace; if_nametoindex would ask ours."""
        answer = fcntl.ioctl(self.socket, SIOCGIFINDEX, struct.pack("16si20x", device.encode(), 0))
        return int(struct.unpack_from("16si", answer)[1])

    def packets(self) -> list[CapturedFrame]:
        """What was seen since the last call."""
        seen = []
        while True:
            try:
                frame, control, _, address = self.socket.recvmsg(1 << 17, 64)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENETDOWN:
                    raise
                continue  # the device went down: told once, before the frames that it saw
            seen.append(_captured(frame, control, address))
        self._check_complete()
        return seen

    def _check_complete(self) -> None:
        _, dropped = struct.unpack("=II", self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        if dropped:
            raise LabBroken(f"the capture lost {dropped} frames: it was not drained in time")

    def close(self) -> None:
        self.socket.close()


def socket_protocol(device: str | None) -> int:
    """A socket for all devices sees frames from its birth; one for a device must not, before it is bound."""
    return 0 if device else socket.htons(ETH_P_ALL)


Control = list[tuple[int, int, bytes]]  # level, type, data: what came beside a message


def _captured(frame: bytes, control: Control, address: tuple[str, int, int]) -> CapturedFrame:
    device, way = address[0], PACKET_TYPES.get(address[2], str(address[2]))
    for _, kind, data in control:
        if kind != PACKET_AUXDATA:
            continue
        status, _, _, _, _, vlan_tci, vlan_tpid = AUXDATA.unpack(data)
        vlan = vlan_tci if status & TP_STATUS_VLAN_VALID else None
        tpid = vlan_tpid if status & TP_STATUS_VLAN_TPID_VALID else ETH_P_8021Q
        return CapturedFrame(device, way, frame, vlan, tpid)
    return CapturedFrame(device, way, frame)
