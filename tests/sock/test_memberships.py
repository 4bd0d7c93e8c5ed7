"""The groups that sockets join."""

import pytest

from pystack.errors import EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENOBUFS, ENODEV, NetError
from tests.box import Box
from tests.frames import OUR_MAC, OUR_MAC2, ip

GROUP = ip("239.1.1.1")


class Host(Box):
    """eth0 10.0.0.1/24, eth1 10.0.1.1/24; groups are routed by eth1."""

    def __init__(self) -> None:
        super().__init__()
        self.eth0 = self.port("eth0", OUR_MAC, "10.0.0.1/24")
        self.eth1 = self.port("eth1", OUR_MAC2, "10.0.1.1/24")
        self.route("224.0.0.0/4", self.eth1)
        self.joined = self.ns.udp.open().memberships

    def members(self) -> list[str]:
        groups = self.ns.ipv4.groups
        return [dev.name for dev in (self.eth0, self.eth1) if groups.is_member(dev, GROUP)]


def refused(box: Host, group: str, address: str = "0.0.0.0", ifindex: int = 0) -> int:
    with pytest.raises(NetError) as error:
        box.joined.join(ip(group), ip(address), ifindex)
    return error.value.number


def test_the_device_is_the_routes_unless_an_address_or_index_says_otherwise() -> None:
    box = Host()
    box.joined.join(GROUP)
    assert box.members() == ["eth1"]
    box.joined.join(GROUP, ip("10.0.0.1"))
    assert box.members() == ["eth0", "eth1"]
    assert box.joined.has(GROUP, box.eth0.ifindex)
    box.joined.leave(GROUP, ifindex=box.eth1.ifindex)
    assert box.members() == ["eth0"]


def test_a_group_is_joined_once_a_device() -> None:
    box = Host()
    box.joined.join(GROUP)
    assert refused(box, "239.1.1.1") == EADDRINUSE
    assert refused(box, "10.0.0.1") == EINVAL
    assert refused(box, "239.1.1.1", "9.9.9.9") == ENODEV
    assert refused(box, "239.1.1.1", ifindex=99) == ENODEV


def test_a_socket_joins_only_so_many() -> None:
    box = Host()
    box.sysctl("net.ipv4.igmp_max_memberships", "2")
    for group in ("239.1.1.1", "239.1.1.2"):
        box.joined.join(ip(group))
    assert refused(box, "239.1.1.3") == ENOBUFS


def test_a_group_is_left_with_the_last_of_its_members() -> None:
    box = Host()
    other = box.ns.udp.open()
    other.memberships.join(GROUP)
    box.joined.join(GROUP)
    box.joined.leave(GROUP)
    assert box.members() == ["eth1"]
    other.close()
    assert box.members() == []


@pytest.mark.parametrize(("address", "errno"), [("0.0.0.0", EADDRNOTAVAIL), ("9.9.9.9", EADDRNOTAVAIL)])
def test_what_was_not_joined_cannot_be_left(address: str, errno: int) -> None:
    with pytest.raises(NetError) as error:
        Host().joined.leave(GROUP, ip(address))
    assert error.value.number == errno


def test_without_any_way_there_is_no_device_to_leave() -> None:
    box = Box()
    with pytest.raises(NetError) as error:
        box.ns.udp.open().memberships.leave(GROUP)
    assert error.value.number == ENODEV


def test_a_device_that_goes_takes_its_memberships_along() -> None:
    box = Host()
    box.joined.join(GROUP)
    box.ns.devices.unregister(box.eth1)
    assert box.members() == []
