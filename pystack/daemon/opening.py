"""The keeper's hand on the drivers: opens what stands behind a port, and says what that changed."""

from __future__ import annotations

from dataclasses import asdict
from typing import NamedTuple

from pystack.daemon import undo
from pystack.daemon.ledger import Record
from pystack.daemon.own_socket import for_user_and_group_only, give
from pystack.drivers.kernel_link import Change


class Opened(NamedTuple):
    """Descriptors for the daemon, what it must know of them, and what is to be taken back one day."""

    fds: list[int]
    facts: dict[str, object]
    records: list[Record]


def open_port(request: Record) -> Opened:
    """Open what a port's section names. Raises PortUnavailable, OSError."""
    driver = request["driver"]
    if driver == "tap":
        return _tap(request)
    if driver == "packet":
        return _packet(request)
    if driver == "unix":
        return _unix(request)
    raise OSError(f"the keeper opens nothing for driver {driver}")


def _tap(request: Record) -> Opened:
    from pystack.drivers.tap_open import open_tap

    tap = open_tap(_ifname(request), str(request["netns"]), offload=bool(request["offload"]))
    made: list[Record] = [{"what": "tap", "ifname": tap.ifname, "netns": tap.netns}] if tap.created else []
    facts: dict[str, object] = {"features": tap.features, "created": tap.created}
    return Opened([tap.fd], facts, made + _changes(tap.netns, tap.changes))


def _packet(request: Record) -> Opened:
    from pystack.drivers.packet_open import open_packet

    device = open_packet(_ifname(request), str(request["netns"]), offload=bool(request["offload"]))
    facts: dict[str, object] = {"features": device.features, "created": False}
    return Opened([device.fd], facts, _changes(device.netns, device.changes))


def _unix(request: Record) -> Opened:
    from pystack.drivers.unix_open import bind_dgram, listen_stream

    path, uid, gid = str(request["path"]), int(str(request["uid"])), int(str(request["gid"]))
    make = {"dgram": bind_dgram, "stream": listen_stream}[str(request["type"])]
    with for_user_and_group_only():
        made = make(path)
    try:
        give(path, uid, gid)
    except OSError:
        made.close()
        undo.remove_socket(path)
        raise
    return Opened([made.detach()], {"created": True}, [{"what": "socket", "path": path}])


def _ifname(request: Record) -> str:
    return str(request["ifname"] or request["name"])


def _changes(netns: str, changes: tuple[Change, ...]) -> list[Record]:
    return [{"what": "change", "netns": netns, **asdict(change)} for change in changes]
