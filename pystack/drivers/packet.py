"""Driving a packet socket: standing on the kernel's side of a device, such as the TAP that QEMU holds.

Every frame has a virtio header in front, since a guest that leaves checksums and segmentation to its card
leaves them to us.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
from typing import Final

import trio

from pystack.drivers.port import PortDriver, Receive, close_descriptor
from pystack.drivers.vnet_header import BURST_OCTETS, READ_ROOM, split_header
from pystack.l2.port import PortDevice
from pystack.wire.checksum import Buffer
from pystack.wire.virtio import NEEDS_CSUM, NONE, Offload, build_header
from pystack.wire.vlan import TAG, TAG_LENGTH

AUXDATA: Final = struct.Struct("IIIHHHH")  # status, length, captured, mac, network, tci, tpid
AUXILIARY_ROOM: Final = socket.CMSG_SPACE(AUXDATA.size)
TP_STATUS_VLAN_VALID: Final = 0x10
ADDRESSES: Final = 12  # octets in front of a VLAN tag

SIOCGIFFLAGS: Final = 0x8913
IFF_UP: Final = 0x1
IFF_RUNNING: Final = 0x40
LOOK_AGAIN: Final = 1.0  # seconds between looks at a device that is down


class PacketDriver(PortDriver):
    """A device of the kernel's, seen from the kernel's side. `features` as of `open_packet`."""

    def __init__(self, dev: PortDevice, fd: int, ifname: str, features: int) -> None:
        super().__init__(dev)
        self._socket = socket.socket(fileno=fd)
        self._ifname = ifname
        dev.features = features

    def fileno(self) -> int:
        """The packet socket's."""
        return self._socket.fileno()

    async def ready(self) -> None:
        """Wait for a frame; while the device is down, also look whether it comes back."""
        if self.carrier:
            return await trio.lowlevel.wait_readable(self._socket)
        with trio.move_on_after(LOOK_AGAIN):
            await trio.lowlevel.wait_readable(self._socket)
        self._look()

    def read_burst(self, budget: int, receive: Receive) -> int:
        """Read while something waits."""
        dev, recvmsg = self.dev, self._socket.recvmsg
        octets = 0
        for moved in range(budget):
            try:
                data, auxiliary, flags, _ = recvmsg(READ_ROOM, AUXILIARY_ROOM)
            except BlockingIOError:
                return moved
            except OSError as error:
                self._read_failed(error)
                return moved
            if flags & socket.MSG_TRUNC:
                self.stats.read_errors += 1
                continue
            frame, offload = split_header(data)
            status, _, _, _, _, tci, tpid = AUXDATA.unpack_from(auxiliary[0][2])
            if status & TP_STATUS_VLAN_VALID:
                frame, offload = _with_tag(frame, offload, tpid, tci)
            receive(dev, frame, offload)
            octets += len(data)
            if octets >= BURST_OCTETS:
                return moved + 1
        return budget

    def flush(self) -> None:
        """Send all that waits; a device that takes nothing drops and counts."""
        tx, fd = self.dev.tx, self._socket.fileno()
        while tx:
            frame, offload = tx.popleft()
            try:
                os.writev(fd, (build_header(offload), frame))
            except OSError as error:
                self._write_failed(error)

    def close(self) -> None:
        """Leave the device alone again; what was promiscuous for our sake is no longer."""
        super().close()
        if (fd := self._socket.detach()) >= 0:
            close_descriptor(fd)

    def _read_failed(self, error: OSError) -> None:
        if error.errno == errno.ENETDOWN:  # said once, when the device goes down
            self.carrier = False
        else:  # EINVAL: a frame for which there is no virtio header. Linux: packet_rcv_vnet()
            self.stats.read_errors += 1

    def _write_failed(self, error: OSError) -> None:
        """Linux: net/packet/af_packet.c packet_snd()"""
        if error.errno in (errno.EAGAIN, errno.ENOBUFS):
            return self.count_dropped(1)
        self.count_refused()
        if error.errno in (errno.ENETDOWN, errno.ENXIO):
            self.carrier = False

    def _look(self) -> None:
        """A packet socket answers about its own namespace, wherever we are."""
        try:
            request = struct.pack("16sH22x", self._ifname.encode(), 0)
            answer = fcntl.ioctl(self._socket, SIOCGIFFLAGS, request)
        except OSError:
            return self.fail(f"the kernel's device {self._ifname} is gone")
        flags: int = struct.unpack("16sH22x", answer)[1]
        self.carrier = flags & (IFF_UP | IFF_RUNNING) == IFF_UP | IFF_RUNNING


def _with_tag(frame: Buffer, offload: Offload, tpid: int, tci: int) -> tuple[bytes, Offload]:
    """Put back the VLAN tag that the kernel took out, with the header's offsets moved along.

    Linux: net/core/skbuff.c skb_vlan_untag(), the other way round
    """
    tagged = bytes(frame[:ADDRESSES]) + TAG.pack(tpid, tci) + frame[ADDRESSES:]
    if offload is NONE:
        return tagged, NONE
    start = offload.csum_start + TAG_LENGTH if offload.flags & NEEDS_CSUM else 0
    hdr_len = offload.hdr_len + TAG_LENGTH if offload.is_gso else 0
    return tagged, Offload(
        offload.flags, offload.gso_type, hdr_len, offload.gso_size, start, offload.csum_offset
    )
