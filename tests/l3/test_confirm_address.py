"""Which address of a device goes with another host's; held against the kernel by the fuzzer's area arp."""

import pytest

from pystack.l2.port import PortDevice
from pystack.l3.addresses import RT_SCOPE_HOST, RT_SCOPE_LINK, RT_SCOPE_UNIVERSE, Address
from pystack.l3.confirm_address import confirms
from tests.frames import OUR_MAC, ip

DEV = PortDevice("eth0", OUR_MAC)
WIDE = Address(DEV, ip("10.0.0.1"), 24)
ON_LINK = Address(DEV, ip("10.0.1.1"), 24, scope=RT_SCOPE_LINK)
NARROW = Address(DEV, ip("10.0.2.1"), 24, scope=RT_SCOPE_HOST)


@pytest.mark.parametrize(
    ("held", "other", "local", "scope", "localnet", "answer"),
    [
        ([WIDE], "0.0.0.0", "10.0.0.1", RT_SCOPE_HOST, False, True),
        ([WIDE], "10.0.0.9", "10.0.0.1", RT_SCOPE_HOST, False, True),
        ([WIDE], "10.0.9.9", "10.0.0.1", RT_SCOPE_HOST, False, False),
        ([WIDE], "0.0.0.0", "10.0.0.2", RT_SCOPE_HOST, False, False),
        ([], "0.0.0.0", "10.0.0.1", RT_SCOPE_HOST, False, False),
        ([NARROW], "0.0.0.0", "10.0.2.1", RT_SCOPE_LINK, False, False),
        ([NARROW], "0.0.0.0", "10.0.2.1", RT_SCOPE_LINK, True, True),
        ([ON_LINK], "10.0.1.9", "0.0.0.0", RT_SCOPE_LINK, False, True),
        ([ON_LINK], "10.0.1.9", "0.0.0.0", RT_SCOPE_UNIVERSE, False, False),
        ([WIDE, ON_LINK], "10.0.1.9", "0.0.0.0", RT_SCOPE_LINK, False, True),
        ([NARROW, WIDE], "10.0.2.9", "0.0.0.0", RT_SCOPE_LINK, False, True),
        ([WIDE, NARROW], "10.0.2.9", "0.0.0.0", RT_SCOPE_LINK, False, False),
    ],
)
def test_the_walk_is_the_kernels(
    held: list[Address], other: str, local: str, scope: int, localnet: bool, answer: bool
) -> None:
    assert confirms(held, ip(other), ip(local), scope, localnet=localnet) == answer
