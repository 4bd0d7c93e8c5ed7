"""Addresses on devices: their order, secondaries, promotion, and which of them a host speaks with."""

import pytest

from pystack.errors import EADDRNOTAVAIL, EEXIST, EINVAL, NetError
from pystack.l3.addresses import (
    RT_SCOPE_HOST,
    RT_SCOPE_LINK,
    RT_SCOPE_SITE,
    RT_SCOPE_UNIVERSE,
    Address,
    AddressEvent,
)
from pystack.wire.ipv4 import address_text
from tests.box import Box
from tests.frames import ip


class Addressed(Box):
    """Two devices, and what was told of their addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.d0, self.d1 = self.dummy("d0"), self.dummy("d1")
        self.book = self.ns.ipv4.addresses
        self.told: list[str] = []
        self.book.listen(self._hear)

    def _hear(self, event: AddressEvent, address: Address, primary: Address | None) -> None:
        self.told.append(f"{event.name} {address_text(address.local)}")

    def shown(self) -> list[str]:
        """What d0 has, in its order; secondaries in brackets."""
        texts = [(address_text(held.local), held.is_secondary) for held in self.book.of(self.d0)]
        return [f"({text})" if secondary else text for text, secondary in texts]

    def delete(self, text: str) -> None:
        local, _, length = text.partition("/")
        self.book.delete(self.d0, ip(local), int(length) if length else None)

    def source(self, destination: str, scope: int = RT_SCOPE_UNIVERSE) -> str:
        return address_text(self.book.select(self.d0, ip(destination), scope))


# -- order -------------------------------------------------------------------------------------------------


def test_the_first_of_a_network_is_primary_and_the_others_follow_it() -> None:
    box = Addressed()
    for text in ("10.0.0.1/24", "10.0.0.2/24", "10.0.1.1/24", "10.0.0.3/24"):
        box.address(box.d0, text)
    assert box.shown() == ["10.0.0.1", "10.0.1.1", "(10.0.0.2)", "(10.0.0.3)"]


def test_another_prefix_length_is_another_network() -> None:
    box = Addressed()
    for text in ("10.0.0.1/24", "10.0.0.2/25", "10.0.0.3/32"):
        box.address(box.d0, text)
    assert box.shown() == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]


def test_narrower_scopes_stand_before_wider_ones_whenever_they_came() -> None:
    """Measured on the kernel: link-scope addresses before global ones regardless of the order."""
    box = Addressed()
    box.address(box.d0, "10.0.0.1/24")
    box.address(box.d0, "10.0.1.1/24", scope=RT_SCOPE_LINK)
    box.address(box.d0, "10.0.2.1/24", scope=RT_SCOPE_HOST)
    box.address(box.d0, "10.0.3.1/24", scope=RT_SCOPE_SITE)
    box.address(box.d0, "10.0.4.1/24")
    assert box.shown() == ["10.0.2.1", "10.0.1.1", "10.0.3.1", "10.0.0.1", "10.0.4.1"]


def test_the_same_address_twice_is_refused() -> None:
    box = Addressed()
    box.address(box.d0, "10.0.0.1/24")
    with pytest.raises(NetError) as refused:
        box.address(box.d0, "10.0.0.1/24")
    assert (refused.value.number, refused.value.extack) == (EEXIST, "ipv4: Address already assigned")
    assert box.shown() == ["10.0.0.1"]


def test_the_same_address_on_another_device_or_in_another_network_is_taken() -> None:
    box = Addressed()
    box.address(box.d0, "10.0.0.1/24")
    box.address(box.d0, "10.0.0.1/25")
    box.address(box.d1, "10.0.0.1/24")
    assert len(list(box.book)) == 4  # with the loopback's


def test_a_network_has_one_scope() -> None:
    box = Addressed()
    box.address(box.d0, "10.0.0.1/24")
    with pytest.raises(NetError) as refused:
        box.address(box.d0, "10.0.0.2/24", scope=RT_SCOPE_LINK)
    assert (refused.value.number, refused.value.extack) == (EINVAL, "ipv4: Invalid scope value")


def test_a_far_end_is_what_the_network_is_counted_from() -> None:
    box = Addressed()
    box.address(box.d0, "10.0.0.1/24", peer="10.9.0.7")
    box.address(box.d0, "10.5.5.5/24", peer="10.9.0.9")
    first = box.book.of(box.d0)[0]
    assert address_text(first.prefix) == "10.9.0.0"
    assert first.holds(ip("10.9.0.200"))
    assert not first.holds(ip("10.0.0.2"))
    assert box.shown() == ["10.0.0.1", "(10.5.5.5)"]


# -- deletion ----------------------------------------------------------------------------------------------


def test_a_primary_takes_its_secondaries_along() -> None:
    box = Addressed()
    for text in ("10.0.0.1/24", "10.0.0.2/24", "10.0.1.1/24", "10.0.0.3/24"):
        box.address(box.d0, text)
    box.told.clear()
    box.delete("10.0.0.1/24")
    assert box.shown() == ["10.0.1.1"]
    assert box.told == ["REMOVED 10.0.0.2", "REMOVED 10.0.0.3", "REMOVED 10.0.0.1"]


def test_with_promotion_the_next_secondary_becomes_primary() -> None:
    box = Addressed()
    box.sysctl("net.ipv4.conf.d0.promote_secondaries", "1")
    for text in ("10.0.0.1/24", "10.0.0.2/24", "10.0.1.1/24", "10.0.0.3/24"):
        box.address(box.d0, text)
    box.delete("10.0.0.1/24")
    assert box.shown() == ["10.0.1.1", "10.0.0.2", "(10.0.0.3)"]
    box.delete("10.0.0.2/24")
    assert box.shown() == ["10.0.1.1", "10.0.0.3"]


def test_promotion_may_be_asked_for_all_devices_at_once() -> None:
    box = Addressed()
    box.sysctl("net.ipv4.conf.all.promote_secondaries", "1")
    box.address(box.d0, "10.0.0.1/24")
    box.address(box.d0, "10.0.0.2/24")
    box.delete("10.0.0.1/24")
    assert box.shown() == ["10.0.0.2"]


def test_a_secondary_goes_alone() -> None:
    box = Addressed()
    for text in ("10.0.0.1/24", "10.0.0.2/24", "10.0.0.3/24"):
        box.address(box.d0, text)
    box.delete("10.0.0.2/24")
    assert box.shown() == ["10.0.0.1", "(10.0.0.3)"]


@pytest.mark.parametrize("text", ["10.0.0.9", "10.0.0.1/25", "10.0.0.1/32"])
def test_an_address_that_is_not_there_cannot_be_deleted(text: str) -> None:
    box = Addressed()
    box.address(box.d0, "10.0.0.1/24")
    with pytest.raises(NetError) as refused:
        box.delete(text)
    assert (refused.value.number, refused.value.extack) == (EADDRNOTAVAIL, "ipv4: Address not found")


def test_an_address_is_found_by_what_a_user_says_of_it() -> None:
    box = Addressed()
    box.address(box.d0, "10.0.0.1/24", peer="10.9.0.1")
    assert box.book.find(box.d0, ip("10.0.0.1")) is not None
    assert box.book.find(box.d0, ip("10.0.0.1"), 24, ip("10.9.0.1")) is not None
    assert box.book.find(box.d0, ip("10.0.0.1"), 24, ip("10.9.0.2")) is None
    assert box.book.find(box.d1, ip("10.0.0.1")) is None


def test_flushing_a_device_leaves_the_others_alone() -> None:
    box = Addressed()
    for text in ("10.0.0.1/24", "10.0.0.2/24", "10.0.1.1/24"):
        box.address(box.d0, text)
    box.address(box.d1, "10.7.0.1/24")
    box.book.flush(box.d0)
    assert box.shown() == []
    assert box.book.devices() == [box.ns.loopback, box.d1]


# -- which to speak with: inet_select_addr(), as measured ----------------------------------------------------


def test_without_a_gateway_the_first_primary_speaks() -> None:
    box = Addressed()
    for text in ("10.0.0.1/24", "10.0.1.1/24"):
        box.address(box.d0, text)
    assert box.source("0.0.0.0") == "10.0.0.1"


def test_with_a_gateway_the_primary_of_its_network_speaks() -> None:
    box = Addressed()
    for text in ("10.0.0.1/24", "10.0.1.1/24", "10.0.1.2/24"):
        box.address(box.d0, text)
    assert box.source("10.0.1.254") == "10.0.1.1"
    assert box.source("10.7.0.1") == "10.0.0.1"


def test_a_secondary_never_speaks_by_itself() -> None:
    box = Addressed()
    for text in ("10.0.0.1/24", "10.0.0.2/24"):
        box.address(box.d0, text)
    assert box.source("10.0.0.2") == "10.0.0.1"


def test_a_link_address_does_not_speak_to_the_world() -> None:
    box = Addressed()
    box.address(box.d0, "10.0.1.1/24", scope=RT_SCOPE_LINK)
    box.address(box.d0, "10.0.0.1/24")
    assert box.source("0.0.0.0", RT_SCOPE_UNIVERSE) == "10.0.0.1"
    assert box.source("0.0.0.0", RT_SCOPE_LINK) == "10.0.1.1"


def test_a_host_address_does_not_speak_to_the_link() -> None:
    box = Addressed()
    box.address(box.d0, "10.0.1.1/24", scope=RT_SCOPE_HOST)
    assert box.source("0.0.0.0", RT_SCOPE_HOST) == "10.0.1.1"
    assert box.source("0.0.0.0", RT_SCOPE_LINK) == "0.0.0.0"


def test_a_device_without_one_speaks_with_the_first_of_another() -> None:
    box = Addressed()
    box.address(box.d1, "10.7.0.1/24")
    assert box.source("8.8.8.8") == "10.7.0.1"


def test_a_link_address_of_another_device_does_not_speak() -> None:
    box = Addressed()
    box.address(box.d1, "10.7.0.1/24", scope=RT_SCOPE_LINK)
    assert box.source("8.8.8.8") == "0.0.0.0"
    assert box.source("8.8.8.8", RT_SCOPE_LINK) == "0.0.0.0"


def test_the_loopback_comes_first_among_the_others() -> None:
    box = Addressed()
    box.address(box.d1, "10.7.0.1/24")
    box.address(box.ns.loopback, "10.255.0.1/32")
    assert box.source("8.8.8.8") == "10.255.0.1"


def test_without_a_device_any_may_speak() -> None:
    box = Addressed()
    box.address(box.d0, "10.0.0.1/24")
    assert address_text(box.book.select(None, 0, RT_SCOPE_UNIVERSE)) == "10.0.0.1"


# -- looking up --------------------------------------------------------------------------------------------


def test_an_address_is_held_by_the_device_it_is_on() -> None:
    box = Addressed()
    mine = box.address(box.d1, "10.7.0.1/24")
    assert box.book.holder(ip("10.7.0.1")) is mine
    assert box.book.holder(ip("10.7.0.2")) is None


def test_the_primary_of_a_secondary_is_that_of_its_network() -> None:
    box = Addressed()
    first = box.address(box.d0, "10.0.0.1/24")
    second = box.address(box.d0, "10.0.0.2/24")
    assert box.book.primary_for(second) is first
    assert box.book.primary_for(first) is first


@pytest.mark.parametrize(
    ("label", "first", "second"), [("", "d5", "d5:2"), ("d0:web", "d5", "d5:web")], ids=["plain", "alias"]
)
def test_labels_follow_the_name_of_their_device(label: str, first: str, second: str) -> None:
    """Linux: net/ipv4/devinet.c inetdev_changename()"""
    box = Addressed()
    box.address(box.d0, "10.0.0.1/24")
    alias = Address(box.d0, ip("10.0.1.1"), 24, label=label)
    box.book.add(alias)
    box.ns.devices.rename(box.d0, "d5")
    assert [held.label for held in box.book.of(box.d0)] == [first, second]


def test_the_loopback_gets_its_address_when_it_comes_up() -> None:
    box = Addressed()
    held = box.book.of(box.ns.loopback)
    assert [(address_text(one.local), one.prefixlen, one.scope) for one in held] == [
        ("127.0.0.1", 8, RT_SCOPE_HOST)
    ]
    box.ns.devices.set_down(box.ns.loopback)
    box.ns.devices.set_up(box.ns.loopback)
    assert len(box.book.of(box.ns.loopback)) == 1
