"""What each side knows of a packet that differs: its connection, and the way that its tables give."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pystack.applets.conntrack.text import flow_line
from pystack.applets.virtual import run
from pystack.compare.live.judge import Told
from pystack.compare.points import framed
from pystack.compare.records import Hop
from pystack.drivers.kernel_netns import in_netns
from pystack.hooks.ctnetlink import ConnReader
from pystack.hooks.imported.building import Building
from pystack.hooks.nfnetlink import NfnetlinkSocket, open_socket
from pystack.hooks.tools import ToolFailed, ToolMissing, output
from pystack.netfilter.conntrack.snapshot import Snapshot, snapshot
from pystack.netfilter.conntrack.tuples import of_whole, read
from pystack.wire import ipv4
from pystack.wire.ethernet import ETH_HLEN, ETH_P_IP
from pystack.wire.ipv4 import address_text
from pystack.wire.malformed import Malformed

_NONE: Final = "none"


def told_of(netns: str, building: Building, first: Hop) -> Iterator[Told]:
    """As it is now, of an IPv4 packet that was first seen there."""
    frame = framed(first)
    if frame[ETH_HLEN - 2 : ETH_HLEN] != ETH_P_IP.to_bytes(2, "big"):
        return
    header = ipv4.parse(frame, ETH_HLEN)
    if isinstance(header, Malformed):
        return
    key = of_whole(frame, ETH_HLEN, is_ipv6=False)
    if key is not None:
        yield Told("connection", *(_line(flow) for flow in (_kernels(netns, key), _ours(building, key))))
    argv = ["ip", "route", "get", address_text(header.daddr)]
    if first.indev:
        argv += ["from", address_text(header.saddr), "iif", _entrance(building, first.indev)]
    if first.mark:
        argv += ["mark", str(first.mark)]
    yield Told("route", first_line_of(netns, argv), _first_line(*_printed(building, argv)))


def _entrance(building: Building, device: str) -> str:
    """Where IP sees it enter: the bridge, of a port."""
    dev = building.netns.devices.get(device)
    return device if dev is None or dev.master is None else dev.master.name


def _line(flow: Snapshot | None) -> str:
    return _NONE if flow is None else flow_line(flow)


def _kernels(netns: str, key: bytes) -> Snapshot | None:
    def ask() -> Snapshot | None:
        sock = open_socket()
        netlink = NfnetlinkSocket(sock.detach())
        try:
            return ConnReader(netlink).get(read(key))
        except OSError:  # connections are not tracked there
            return None
        finally:
            netlink.close()

    return in_netns(netns, ask)


def _ours(building: Building, key: bytes) -> Snapshot | None:
    context = building.netns.conntrack.context
    found = context.find(key)
    return None if found is None else snapshot(found, context)


def first_line_of(netns: str, argv: list[str]) -> str:
    """What a command says there."""
    try:
        return _first_line(in_netns(netns, lambda: output(*argv)), "")
    except (ToolMissing, ToolFailed) as error:
        return f"not to be had: {error}"


def _printed(building: Building, argv: list[str]) -> tuple[str, str]:
    ended = run(argv, building.host)
    return ended.out, ended.err


def _first_line(out: str, err: str) -> str:
    return next((line.strip() for line in (out + err).splitlines() if line.strip()), _NONE)
