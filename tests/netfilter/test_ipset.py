"""Sets of addresses: what expires, what excludes, and what a packet's key is."""

import pytest

from pystack.clock import Clock
from pystack.netfilter.ipset import (
    HASH_IP,
    HASH_IP_PORT,
    HASH_NET,
    Body,
    Element,
    Fault,
    IpSet,
    IpSets,
    SetRefused,
    Settings,
)
from pystack.netfilter.matches.ipset import InSet, key_of, key_to_store
from tests.frames import ip
from tests.netfilter.rules import view, view6

A = ip("10.0.0.1")


def a_set(kind: str = HASH_IP, timeout: int | None = None) -> tuple[IpSet, Clock]:
    clock = Clock(hz=100)
    return IpSet("s", Body(Settings(kind, timeout=timeout)), clock), clock


def test_an_element_is_there_until_its_time_is_over() -> None:
    ipset, clock = a_set(timeout=10)
    ipset.add((A,), Element())
    clock.now += 9.5
    assert [ipset.seconds_left(element) for _, element in ipset.living()] == [1]
    clock.now += 0.5
    assert list(ipset.candidates((A,))) == []
    ipset.add((A,), Element())


def test_an_element_that_is_there_is_taken_again_only_if_it_may_begin_anew() -> None:
    ipset, _ = a_set()
    ipset.add((A,), Element())
    with pytest.raises(SetRefused) as refused:
        ipset.add((A,), Element())
    assert refused.value.fault is Fault.EXISTS
    ipset.add((A,), Element(comment="new"), renews=True)
    assert [element.comment for _, element in ipset.living()] == ["new"]


def test_of_all_networks_that_have_an_address_the_smallest_decides() -> None:
    ipset, _ = a_set(HASH_NET)
    ipset.add((ip("10.0.0.0"), 8), Element())
    ipset.add((ip("10.0.0.0"), 24), Element(excludes=True))
    assert [element.excludes for element in ipset.candidates((A, 32))] == [True, False]
    assert not InSet(ipset, (True,))(view())
    assert InSet(ipset, (True,), excluded_instead=True)(view())
    ipset.delete((ip("10.0.0.0"), 24))
    assert InSet(ipset, (True,))(view())


def test_a_packet_is_stored_in_networks_of_the_smallest_size_that_is_there() -> None:
    ipset, _ = a_set(HASH_NET)
    assert key_to_store(view(), ipset, (True,)) == (A, 32)
    ipset.add((ip("192.168.0.0"), 16), Element())
    assert key_to_store(view(), ipset, (True,)) == (ip("10.0.0.0"), 16)


def test_a_packet_has_a_key_only_where_its_header_is_whole() -> None:
    settings = Settings(HASH_IP_PORT)
    assert key_of(view(), settings, (True, False)) == (A, 17, 6)
    assert key_of(view(body=b"\0\5\0\6"), settings, (True, False)) is None
    assert key_of(view(protocol=47, body=b""), settings, (True, False)) == (A, 47, 0)
    assert key_of(view(), settings, (True,)) is None


def test_an_ipv6_packet_without_payload_has_no_key() -> None:
    settings = Settings(HASH_IP_PORT, bits=128)
    assert key_of(view6(), settings, (False, True)) == (0xB, 17, 5)
    assert key_of(view6(59, b""), settings, (False, True)) is None


def test_a_set_that_a_rule_asks_stays_with_all_others() -> None:
    sets = IpSets(Clock(), lambda ipset: ipset.name == "used")
    for name in ("free", "used"):
        sets.create(name, Settings(HASH_IP))
    for name in ("used", ""):
        with pytest.raises(SetRefused) as refused:
            sets.destroy(name)
        assert refused.value.fault is Fault.IN_USE
    sets.destroy("free")
    assert [ipset.name for ipset in sets] == ["used"]
