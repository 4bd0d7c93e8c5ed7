"""Opening a TAP: the privileged half of `tap`.

A TAP that does not exist is created, not persistent: it goes with the last descriptor. One that exists must
be a single-queue TAP that nobody else holds; it is attached. Either way the kernel's side of it is set up,
since a cable that is down carries nothing; a TAP that was attached is set down again by `restore`. Its
address, its MTU and everything else about the kernel's side is left to whoever owns it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
from dataclasses import dataclass
from typing import Final

from pystack.device import FEATURE_ALL, FEATURE_CSUM, FEATURE_TSO4, FEATURE_TSO6
from pystack.drivers import kernel_link
from pystack.drivers.kernel_link import Change
from pystack.drivers.kernel_netns import in_netns
from pystack.drivers.unavailable import PortUnavailable
from pystack.wire.virtio import HEADER_LENGTH

DEVICE: Final = "/dev/net/tun"

IFF_TAP: Final = 0x0002
IFF_NO_PI: Final = 0x1000
IFF_VNET_HDR: Final = 0x4000

TUNSETIFF: Final = 0x400454CA
TUNSETOFFLOAD: Final = 0x400454D0
TUNSETVNETHDRSZ: Final = 0x400454D8

TUN_F_CSUM: Final = 0x01
TUN_F_TSO4: Final = 0x02
TUN_F_TSO6: Final = 0x04
TUN_F_TSO_ECN: Final = 0x08
TUN_F_USO4: Final = 0x20
TUN_F_USO6: Final = 0x40

# What the kernel may hand over unfinished, the best first, and what that lets us hand to it.
_TSO: Final = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN
_OFFLOADS: Final = (
    (_TSO | TUN_F_USO4 | TUN_F_USO6, FEATURE_ALL),
    (_TSO, FEATURE_CSUM | FEATURE_TSO4 | FEATURE_TSO6),  # before Linux 6.2
)


@dataclass(frozen=True, slots=True)
class OpenedTap:
    """An open TAP. Every field but `fd` is plain data that can be sent beside the descriptor."""

    fd: int
    ifname: str
    netns: str
    features: int  # FEATURE_* that a TapDriver can use; 0 means there is no virtio header
    created: bool  # it goes when `fd` and its copies are closed
    changes: tuple[Change, ...]

    def restore(self) -> list[str]:
        """Undo what opening changed about an existing device; a sentence for each failure."""
        return kernel_link.restore(self.netns, self.changes)


def open_tap(ifname: str, netns: str = "", *, offload: bool = True) -> OpenedTap:
    """Create or attach a TAP in one of the kernel's namespaces; raises PortUnavailable."""
    if not kernel_link.is_valid_name(ifname):
        raise PortUnavailable(f"{ifname!r} cannot name a TAP: 1 to 15 octets, no space, no /, : or %")
    return in_netns(netns, lambda: _open(ifname, netns, offload))


def _open(ifname: str, netns: str, offload: bool) -> OpenedTap:
    existed = kernel_link.exists(ifname)
    flags = IFF_TAP | IFF_NO_PI | (IFF_VNET_HDR if offload else 0)
    try:
        fd = _attach(ifname, flags)
    except OSError as error:
        raise PortUnavailable(_why_not(ifname, error, existed)) from error
    try:
        os.set_blocking(fd, False)
        features = _negotiate(fd) if offload else 0
        change = kernel_link.set_up(ifname, True)
    except OSError as error:
        os.close(fd)
        raise PortUnavailable(f"TAP {ifname} cannot be set up: {error.strerror}") from error
    changes = (change,) if existed and change is not None else ()
    return OpenedTap(fd, ifname, netns, features, not existed, changes)


def _attach(ifname: str, flags: int) -> int:
    try:
        from pytun import TunTapDevice
    except ImportError:  # there are no wheels for every machine, and it is two system calls
        return _attach_by_ioctl(ifname, flags)
    device = TunTapDevice(ifname, flags)
    try:
        return os.dup(device.fileno())  # the object closes its own when it is collected
    finally:
        device.close()


def _attach_by_ioctl(ifname: str, flags: int) -> int:
    fd = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", ifname.encode(), flags))
    except OSError:
        os.close(fd)
        raise
    return fd


def _negotiate(fd: int) -> int:
    """Agree on offloads and on the length of the header, which a persistent TAP keeps from its last user."""
    fcntl.ioctl(fd, TUNSETVNETHDRSZ, struct.pack("i", HEADER_LENGTH))
    for wanted, features in _OFFLOADS:
        try:
            fcntl.ioctl(fd, TUNSETOFFLOAD, wanted)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            continue
        return features
    return FEATURE_CSUM | FEATURE_TSO4 | FEATURE_TSO6  # the kernel takes them; it only hands none over


def _why_not(ifname: str, error: OSError, existed: bool) -> str:
    """One sentence for the user."""
    number = error.errno
    if not os.path.exists(DEVICE):
        return f"there is no {DEVICE}: the kernel has no TUN driver, or the container was not given it"
    if number in (errno.ENODEV, errno.ENXIO):
        return f"{DEVICE} has no driver behind it (modprobe tun)"
    if number == errno.EACCES:
        return f"no right to open {DEVICE}"
    if number == errno.EPERM:
        return f"no right to {'attach' if existed else 'create'} TAP {ifname} (it takes CAP_NET_ADMIN)"
    if number == errno.EBUSY:
        return f'TAP {ifname} is in use: another program holds it (driver = "packet" can stand behind it)'
    if number == errno.EINVAL and existed:
        driver, bus = kernel_link.kind_of(ifname)
        if (driver, bus) == ("tun", "tap"):
            return f"TAP {ifname} exists with other flags: it was made with multi_queue"
        kind = {"tun": "TUN, not a TAP"}.get(driver, f"{driver} device, not a TAP" if driver else "no TAP")
        return f"{ifname} exists and is a {kind}" if driver else f"{ifname} exists and is {kind}"
    return f"TAP {ifname} cannot be opened: {error.strerror or error}"
