"""One message of the kernel's log that tells of a packet: by which devices it went, and what it is.

Linux: net/netfilter/nf_log_syslog.c, net/bridge/netfilter/ebt_log.c
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, NamedTuple

from pystack.compare.log import datagram
from pystack.compare.log.datagram import Datagram, Unreadable
from pystack.wire.ethernet import ETH_P_ARP, ETH_P_IP, parse_mac

IP: Final = "ip"
ARP: Final = "arp"
BRIDGE: Final = "bridge"  # ebtables --log: the only form that does not say what the packet is, as a rule
IFNAMSIZ: Final = 15  # letters of a device's name, at most

_DEVICES: Final = re.compile(r"IN=(\S*) OUT=(\S*)(?= |$)")
_PHYSICAL: Final = re.compile(r"\s*(?:PHYSIN=(\S+) ?)?(?:PHYSOUT=(\S+) ?)?")
_LINK: Final = re.compile(r"MAC=([0-9a-f:]*) ?|MACSRC=(\S+) MACDST=(\S+) MACPROTO=([0-9a-f]{4}) ?")
_FRAME: Final = re.compile(r"\s*MAC source = (\S+) MAC dest = (\S+) proto = 0x([0-9a-f]{4})")
_MARK: Final = re.compile(r"(?:^| )MARK=0x([0-9a-f]{1,8})(?= |$)")
_UID: Final = re.compile(r"(?:^| )UID=([0-9]{1,10}) GID=[0-9]+(?= |$)")
_FRAME_IP: Final = re.compile(r" IP SRC=(\S+) IP DST=([^\s,]+),")
_ETH_HLEN: Final = 14


class LinkHeader(NamedTuple):
    """Link addresses, and what the frame carries."""

    destination: bytes
    source: bytes
    protocol: int


@dataclass(frozen=True, slots=True)
class Message:
    """What one line says. A device that it does not name is empty."""

    text: str  # from the prefix on
    prefix: str
    family: str
    indev: str
    outdev: str
    physin: str = ""
    physout: str = ""
    link: LinkHeader | None = None
    datagram: Datagram | None = None
    ends: tuple[str, str] | None = None  # addresses, where ebtables --log-ip tells of them
    mark: int = 0
    uid: int = 0

    @property
    def port_in(self) -> str:
        """The port of a bridge by which it came."""
        return self.indev if self.family == BRIDGE else self.physin

    @property
    def port_out(self) -> str:
        """The port of a bridge by which it goes."""
        return self.outdev if self.family == BRIDGE else self.physout

    @property
    def place(self) -> tuple[str, ...]:
        """What no two lines of one packet share."""
        return (self.prefix, self.family, self.indev, self.outdev, self.physin, self.physout)

    @property
    def carries(self) -> int:
        """The protocol behind the link header."""
        if self.link is not None:
            return self.link.protocol
        return ETH_P_ARP if self.family == ARP else ETH_P_IP


def find_devices(text: str) -> re.Match[str] | None:
    """Where a line begins to tell of a packet; a prefix may say what it likes, so the last place counts."""
    found = None
    for found in _DEVICES.finditer(text):  # noqa: B007 the last one is wanted
        pass
    return found


def read(text: str, devices: re.Match[str], prefix: str) -> Message:
    """The message whose devices stand there. Raises Unreadable."""
    indev, outdev = devices[1], devices[2]
    rest = text[devices.end() :].strip()
    shown = prefix + text[devices.start() :]
    if frame := _FRAME.match(rest):
        return _bridge_message(shown, prefix, indev, outdev, frame, rest[frame.end() :])
    physical = _PHYSICAL.match(rest)
    assert physical is not None, "it matches nothing too"
    physin, physout = physical[1] or "", physical[2] or ""
    _refuse_names(indev, outdev, physin, physout)
    if not (indev or outdev):
        raise Unreadable("neither IN= nor OUT= names a device")
    rest = rest[physical.end() :]
    link, rest = _link_header(rest)
    if rest.startswith("ARP "):
        return Message(shown, prefix, ARP, indev, outdev, physin, physout, link)
    found = datagram.read(rest)
    mark, uid = _MARK.search(rest), _UID.search(rest)
    return Message(
        shown,
        prefix,
        IP,
        indev,
        outdev,
        physin,
        physout,
        link,
        found,
        mark=int(mark[1], 16) if mark else 0,
        uid=int(uid[1]) if uid else 0,
    )


def _bridge_message(
    shown: str, prefix: str, indev: str, outdev: str, frame: re.Match[str], rest: str
) -> Message:
    _refuse_names(indev, outdev)
    if not (indev or outdev):
        raise Unreadable("neither IN= nor OUT= names a device")
    link = LinkHeader(_mac(frame[2]), _mac(frame[1]), int(frame[3], 16))
    told, mark = _FRAME_IP.match(rest), _MARK.search(rest)
    ends = (told[1], told[2]) if told else None
    return Message(
        shown,
        prefix,
        BRIDGE,
        indev,
        outdev,
        link=link,
        ends=ends,
        mark=int(mark[1], 16) if mark else 0,
    )


def _refuse_names(*names: str) -> None:
    for name in names:
        if len(name) > IFNAMSIZ:
            raise Unreadable(f"{name[:IFNAMSIZ]}… is longer than the name of a device")


def _link_header(text: str) -> tuple[LinkHeader | None, str]:
    """MAC=, or what --log-macdecode prints; and the rest of the words."""
    found = _LINK.match(text)
    if found is None:
        return None, text
    rest = text[found.end() :]
    if found[2]:
        return LinkHeader(_mac(found[3]), _mac(found[2]), int(found[4], 16)), rest
    try:
        octets = bytes.fromhex(found[1].replace(":", ""))
    except ValueError:
        raise Unreadable(f"MAC={found[1][:60]} is no link header") from None
    if len(octets) != _ETH_HLEN:  # of tunnels and serial lines: other headers, or none
        return None, rest
    return LinkHeader(octets[:6], octets[6:12], int.from_bytes(octets[12:], "big")), rest


def _mac(text: str) -> bytes:
    address = parse_mac(text)
    if address is None:
        raise Unreadable(f"{text[:20]} is no link address")
    return address
