"""What links are like, as messages of rtnetlink tell it.

Linux sends a link's message for much that nobody set: a bridge whenever a timer of one of its ports ran out,
a driver that looked at its cable. Which of them say something new is known by what was said before.

Reading: include/uapi/linux/if_link.h, net/core/rtnetlink.c rtnl_fill_ifinfo(), net/bridge/br_netlink.c
br_fill_ifinfo()
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Mapping
from typing import Final

from pystack.hooks.nfnetlink import (
    ANSWER_SIZE,
    ERRNO,
    HEADER_SIZE,
    NLM_F_DUMP,
    NLM_F_REQUEST,
    NLMSG_DONE,
    NLMSG_ERROR,
    NLMSG_HEADER,
    attribute,
    attributes,
    messages,
)
from pystack.wire.malformed import Malformed

NEWLINK, DELLINK, GETLINK = 16, 17, 18

_AF_BRIDGE: Final = 7
_IFINFO: Final = struct.Struct("=BxHiII")  # family, type of device, ifindex, flags, which of them changed
_EXT_MASK: Final = 29
_VLANS_COMPRESSED: Final = (1 << 2).to_bytes(4, "little")  # as a bridge's own messages tell them

_ADDRESS, _NAME, _MTU, _LINK, _MASTER, _PORT, _QUEUE = 1, 3, 4, 5, 10, 12, 13
_KIND_INFO, _ALIAS, _BRIDGE_VLANS, _GROUP, _PEER_NETNS = 18, 20, 26, 27, 37
_PLAIN: Final = (_ADDRESS, _NAME, _MTU, _LINK, _MASTER, _QUEUE, _ALIAS, _GROUP, _PEER_NETNS)

_KIND, _DATA, _PORT_KIND, _PORT_DATA = 1, 2, 4, 5  # IFLA_INFO_*
_BY_ITSELF: Final = {  # what a bridge's and a port's timers say, and how much they learned
    _DATA: frozenset((*range(14, 20), 47, 48)),  # IFLA_BR_TOPOLOGY_CHANGE up to _GC_TIMER …
    _PORT_DATA: frozenset((*range(19, 24), 38, 41)),  # IFLA_BRPORT_TOPOLOGY_CHANGE_ACK up to _HOLD_TIMER …
}

Settings = tuple[object, ...]
Key = tuple[int, int]  # family of the message, ifindex


class LinkSettings:
    """Of all links of a namespace."""

    def __init__(self) -> None:
        self._known: dict[Key, Settings] = {}

    def learn(self) -> None:
        """As they are now where the caller is: inside a namespace, if a thread of in_netns() calls."""
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0) as sock:
            for family in (socket.AF_UNSPEC, _AF_BRIDGE):
                for body in _dump(sock, family):
                    self.is_new(NEWLINK, body)

    def is_new(self, kind: int, body: bytes) -> bool:
        """Whether a message says of a link what was not known of it; from now on it is."""
        if len(body) < _IFINFO.size:
            return True
        family, device_type, ifindex, flags, _ = _IFINFO.unpack_from(body)
        if kind == DELLINK:
            self._known.pop((family, ifindex), None)
            return True
        found = attributes(body, _IFINFO.size)
        if isinstance(found, Malformed):
            return True
        settings = (device_type, flags, *_settings(family, found))
        was = self._known.get((family, ifindex))
        self._known[family, ifindex] = settings
        return was != settings


def _dump(sock: socket.socket, family: int) -> list[bytes]:
    """What the kernel says of every link when it is asked. Raises OSError."""
    body = _IFINFO.pack(family, 0, 0, 0, 0)
    if family == _AF_BRIDGE:
        body += attribute(_EXT_MASK, _VLANS_COMPRESSED)
    sock.send(
        NLMSG_HEADER.pack(HEADER_SIZE + len(body), GETLINK, NLM_F_REQUEST | NLM_F_DUMP, family, 0) + body
    )
    found: list[bytes] = []
    while True:
        for message in messages(sock.recv(ANSWER_SIZE)):
            if isinstance(message, Malformed) or message.kind == NLMSG_DONE:
                return found
            if message.kind == NLMSG_ERROR:
                number = -int(ERRNO.unpack_from(message.body)[0])
                raise OSError(number, os.strerror(number))
            found.append(message.body)


def _settings(family: int, found: Mapping[int, bytes]) -> Settings:
    """All that somebody set, and the state of cables and ports."""
    info = _nested(found.get(_KIND_INFO, b""))
    return (
        tuple(found.get(number) for number in _PLAIN),
        found.get(_BRIDGE_VLANS) if family == _AF_BRIDGE else None,  # elsewhere it counts packets
        _lasting(found.get(_PORT, b""), _PORT_DATA),
        *(_options(info, *which) for which in ((_KIND, _DATA), (_PORT_KIND, _PORT_DATA))),
    )


def _options(info: Mapping[int, bytes], kind: int, data: int) -> object:
    """Of a device as one of its kind, or as somebody's port."""
    name, options = info.get(kind, b""), info.get(data, b"")
    return name, _lasting(options, data) if name.rstrip(b"\0") == b"bridge" else options


def _lasting(data: bytes, what: int) -> Settings:
    """Options of a bridge or of a port of it, without what changes by itself."""
    return tuple(item for item in _nested(data).items() if item[0] not in _BY_ITSELF[what])


def _nested(data: bytes) -> Mapping[int, bytes]:
    found = attributes(data)
    return {} if isinstance(found, Malformed) else found
