"""Telling routers which groups this host is in; held against the kernel in test_igmp_against_kernel.py."""

import pytest

from pystack.wire import igmp
from pystack.wire.checksum import checksum
from pystack.wire.ipv4 import IP_DF
from tests.box import Box
from tests.frames import OUR_MAC, datagram, ip, packet_frame, parsed_ip

GROUP, OTHER, LOCAL = "239.1.1.1", "239.2.2.2", "224.0.0.9"
QUERIER = "10.0.0.9"


def group_frame(message: bytes, destination: str = "224.0.0.1", *, src: str = QUERIER) -> bytes:
    """A message to a group, from another station."""
    mac = b"\x01\x00\x5e" + (ip(destination) & 0x7FFFFF).to_bytes(3, "big")
    return packet_frame(datagram(message, 2, src=ip(src), dst=ip(destination), ttl=1), to=mac)


def summed(message: bytes) -> bytes:
    return message[:2] + checksum(message).to_bytes(2, "big") + message[4:]


def query(code: int, group: str = "0.0.0.0") -> bytes:
    """A query of version 2, with code 0 of version 1."""
    return group_frame(summed(bytes((igmp.QUERY, code, 0, 0)) + ip(group).to_bytes(4, "big")))


def query_v3(
    code: int = 1, group: str = "0.0.0.0", *, robustness: int = 2, interval: int = 125, sources: int = 0
) -> bytes:
    head = bytes((igmp.QUERY, code, 0, 0)) + ip(group).to_bytes(4, "big")
    tail = bytes((robustness, interval)) + sources.to_bytes(2, "big") + bytes(4 * sources)
    return group_frame(summed(head + tail))


def report(kind: int, group: str) -> bytes:
    return group_frame(igmp.build(kind, ip(group)), group)


