"""Sockets of every kind under hostile packets: nothing is raised, nothing is lost count of."""

import random

import pytest

from pystack.errors import NetError
from pystack.sock.ping import PingSocket
from pystack.sock.raw import RawSocket
from pystack.sock.udp import UdpSocket
from pystack.wire import icmp, udp
from pystack.wire.ethernet import BROADCAST
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_UDP
from tests.box import Box
from tests.frames import ALICE_IP, OUR_IP, OUR_MAC, arp_request, datagram, ip, packet_frame, udp_packet

PACKETS = 2500
GROUP = ip("239.1.1.1")


class Host(Box):
    """eth0 10.0.0.1/24, and sockets that hear all they can."""

    def __init__(self) -> None:
        super().__init__()
        self.eth0 = self.port("eth0", OUR_MAC, "10.0.0.1/24")
        self.send(self.eth0, arp_request())
        self.sysctl("net.ipv4.ping_group_range", "0 0")
        self.socks: list[UdpSocket | PingSocket | RawSocket] = []
        for connects in (False, True):
            sock, ping = self.ns.udp.open(), self.ns.ping.open()
            sock.reuse = True
            sock.bind(0, 53)
            ping.bind(0, 7 + connects)
            raw = self.ns.raw.open(IPPROTO_ICMP)
            if connects:
                sock.connect(ALICE_IP, 1000)
                ping.connect(ALICE_IP)
                raw.connect(ALICE_IP)
            else:
                sock.memberships.join(GROUP, OUR_IP)
            self.socks += [sock, ping, raw]
        for number, each in enumerate(self.socks):
            each.recverr = bool(number & 1)

    def read_all(self) -> None:
        for sock in self.socks:
            while True:
                try:
                    if sock.recv_error() is None and sock.recv() is None:
                        break
                except NetError:
                    continue


def hostile(chance: random.Random) -> tuple[bytes, bytes]:
    """A packet that a socket may have to do with, and the station that it is for."""
    octets = chance.randbytes(chance.choice((0, 1, 7, 8, 20, 60, 400)))
    kind = chance.randrange(4)
    destination = chance.choice((OUR_IP, OUR_IP, ip("10.0.0.255"), GROUP))
    if kind == 0:
        length = chance.choice((8 + len(octets), chance.randrange(0x10000)))
        check = chance.choice((0, chance.randrange(0x10000)))
        whole = udp.HEADER.pack(1000, 53, length, check) + octets
        packet = datagram(whole, IPPROTO_UDP, dst=destination)
    elif kind == 1:
        packet = udp_packet(octets, dst=destination, sport=chance.choice((1000, 1001)))
    elif kind == 2:
        message = icmp.build(icmp.ICMP_ECHOREPLY, 0, chance.choice((7, 8, 9)), 1, octets)
        packet = datagram(message[: chance.randrange(len(message) + 1)], dst=destination)
    else:
        quote = chance.choice((octets, udp_packet(octets, src=OUR_IP, dst=ALICE_IP, sport=53, dport=1000)))
        if chance.random() < 0.5:
            quote = datagram(icmp.build(icmp.ICMP_ECHO, 0, 7, 1, octets), src=OUR_IP, dst=ALICE_IP)
        quote = quote[: chance.randrange(len(quote) + 1)]
        type_, code = chance.choice((3, 4, 5, 11, 12)), chance.randrange(17)
        packet = datagram(icmp.build(type_, code, chance.randrange(0x10000), 0, quote), dst=OUR_IP)
    changed = bytearray(packet)
    if chance.random() < 0.3:
        changed[chance.randrange(20, len(changed)) if len(changed) > 20 else 0] ^= 1 << chance.randrange(8)
    return bytes(changed), OUR_MAC if destination == OUR_IP else BROADCAST


@pytest.mark.parametrize("seed", range(4))
def test_whatever_comes_is_heard_or_dropped_and_nothing_else(seed: int) -> None:
    box, chance = Host(), random.Random(seed)
    for number in range(PACKETS):
        packet, to = hostile(chance)
        box.send(box.eth0, packet_frame(packet, to))
        if number % 50 == 0:
            box.read_all()
            box.host.clock.set(box.host.clock.now + 1)
    box.read_all()
    box.assert_every_packet_is_accounted_for()
    assert box.ns.snmp.Udp.InDatagrams > 100
    assert box.ns.snmp.Udp.InErrors > 100
