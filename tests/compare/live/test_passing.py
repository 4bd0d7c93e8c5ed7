"""Hops of the kernel's, gathered into packets."""

from pystack.compare.live.passing import Passings
from pystack.compare.records import Hop


def hop(packet: int) -> Hop:
    return Hop(0, packet, "ip", "PREROUTING", -450, None, None, None, "eth0", None, None, None, 0, bytes(20))


def test_what_is_read_at_once_passed_by_one_after_the_other() -> None:
    passings = Passings()
    passings.add([hop(1)], 1.0)
    passings.add([hop(2), hop(2), hop(3), hop(3)], 5.0)
    told = list(passings.rest())
    assert [passing.began for passing in told] == [1.0, 5.0, 5.0]
    assert [passing.at for passing in told] == [1.0, 2.0, 4.0]
