"""The keeper's hand on the drivers: opens what stands behind a port, and says what that changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from typing import NamedTuple

from pystack.daemon import undo
from pystack.daemon.ledger import Record
from pystack.daemon.own_socket import for_user_and_group_only, give
from pystack.drivers.kernel_link import Change


def _nothing() -> None:
    pass


class Opened(NamedTuple):
    """Descriptors for the daemon, what it must know of them, what is to be taken back one day, and what is to
    be done once that is written down.
    """

    fds: list[int]
    facts: dict[str, object]
    records: list[Record]
    finish: Callable[[], None] = _nothing


def open_port(request: Record) -> Opened:
    """Open what a port's section names. Raises PortUnavailable, OSError."""
    driver = request["driver"]
    if driver == "tap":
        return _tap(request)
    if driver == "packet":
        return _packet(request)
    if driver == "uplink":
        return _uplink(request)
    if driver == "unix":
        return _unix(request)
    raise OSError(f"the keeper opens nothing for driver {driver}")


def _tap(request: Record) -> Opened:
    from pystack.drivers.tap_open import open_tap

    tap = open_tap(_ifname(request), str(request["netns"]), offload=bool(request["offload"]))
    made: list[Record] = [{"what": "tap", "ifname": tap.ifname, "netns": tap.netns}] if tap.created else []
    facts: dict[str, object] = {"features": tap.features, "created": tap.created}
    return Opened([tap.fd], facts, made + _changes(tap.netns, tap.changes))


def _uplink(request: Record) -> Opened:
    from ipaddress import IPv4Network

    from pystack.drivers.unavailable import PortUnavailable
    from pystack.drivers.uplink_open import Uplink

    link = IPv4Network(str(request["link"]))
    networks = request["networks"]
    uplink = Uplink(
        _ifname(request),
        str(request["netns"]),
        f"{link[1]}/{link.prefixlen}",
        str(link[2]),
        tuple(map(str, networks)) if isinstance(networks, list) else (),
    )
    changes = uplink.changes()
    opened = _tap({**request, "offload": True})
    if not opened.facts["created"]:  # what it gets would stay with it
        os.close(opened.fds[0])
        raise PortUnavailable(f"{uplink.ifname} exists already: an uplink makes a TAP of its own")
    rules: list[Record] = [
        {"what": "rule", "netns": uplink.netns, "table": table, "chain": chain, "words": words}
        for table, chain, words in uplink.rules()
    ]
    return opened._replace(
        records=[*opened.records, *_changes(uplink.netns, tuple(changes)), *rules], finish=uplink.make
    )


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
