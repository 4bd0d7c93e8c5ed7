"""What a program is told beside the data: control messages (cmsg), as recvmsg() gives them.

Linux: net/ipv4/ip_sockglue.c ip_cmsg_recv_offset(), net/core/sock.c __sock_recv_timestamp()
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from pystack.sock.errors import SocketError
from pystack.sock.inet import InetSocket
from pystack.sock.option_numbers import NUMBERS
from pystack.sock.receive_queue import Received

Message = tuple[int, int, bytes]  # level, number, value

# The options that ask for one, and their bits in InetSocket.told.
BITS: Final = {
    name: 1 << place
    for place, name in enumerate(
        ("IP_PKTINFO", "IP_RECVTTL", "IP_RECVTOS", "IP_RECVORIGDSTADDR", "SO_TIMESTAMP", "SO_TIMESTAMPNS")
    )
}
STAMPS: Final = ("SO_TIMESTAMP", "SO_TIMESTAMPNS")
_INT: Final = Struct("<i")
_TIME: Final = Struct("<qq")
_ERROR: Final = Struct("<IBBBBII")
_SOCKADDR: Final = Struct(">HI8x")
_AF_INET: Final = 2


def control_messages(sock: InetSocket, received: Received) -> list[Message]:
    """In the kernel's order. The time is the stack's own clock: the core knows no other."""
    told, found = sock.told, list[Message]()
    if told & BITS["SO_TIMESTAMPNS"]:
        found.append((*NUMBERS["SO_TIMESTAMPNS"], _time(received.stamp, 1_000_000_000)))
    elif told & BITS["SO_TIMESTAMP"]:
        found.append((*NUMBERS["SO_TIMESTAMP"], _time(received.stamp, 1_000_000)))
    if told & BITS["IP_PKTINFO"]:
        found.append((*NUMBERS["IP_PKTINFO"], _packet_info(received)))
    if told & BITS["IP_RECVTTL"]:
        found.append((*NUMBERS["IP_TTL"], _INT.pack(received.ttl)))
    if told & BITS["IP_RECVTOS"]:
        found.append((*NUMBERS["IP_TOS"], bytes((received.tos,))))
    if told & BITS["IP_RECVORIGDSTADDR"]:
        found.append((*NUMBERS["IP_RECVORIGDSTADDR"], _sockaddr(received.daddr, sock.num)))
    return found


def error_message(error: SocketError) -> Message:
    """IP_RECVERR: what failed, and who said so. Linux: include/uapi/linux/errqueue.h"""
    head = _ERROR.pack(error.errno, error.origin, error.type, error.code, 0, error.info, 0)
    offender = _sockaddr(error.offender, 0) if error.offender else bytes(16)
    return (*NUMBERS["IP_RECVERR"], head + offender)


def _time(stamp: float, per_second: int) -> bytes:
    return _TIME.pack(int(stamp), int(stamp % 1 * per_second))


def _packet_info(received: Received) -> bytes:
    """Linux: net/ipv4/ip_sockglue.c ipv4_pktinfo_prepare()"""
    ifindex, ours = (received.ifindex, received.spec_dst) if received.is_located else (0, 0)
    return _INT.pack(ifindex) + _address(ours) + _address(received.daddr)


def _address(address: int) -> bytes:
    return address.to_bytes(4, "big")


def _sockaddr(address: int, port: int) -> bytes:
    """struct sockaddr_in"""
    return _AF_INET.to_bytes(2, "little") + _SOCKADDR.pack(port, address)
