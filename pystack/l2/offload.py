"""Finishing what the sender left undone: checksums and large segments, in software, for devices that cannot.

Linux: net/core/dev.c validate_xmit_skb()
"""

from __future__ import annotations

from collections.abc import Iterable

from pystack.device import NetDevice
from pystack.drop import Drop, Outcomes
from pystack.packet import Packet
from pystack.wire.checksum import Buffer
from pystack.wire.virtio import Offload


def is_believable(frame: Buffer, offload: Offload) -> bool:
    """Whether an offload header that came with a frame can be true of it.

    Linux: include/linux/virtio_net.h virtio_net_hdr_to_skb()
    """
    if offload.needs_checksum:
        return offload.csum_start + offload.csum_offset + 2 <= len(frame)
    return True


def prepare_for(dev: NetDevice, pkt: Packet, drop: Drop, outcomes: Outcomes) -> Iterable[Packet]:
    """The packets that `dev` is to send in place of this one; none if it had to be dropped."""
    return (pkt,)
