"""Opening an existing device of the kernel's as a port: the privileged half of `packet`.

What arrives at the device is copied to us before the kernel looks at it, and what we send leaves by it. The
usual case is the TAP that QEMU holds: nobody else can open it, but we can stand on its kernel side. Since the
kernel stands there too, it is told to keep silent (`kernel_silence`), and `restore` lets it speak again.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import struct
from dataclasses import dataclass
from typing import Final

from pystack.device import FEATURE_ALL, FEATURE_CSUM, FEATURE_TSO4, FEATURE_TSO6
from pystack.drivers import kernel_link
from pystack.drivers.kernel_link import Change
from pystack.drivers.kernel_netns import in_netns
from pystack.drivers.kernel_silence import keep_silent
from pystack.drivers.unavailable import PortUnavailable

ETH_P_ALL: Final = 0x0003
SOL_PACKET: Final = 263
PACKET_ADD_MEMBERSHIP: Final = 1
PACKET_AUXDATA: Final = 8
PACKET_VNET_HDR: Final = 15
PACKET_IGNORE_OUTGOING: Final = 23
PACKET_MR_PROMISC: Final = 1
SO_RCVBUFFORCE: Final = 33

USO_SINCE: Final = (6, 2)  # Linux: VIRTIO_NET_HDR_GSO_UDP_L4
RECEIVE_BUFFER: Final = 8 << 20  # octets; the default holds three frames of 64 KiB


@dataclass(frozen=True, slots=True)
class OpenedPacket:
    """An open packet socket. Every field but `fd` is plain data that can be sent beside the descriptor."""

    fd: int
    ifname: str
    netns: str
    features: int  # FEATURE_* that the device may leave to the kernel
    changes: tuple[Change, ...]

    def restore(self) -> list[str]:
        """Let the kernel speak again on the device; a sentence for each setting that cannot be put back."""
        return kernel_link.restore(self.netns, self.changes)


def open_packet(ifname: str, netns: str = "", *, offload: bool = True) -> OpenedPacket:
    """Stand behind a device in one of the kernel's namespaces; raises PortUnavailable.

    Without `offload` nothing that we send is left to be finished. What we receive may be, all the same: that
    is for the other end to say.
    """
    if not kernel_link.is_valid_name(ifname):
        raise PortUnavailable(f"{ifname!r} cannot name a device: 1 to 15 octets, no space, no /, : or %")
    return in_netns(netns, lambda: _open(ifname, netns, offload))


def _open(ifname: str, netns: str, offload: bool) -> OpenedPacket:
    if not kernel_link.exists(ifname):
        where = f"in network namespace {netns}" if netns else "here"
        raise PortUnavailable(f"there is no device {ifname} {where}")
    try:
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
    except PermissionError as error:
        raise PortUnavailable(f"no right to stand behind {ifname} (it takes CAP_NET_RAW)") from error
    changes: list[Change] = []
    with sock:
        try:
            _prepare(sock, ifname)
            keep_silent(ifname, changes)
            if change := kernel_link.set_up(ifname, True):
                changes.append(change)
            sock.bind((ifname, ETH_P_ALL))
        except OSError as error:
            kernel_link.restore("", tuple(changes))
            raise PortUnavailable(_why_not(ifname, error)) from error
        return OpenedPacket(sock.detach(), ifname, netns, _features() if offload else 0, tuple(changes))


def _prepare(sock: socket.socket, ifname: str) -> None:
    """Before it is bound the socket hears nothing, so no frame arrives without its header."""
    sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)  # the kernel takes the VLAN tag out of the frame
    sock.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    promiscuous = struct.pack("iHH8x", socket.if_nametoindex(ifname), PACKET_MR_PROMISC, 0)
    sock.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, promiscuous)
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)


def _features() -> int:
    """What may be left to the kernel on the way out; there is no way to ask a packet socket."""
    version = tuple(int(number) for number in re.findall(r"\d+", os.uname().release)[:2])
    return FEATURE_ALL if version >= USO_SINCE else FEATURE_CSUM | FEATURE_TSO4 | FEATURE_TSO6


def _why_not(ifname: str, error: OSError) -> str:
    if error.errno == errno.EPERM:
        return f"no right to set {ifname} up (it takes CAP_NET_ADMIN)"
    return f"the kernel does not let us stand behind {ifname}: {error.strerror}"
