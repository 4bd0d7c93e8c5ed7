"""What every device has."""

import pytest

from pystack.device import IFF_UP, NetDevice
from pystack.errors import EOPNOTSUPP, NetError
from pystack.packet import Packet
from tests.frames import ALICE_MAC, OUR_MAC


class Deaf(NetDevice):
    kind = "deaf"


class OnSomethingDown(NetDevice):
    @property
    def lower_is_down(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("flags", "carrier", "changes", "operstate", "running"),
    [
        (0, True, 0, "DOWN", False),
        (0, False, 3, "DOWN", False),
        (IFF_UP, True, 0, "UNKNOWN", True),
        (IFF_UP, True, 2, "UP", True),
        (IFF_UP, False, 1, "DOWN", False),
    ],
)
def test_a_devices_state_is_told_as_ip_link_tells_it(
    flags: int, carrier: bool, changes: int, operstate: str, running: bool
) -> None:
    dev = NetDevice("eth0", OUR_MAC)
    dev.flags, dev.carrier, dev.carrier_changes = flags, carrier, changes
    assert (dev.operstate, dev.running, dev.up) == (operstate, running, bool(flags))


def test_a_device_on_one_without_carrier_says_so() -> None:
    dev = OnSomethingDown("up0")
    dev.flags, dev.carrier = IFF_UP, False
    assert dev.operstate == "LOWERLAYERDOWN"


def test_a_plain_device_takes_no_ports_and_stands_on_nothing() -> None:
    dev, port = NetDevice("eth0"), NetDevice("eth1")
    for refused in (dev.add_slave, dev.del_slave):
        with pytest.raises(NetError) as error:
            refused(port)
        assert error.value.number == EOPNOTSUPP
    assert not dev.lower_is_down


def test_taps_see_in_the_order_in_which_they_came() -> None:
    dev = NetDevice("eth0", OUR_MAC)
    seen: list[tuple[str, bool]] = []

    def first(pkt: Packet, outgoing: bool) -> None:
        seen.append(("first", outgoing))

    def second(pkt: Packet, outgoing: bool) -> None:
        seen.append(("second", outgoing))

    dev.add_tap(first)
    dev.add_tap(second)
    for tap in dev.taps:
        tap(Packet(b"", dev), True)
    dev.remove_tap(first)
    dev.remove_tap(first)
    assert dev.taps == (second,)
    assert seen == [("first", True), ("second", True)]


def test_a_mtu_and_an_address_are_taken_as_they_come() -> None:
    dev = NetDevice("eth0", OUR_MAC)
    dev.change_mtu(9000)
    dev.set_mac_address(ALICE_MAC)
    assert (dev.mtu, dev.address, dev.perm_address) == (9000, ALICE_MAC, OUR_MAC)


def test_a_device_is_shown_by_kind_number_and_name() -> None:
    assert repr(NetDevice("eth0")) == "<device 0: eth0>"
    assert repr(Deaf("d0")) == "<deaf 0: d0>"


def test_using_a_device_outside_any_namespace_is_a_bug() -> None:
    dev = Deaf("d0")
    with pytest.raises(AssertionError, match="d0 is in no namespace"):
        dev.netif_receive_skb(Packet(b"", dev))
    with pytest.raises(AssertionError, match="d0 cannot send"):
        dev.transmit(Packet(b"", dev))