class Member(Box):
    """eth0 10.0.0.1/24, up for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.eth0 = self.port("eth0", OUR_MAC, "10.0.0.1/24")
        self.advance(5)
        self.sent(self.eth0)

    def join(self, group: str = GROUP) -> None:
        self.ns.ipv4.groups.join(self.eth0, ip(group))

    def leave(self, group: str = GROUP) -> None:
        self.ns.ipv4.groups.leave(self.eth0, ip(group))

    def told(self, seconds: float = 5.0) -> list[bytes]:
        """The messages of that time."""
        self.advance(seconds)
        messages = []
        for frame in self.sent(self.eth0):
            header = parsed_ip(frame)
            assert (header.ttl, header.tos, header.frag_off) == (1, 0xC0, IP_DF)
            assert header.options == b"\x94\x04\x00\x00"
            message = frame[14 + header.ihl :]
            assert checksum(message) == 0
            messages.append(message)
        return messages


def records(*found: tuple[int, str]) -> bytes:
    return igmp.build_report([(kind, ip(group)) for kind, group in found])


def test_a_group_that_is_joined_is_told_twice() -> None:
    box = Member()
    box.join()
    assert box.told() == [records((igmp.TO_EXCLUDE, GROUP))] * 2


def test_only_the_first_to_join_and_the_last_to_leave_are_told() -> None:
    box = Member()
    box.join()
    box.told()
    box.join()
    box.leave()
    assert box.told() == []
    box.leave()
    assert box.told() == [records((igmp.TO_INCLUDE, GROUP))] * 2


def test_who_comes_back_before_it_was_told_only_joins() -> None:
    box = Member()
    box.join()
    box.told()
    box.leave()
    box.join()
    assert box.told() == [records((igmp.TO_EXCLUDE, GROUP))] * 2


def test_a_change_is_told_as_often_as_the_sysctl_says() -> None:
    box = Member()
    box.sysctl("net.ipv4.igmp_qrv", "4")
    box.join()
    assert len(box.told()) == 4


def test_the_group_of_all_hosts_is_nobodys_news() -> None:
    box = Member()
    assert box.ns.ipv4.groups.is_member(box.eth0, ip("224.0.0.1"))
    box.send(box.eth0, query_v3())
    assert box.told() == []


@pytest.mark.parametrize(("reports", "times"), [("1", 2), ("0", 0)])
def test_groups_of_the_link_are_told_if_the_sysctl_says_so(reports: str, times: int) -> None:
    box = Member()
    box.sysctl("net.ipv4.igmp_link_local_mcast_reports", reports)
    box.join(LOCAL)
    assert len(box.told()) == times


def test_a_question_about_all_is_answered_by_all_groups_at_once() -> None:
    box = Member()
    box.join()
    box.join(OTHER)
    box.told()
    box.send(box.eth0, query_v3(code=10))
    assert box.told() == [records((igmp.IS_EXCLUDE, OTHER), (igmp.IS_EXCLUDE, GROUP))]


def test_a_question_about_one_group_is_answered_for_it() -> None:
    box = Member()
    box.join()
    box.join(OTHER)
    box.told()
    box.send(box.eth0, query_v3(10, OTHER))
    assert box.told() == [records((igmp.IS_EXCLUDE, OTHER))]


def test_an_answer_comes_within_the_time_that_was_given() -> None:
    box = Member()
    box.join()
    box.told()
    box.send(box.eth0, query_v3(code=10))
    assert len(box.told(1.1)) == 1


@pytest.mark.parametrize(("code", "kind"), [(0, igmp.REPORT_V1), (10, igmp.REPORT_V2)])
def test_an_older_router_is_answered_in_its_version(code: int, kind: int) -> None:
    box = Member()
    box.join()
    box.told()
    box.send(box.eth0, query(code))
    assert box.told(12.0) == [igmp.build(kind, ip(GROUP))]


def test_an_older_router_is_forgotten_in_time() -> None:
    box = Member()
    box.send(box.eth0, query(10))
    assert box.ns.ipv4.igmp.version(box.eth0) == 2
    box.advance(2 * 125 + 10)
    assert box.ns.ipv4.igmp.version(box.eth0) == 3


def test_in_version_2_who_answered_last_says_that_it_leaves() -> None:
    box = Member()
    box.send(box.eth0, query(10))
    box.join()
    assert set(box.told(25.0)) == {igmp.build(igmp.REPORT_V2, ip(GROUP))}
    box.leave()
    assert box.told() == [igmp.build(igmp.LEAVE, ip(GROUP))]


def test_in_version_2_nobody_answers_what_another_has_answered() -> None:
    box = Member()
    box.send(box.eth0, query(10))
    box.join()
    box.told(25.0)
    box.send(box.eth0, query(100))
    box.send(box.eth0, report(igmp.REPORT_V2, GROUP))
    assert box.told(12.0) == []
    box.leave()
    assert box.told() == []


@pytest.mark.parametrize(("version", "kind"), [("1", igmp.REPORT_V1), ("2", igmp.REPORT_V2)])
def test_a_version_can_be_forced(version: str, kind: int) -> None:
    box = Member()
    box.sysctl("net.ipv4.conf.all.force_igmp_version", version)
    box.join()
    assert set(box.told(25.0)) == {igmp.build(kind, ip(GROUP))}


def test_what_a_router_says_of_its_robustness_counts() -> None:
    box = Member()
    box.send(box.eth0, query_v3(robustness=5))
    assert box.told() == []
    box.join()
    assert len(box.told(12.0)) == 5


def test_a_device_that_comes_up_tells_its_groups_again() -> None:
    box = Member()
    box.join()
    box.told()
    box.ns.devices.set_down(box.eth0)
    box.ns.devices.set_up(box.eth0)
    assert box.told() == [records((igmp.TO_EXCLUDE, GROUP))] * 2


def test_a_device_that_goes_down_tells_nothing_any_more() -> None:
    box = Member()
    box.join()
    box.send(box.eth0, query_v3(100))
    box.ns.devices.set_down(box.eth0)
    assert box.told() == []
    box.ns.devices.unregister(box.eth0)
    box.advance(20)


def test_without_an_address_it_is_told_from_nowhere() -> None:
    box = Box()
    eth1 = box.port("eth1", OUR_MAC)
    box.ns.ipv4.groups.join(eth1, ip(GROUP))
    box.advance(3)
    assert [parsed_ip(frame).saddr for frame in box.sent(eth1)] == [0, 0]


@pytest.mark.parametrize(
    "frame",
    [
        group_frame(b"\x11\x00\x00\x00\x00\x00\x00"),
        group_frame(b"\x11\x0a\x00\x00\x00\x00\x00\x00"),
        group_frame(summed(b"\x11\x0a\x00\x00\x00\x00\x00\x00\x02\x7d")),
        group_frame(summed(b"\x11\x0a\x00\x00\x00\x00\x00\x00\x02\x7d\x00\x02")),
    ],
    ids=["short", "checksum", "between the versions", "sources missing"],
)
def test_what_is_no_question_is_dropped(frame: bytes) -> None:
    box = Member()
    box.join()
    box.told()
    box.send(box.eth0, frame)
    assert box.told(12.0) == []
    assert box.drops()["IGMP_MALFORMED"] == 1
    box.assert_every_packet_is_accounted_for()
