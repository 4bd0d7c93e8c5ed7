"""How QEMU is told about a card, and frames through a socket pair."""

from pathlib import Path

import pytest

from pystack.compare.lab.errors import FrameRefused
from pystack.compare.lab.vm_port import SocketPairPort, UnixDgramPort, UnixStreamPort


def test_cards_are_spelled_as_qemu_wants_them() -> None:
    assert UnixStreamPort(Path("/a")).netdev() == "stream,server=off,addr.type=unix,addr.path=/a"
    assert UnixStreamPort(Path("/a"), listen=True).netdev() == "stream,server=on,addr.type=unix,addr.path=/a"
    assert UnixDgramPort(Path("/a"), Path("/b")).netdev() == (
        "dgram,local.type=unix,local.path=/a,remote.type=unix,remote.path=/b"
    )


def test_a_pair_has_nothing_to_drain_until_something_was_sent() -> None:
    port = SocketPairPort()
    (theirs,) = port.descriptors()
    assert port.netdev() == f"dgram,local.type=fd,local.str={theirs}"
    assert port.drain() == []
    port.close()


def test_a_frame_to_a_card_that_is_gone_is_refused() -> None:
    port = SocketPairPort("vm1")
    port.hand_over()  # and no QEMU took it
    with pytest.raises(FrameRefused, match="vm1: "):
        port.send(bytes(60))
    port.close()
