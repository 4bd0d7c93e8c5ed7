"""What is said to an NFQUEUE, as octets; nobody is asked to acknowledge it.

Reading: include/uapi/linux/netfilter/nfnetlink_queue.h
"""

from __future__ import annotations

import struct
from typing import Final

from pystack.hooks.nfnetlink import HEADER_SIZE, NFGENMSG, NLM_F_REQUEST, NLMSG_HEADER, attribute
from pystack.hooks.queue.packet import NF_ACCEPT

_SUBSYSTEM: Final = 3 << 8  # NFNL_SUBSYS_QUEUE
PACKET, VERDICT, CONFIG, VERDICT_BATCH = (_SUBSYSTEM | message for message in range(4))
VERDICT_HDR: Final = 2

VERDICT_OF: Final = struct.Struct("!II")
U32: Final = struct.Struct("!I")
PARAMS: Final = struct.Struct("!IB")
CFG_CMD, CFG_PARAMS, CFG_MAXLEN, CFG_MASK, CFG_FLAGS = range(1, 6)
COPY_META, COPY_PACKET = 1, 2
EVERY_OCTET: Final = 0xFFFF
FAIL_OPEN: Final = 1  # what does not fit into the queue is accepted
GSO: Final = 4  # packets that a card will cut stay whole
OWNERS: Final = 8  # whose program sends is told


def request(kind: int, queue: int, told: bytes) -> bytes:
    """A message of its own."""
    body = NFGENMSG.pack(0, 0, queue) + told
    return NLMSG_HEADER.pack(HEADER_SIZE + len(body), kind, NLM_F_REQUEST, 0, 0) + body


def accept_to(queue: int, packet: int) -> bytes:
    """All packets up to the one with this number are accepted."""
    return request(VERDICT_BATCH, queue, attribute(VERDICT_HDR, VERDICT_OF.pack(NF_ACCEPT, packet)))


def copy_range(octets: int) -> bytes:
    """How much of a packet is handed over, as an attribute of a configuration."""
    return attribute(CFG_PARAMS, PARAMS.pack(octets, COPY_PACKET if octets else COPY_META))


def flags(wanted: int, among: int = 0) -> bytes:
    """What a queue does besides, as attributes of a configuration; of those `among` the others are not."""
    return attribute(CFG_FLAGS, U32.pack(wanted)) + attribute(CFG_MASK, U32.pack(wanted | among))


def fail_open(queue: int, *, wanted: bool) -> bytes:
    """Whether what does not fit is accepted."""
    return request(CONFIG, queue, flags(FAIL_OPEN if wanted else 0, among=FAIL_OPEN))
