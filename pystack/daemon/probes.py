"""Asking the kernel and our own rights what they allow, each question answered by trying it."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

TUN: Final = "/dev/net/tun"
TUNGETFEATURES: Final = 0x800454CF
IFF_VNET_HDR: Final = 0x4000

# Linux: include/uapi/linux/capability.h
CAPABILITIES: Final = (
    ("CAP_NET_ADMIN", 12, "TAPs can be made and set up"),
    ("CAP_NET_RAW", 13, "packet ports can stand behind devices"),
    ("CAP_SYS_ADMIN", 21, "other network namespaces can be entered"),
)
CLONE_NEWNET: Final = 0x40000000
SOL_PACKET, PACKET_VNET_HDR = 263, 15

BRIDGE_NF: Final = "/proc/sys/net/bridge/bridge-nf-call-iptables"
NFQUEUE: Final = "/proc/net/netfilter/nfnetlink_queue"


class Finding(NamedTuple):
    """One line of the doctor's: `result` is ok, no, note or left."""

    name: str
    result: str
    sentence: str
    essential: bool = False  # without it the built-in lab does not start


def probe_rights() -> Iterator[Finding]:
    """Who we are, and what that allows."""
    effective = _effective_capabilities()
    yield Finding("user", "ok" if os.geteuid() == 0 else "note", f"uid {os.geteuid()}")
    for name, bit, what in CAPABILITIES:
        held = bool(effective >> bit & 1)
        sentence = what if held else f"lacking: {what} only with it (root has it)"
        yield Finding(name, "ok" if held else "no", sentence, essential=name == "CAP_NET_ADMIN")


def probe_kernel() -> Iterator[Finding]:
    """The devices and sockets that ports need."""
    yield from _tun()
    yield from _in_a_namespace()
    yield _bridge_netfilter()
    yield _nfqueue()


def _effective_capabilities() -> int:
    with open("/proc/self/status") as file:
        rows = dict(line.split(":", 1) for line in file)
    return int(rows["CapEff"], 16)


def _tun() -> Iterator[Finding]:
    try:
        fd = os.open(TUN, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        yield Finding(TUN, "no", f"cannot be opened: {error.strerror}", essential=True)
        return
    try:
        features = struct.unpack("I", fcntl.ioctl(fd, TUNGETFEATURES, bytes(4)))[0]
    finally:
        os.close(fd)
    yield Finding(TUN, "ok", "can be opened")
    if features & IFF_VNET_HDR:
        yield Finding("vnet_hdr", "ok", "TAPs carry TCP in frames of up to 64 KiB")
    else:
        yield Finding("vnet_hdr", "no", "TAPs have no virtio header: offload = true cannot be had")


def _in_a_namespace() -> Iterator[Finding]:
    """What takes a device to find out, tried in a namespace that is gone with the child that made it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            os.write(writer, json.dumps(_try_in_own_namespace()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as answers:
        text = answers.read()
    os.waitpid(child, 0)
    for row in json.loads(text or b"[]"):
        yield Finding(*row)


def _try_in_own_namespace() -> list[Finding]:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        return [Finding("namespaces", "no", f"cannot be made: {os.strerror(ctypes.get_errno())}")]
    return [Finding("namespaces", "ok", "can be made"), _tap_offload(), _packet_socket()]


def _tap_offload() -> Finding:
    from pystack.device import FEATURE_USO
    from pystack.drivers.tap_open import open_tap
    from pystack.drivers.unavailable import PortUnavailable

    try:
        tap = open_tap("probe")
    except PortUnavailable as error:
        return Finding("TAP", "no", error.sentence, essential=True)
    os.close(tap.fd)
    if tap.features & FEATURE_USO:
        return Finding("offload", "ok", "TCP and UDP are segmented by whoever receives them (TSO, USO)")
    return Finding("offload", "note", "TCP is segmented late (TSO), UDP is not (USO: Linux 6.2 and newer)")


def _packet_socket() -> Finding:
    try:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
            sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    except OSError as error:
        return Finding("AF_PACKET", "no", f"packet ports cannot be had: {error.strerror}")
    return Finding("AF_PACKET", "ok", "packet sockets carry the virtio header")


def _bridge_netfilter() -> Finding:
    try:
        with open(BRIDGE_NF) as file:
            value = file.read().strip()
    except OSError:
        return Finding("br_netfilter", "ok", "is not loaded: the kernel's bridges show iptables nothing")
    if value == "0":
        return Finding("br_netfilter", "ok", "is loaded, bridge-nf-call-iptables is 0")
    return Finding(
        "br_netfilter", "note", "is loaded: what crosses a kernel bridge passes the host's iptables"
    )


def _nfqueue() -> Finding:
    if os.path.exists(NFQUEUE):
        return Finding("NFQUEUE", "ok", "the kernel can hand packets to user space")
    return Finding("NFQUEUE", "note", "is not there (or not loaded): [hooks] could not be used")
