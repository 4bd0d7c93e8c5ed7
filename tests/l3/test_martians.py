"""What `log_martians` writes, in the kernel's words."""

import pytest

from pystack.events import Event, Printk
from tests.box import Box
from tests.frames import OUR_MAC, OUR_MAC2, echo_frame, ip

LINK_HEADER = "ll header: 00000000: 02 00 00 00 aa 01 02 00 00 00 00 01 08 00"


class Logged(Box):
    """eth0 10.0.0.1/24 and eth1 10.0.1.1/24, and what the kernel's log says."""

    def __init__(self) -> None:
        super().__init__()
        self.eth0 = self.port("eth0", OUR_MAC, "10.0.0.1/24")
        self.port("eth1", OUR_MAC2, "10.0.1.1/24")
        self.sysctl("net.ipv4.conf.eth0.log_martians", "1")
        self.log: list[str] = []
        self.host.events.subscribe(self._note)

    def _note(self, event: Event) -> None:
        if isinstance(event, Printk):
            self.log.append(event.text)

    def receive(self, src: str, dst: str) -> None:
        self.send(self.eth0, echo_frame(src=ip(src), dst=ip(dst)))


@pytest.mark.parametrize(
    ("src", "dst"),
    [("10.0.1.1", "10.0.0.1"), ("127.0.0.1", "10.0.0.1"), ("224.0.0.1", "10.0.0.1"), ("0.0.0.0", "10.0.0.1")],
)
def test_a_source_that_cannot_be_is_told_with_the_frames_header(src: str, dst: str) -> None:
    box = Logged()
    box.receive(src, dst)
    assert box.log == [f"IPv4: martian source {dst} from {src}, on dev eth0", LINK_HEADER]


def test_a_destination_that_cannot_be_is_told_in_one_line() -> None:
    box = Logged()
    box.receive("10.0.0.9", "127.0.0.1")
    assert box.log == ["IPv4: martian destination 127.0.0.1 from 10.0.0.9, dev eth0"]


def test_what_the_reverse_path_filter_drops_is_a_martian_too() -> None:
    box = Logged()
    box.sysctl("net.ipv4.conf.eth0.rp_filter", "1")
    box.receive("10.0.1.9", "10.0.0.1")
    assert box.log[0] == "IPv4: martian source 10.0.0.1 from 10.0.1.9, on dev eth0"


def test_without_the_sysctl_nothing_is_said() -> None:
    box = Logged()
    box.sysctl("net.ipv4.conf.eth0.log_martians", "0")
    box.receive("10.0.1.1", "10.0.0.1")
    assert box.log == []
    box.sysctl("net.ipv4.conf.all.log_martians", "1")
    box.receive("10.0.1.1", "10.0.0.1")
    assert len(box.log) == 2


def test_a_flood_of_martians_fills_no_log() -> None:
    """Ten in five seconds; both lines of one count once."""
    box = Logged()
    for _ in range(30):
        box.receive("10.0.1.1", "10.0.0.1")
    assert len(box.log) == 20
    box.advance(6.0)
    box.receive("10.0.1.1", "10.0.0.1")
    assert box.log[20] == "net_ratelimit: 20 callbacks suppressed"
