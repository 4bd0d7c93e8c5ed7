"""Devices whose other end is outside: with a link header, and without one."""

from collections import deque

import pytest

from pystack.applets import virtual
from pystack.errors import NetError
from pystack.events import Event, Printk
from pystack.host import Host
from pystack.l2.port import BarePort
from pystack.wire.ethernet import ETH_P_IP, ZERO, header
from pystack.wire.virtio import NONE

SETUP = """
ip addr add 10.8.0.2 peer 10.8.0.1/32 dev tun0
ip link set tun0 up
iptables -A INPUT -j LOG
"""
ECHO = bytes.fromhex("4500001c00010000400166ce0a0800010a0800020800f7fd00010001")


class Vpn:
    """tun0 of one host, and what its kernel logs."""

    def __init__(self) -> None:
        self.host = Host(seed=1)
        self.tun = BarePort("tun0")
        self.host.init.devices.register(self.tun)
        self.lines: list[str] = []
        self.host.events.subscribe(self._heard)
        assert virtual.run_setup(self.host, SETUP, "setup") == []

    def _heard(self, event: Event) -> None:
        if isinstance(event, Printk):
            self.lines.append(event.text)

    def told(self, command: str) -> str:
        return virtual.run(command.split(), self.host).out


def test_packets_come_with_a_blank_header_and_leave_without_one() -> None:
    vpn = Vpn()
    vpn.host.init.receive(vpn.tun, header(ZERO, ZERO, ETH_P_IP) + ECHO)
    assert isinstance(vpn.tun.tx, deque)
    ((packet, offload),) = vpn.tun.tx
    assert (bytes(packet[12:20]).hex(), packet[20], offload) == ("0a0800020a080001", 0, NONE)
    assert vpn.tun.stats.tx_bytes == len(ECHO)


def test_it_has_no_link_address_to_show() -> None:
    shown = Vpn().told("ip link show tun0")
    assert "<POINTOPOINT,MULTICAST,NOARP,UP,LOWER_UP>" in shown
    assert shown.endswith("qlen 500\n    link/none \n")


def test_log_rules_print_no_addresses_of_it() -> None:
    vpn = Vpn()
    vpn.host.init.receive(vpn.tun, header(ZERO, ZERO, ETH_P_IP) + ECHO)
    assert ["IN=tun0 OUT= MAC= SRC=10.8.0.1" in line for line in vpn.lines] == [True]


def test_it_takes_no_address_no_vlan_and_no_bridge() -> None:
    vpn = Vpn()
    with pytest.raises(NetError, match="Operation not supported"):
        vpn.host.init.devices.set_address(vpn.tun, bytes.fromhex("020000000001"))
    for command in ("ip link add link tun0 name x type vlan id 5", "ip link set tun0 master br0"):
        virtual.run(["ip", "link", "add", "br0", "type", "bridge"], vpn.host)
        assert virtual.run(command.split(), vpn.host).rc == 2
