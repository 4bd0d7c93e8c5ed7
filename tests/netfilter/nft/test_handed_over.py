"""Packets and copies that rules of nft send elsewhere."""

import pytest

from pystack.events import Nflogged
from pystack.wire.checksum import verifies
from tests.frames import ALICE_IP, ALICE_MAC, OUR_IP, OUR_MAC, OUR_MAC2, echo_frame
from tests.netfilter.nft.router import Router

CAROL_MAC = b"\2\0\0\0\0\3"


def router(rules: str, *, hook: str = "ingress", device: str = "eth0", family: str = "netdev") -> Router:
    at = f'{hook} device "{device}"' if family == "netdev" else hook
    made = Router(f"table {family} t {{ chain c {{ type filter hook {at} priority 0; {rules}; }} ; }}")
    made.setup("ip neigh add 10.0.1.3 lladdr 02:00:00:00:00:03 dev eth1")
    return made


def test_a_copy_of_a_frame_leaves_by_another_device_as_it_came() -> None:
    box = router("udp dport 99 dup to eth1")
    box.alice_sends(99, dst=OUR_IP)
    (copy,) = box.sent(box.eth1)
    assert copy[:14] == OUR_MAC + ALICE_MAC + b"\x08\0"
    box.assert_every_packet_is_accounted_for()


def test_a_frame_that_is_forwarded_goes_no_further() -> None:
    box = router("udp dport 53 fwd to eth1; counter")
    box.alice_sends(53, dst=OUR_IP)
    assert len(box.sent(box.eth1)) == 1
    assert (box.counted(), box.sent(box.eth0)) == ([0], [])


def test_a_map_says_by_which_device() -> None:
    box = router('fwd to iifname map { "eth0" : "eth1" }')
    box.alice_sends(53, dst=OUR_IP)
    assert len(box.sent(box.eth1)) == 1


def test_a_neighbour_gets_a_packet_with_one_hop_less() -> None:
    box = router("fwd ip to 10.0.1.3 device eth1")
    box.alice_sends(53)
    (sent,) = box.sent(box.eth1)
    assert (sent[:6], sent[6:12], sent[22]) == (CAROL_MAC, OUR_MAC2, 63)
    assert verifies(sent[14:34])


def test_a_packet_on_its_last_hop_is_dropped_instead() -> None:
    box = router("ip ttl set 1 fwd ip to 10.0.1.3 device eth1")
    box.alice_sends(53)
    assert (box.sent(box.eth1), box.drops()) == ([], {"NETFILTER_DROP": 1})


def test_devices_that_forward_to_each_other_do_not_do_so_for_ever() -> None:
    box = router("fwd to eth1", hook="egress", device="eth1")
    box.alice_sends()
    assert (box.sent(box.eth1), box.drops()) == ([], {"NETFILTER_DROP": 1})


def test_a_copy_of_a_packet_goes_to_the_host_that_the_rule_names() -> None:
    box = router("udp dport 53 dup to 10.0.1.3", hook="prerouting", family="ip")
    box.alice_sends()
    assert [frame[:6][-1] for frame in box.sent(box.eth1)] == [3, 2]


@pytest.mark.parametrize(
    ("rule", "octets"), [("log group 5", 33), ("log group 5 snaplen 20", 20), ('log prefix "x" group 5', 33)]
)
def test_a_group_gets_the_packet(rule: str, octets: int) -> None:
    box = router(rule, hook="forward", family="inet")
    told: list[Nflogged] = []
    box.host.events.subscribe(lambda event: told.append(event) if isinstance(event, Nflogged) else None)
    box.alice_sends()
    ((group, message),) = [(event.group, event.record) for event in told]
    assert group == 5
    assert message.endswith(bytes(udp_on_the_way()[:octets]) + bytes(-octets % 4))


def udp_on_the_way() -> bytes:
    """What Alice sends, behind the router's PREROUTING: one hop less."""
    box = Router()
    box.alice_sends()
    return box.sent(box.eth1)[0][14:]


def test_a_device_answers_what_it_rejects_and_passes_nothing_on() -> None:
    box = router("icmp type echo-request reject with icmp type admin-prohibited")
    box.send(box.eth0, echo_frame(dst=OUR_IP, src=ALICE_IP))
    (answer,) = box.sent(box.eth0)
    assert (answer[:6], answer[23], answer[34:36]) == (ALICE_MAC, 1, bytes((3, 13)))
    assert answer[42:] == echo_frame(dst=OUR_IP, src=ALICE_IP)[14:]
    box.assert_every_packet_is_accounted_for()


def test_what_is_for_many_is_dropped_without_an_answer() -> None:
    box = router("reject")
    box.send(box.eth0, echo_frame(to=b"\xff" * 6))
    assert (box.sent(box.eth0), box.drops()) == ([], {"NETFILTER_DROP": 1})


def test_a_segment_is_reset() -> None:
    box = router("tcp dport 22 reject with tcp reset")
    box.alice_begins()
    (answer,) = box.sent(box.eth0)
    assert (answer[23], answer[47]) == (6, 0x14)


def test_an_answer_of_ours_that_is_rejected_brings_forth_no_error() -> None:
    box = router("counter reject", hook="output", family="inet")
    box.send(box.eth0, echo_frame(dst=OUR_IP, src=ALICE_IP))
    assert (box.counted(), box.sent(box.eth0)) == ([1], [])
