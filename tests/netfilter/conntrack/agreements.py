"""FTP and TFTP by chance between the router's two stations: what they agree on, and what they do then."""

from __future__ import annotations

from random import Random

from pystack.wire import tcp, udp
from pystack.wire.checksum import add, ones_sum, pseudo_header_sum
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP
from pystack.wire.tcp import ACK, FIN, RST, SYN, TcpHeader
from tests.frames import datagram, ip
from tests.netfilter.conntrack.talk import ADDRESSES, Said, in_ip

FTP, TFTP = 21, 69
SERVER_DATA = 20
RULES = f"""
iptables -t raw -A PREROUTING -p tcp --dport {FTP} -j CT --helper ftp
iptables -t raw -A PREROUTING -p udp --dport {TFTP} -j CT --helper tftp
"""
CLIENT_LINES = (
    "PORT 10,1,0,2,{high},{low}\r\n",
    "port 10,1,0,2,{high},{low}\r\n",
    "PORT 10,1,0,2,{high},{low}",
    "PORT 10,1,0,9,{high},{low}\r\n",
    "PORT 10,1,0,2,{high}\r\n",
    "PORT 10,1,0,2,{high},{low},3\r\n",
    "PORT 266,1,0,2,{high},{low}\r\n",
    "PORT 10,1,0,2,1{high},{low}\r\n",
    "PORT  10,1,0,2,{high},{low}\r\n",
    "PORT\r\n",
    "PO",
    "PORT 10,1,0,2,",
    "EPRT |1|10.1.0.2|{port}|\r\n",
    "EPRT !1!10.1.0.2!{port}!\r\n",
    "eprt |1|10.1.0.2|{port}|\r\n",
    "EPRT |2|::1|{port}|\r\n",
    "EPRT |1|10.1.0.9|{port}|\r\n",
    "EPRT |1|10.1.0.2|0|\r\n",
    "EPRT |1|10.1.0.2|{port}",
    "EPRT |1|10.1.0|{port}|\r\n",
    "EPRT 1110.1.0.21{port}1\r\n",
    "EPRT |1\r\n",
    "USER nobody\r\n",
    "PASV\r\n",
    "RETR a file",
    "\n",
)
SERVER_LINES = (
    "227 Entering Passive Mode (10,2,0,2,{high},{low}).\r\n",
    "227 Entering Passive Mode 10,2,0,2,{high},{low}\r\n",
    "227 =10,2,0,2,{high},{low}",
    "227 Entering Passive Mode (10,2,0,9,{high},{low}).\r\n",
    "227 no numbers\r\n",
    "227 4 u\r\n",
    "227-10,2,0,2,{high},{low}\r\n",
    "22",
    "227 ",
    "229 Entering Extended Passive Mode (|||{port}|)\r\n",
    "229 Extended (!!!{port}!)\r\n",
    "229 Extended (|||0|)\r\n",
    "229 Extended (|||{port})\r\n",
    "229 Extended (||{port}|)\r\n",
    "229 Extended (\r\n",
    "229 Extended |||{port}|\r\n",
    "229 Extended (",
    "220 ready\r\n",
    "150 going\r\n",
)


class Agreements:
    """Draws one packet after another."""

    def __init__(self, seed: int) -> None:
        self.chance = chance = Random(seed)
        self.client = chance.randrange(1024, 60000)
        self.next = [chance.getrandbits(32), chance.getrandbits(32)]  # sequence numbers
        self.ports = [chance.randrange(1, 60000) for _ in range(2)]
        self.opening: list[int] = [SYN, SYN | ACK, ACK]
        self.said: list[Said] = []

    def packet(self) -> Said:
        """From which side, and what."""
        chance = self.chance
        kinds = (self._control, self._data, self._tftp, self._again)
        said = chance.choices(kinds, (12, 5, 2, 1))[0]()
        self.said.append(said)
        return said

    def _control(self) -> Said:
        if self.opening:
            flags = self.opening.pop(0)
            side = int(flags == SYN | ACK)
            return self._say(side, flags, b"", self.next[side] - (flags != ACK))
        chance = self.chance
        side = chance.randrange(2)
        line = chance.choice((CLIENT_LINES, SERVER_LINES)[side if chance.random() < 0.95 else 1 - side])
        port = chance.choice(self.ports)
        data = line.format(high=port >> 8, low=port & 255, port=port).encode()
        said = self._say(side, ACK, data, self.next[side] + chance.choice((0,) * 15 + (1,)))
        if chance.random() < 0.9:
            self.next[side] = self.next[side] + len(data) & 0xFFFFFFFF
        return said

    def _say(self, side: int, flags: int, data: bytes, seq: int) -> Said:
        ports = (self.client, FTP) if side == 0 else (FTP, self.client)
        ack = self._acknowledged(side) if flags & ACK else 0
        fields = TcpHeader(*ports, seq=seq & 0xFFFFFFFF, ack=ack, flags=flags, window=60000)
        return in_ip(side, tcp.build(fields, data, ADDRESSES[side], ADDRESSES[1 - side]), IPPROTO_TCP)

    def _acknowledged(self, side: int) -> int:
        return self.next[1 - side]

    def _data(self) -> Said:
        """A connection that was agreed on, or not."""
        chance, side = self.chance, self.chance.randrange(2)
        here, there = chance.choice((SERVER_DATA, 1025)), chance.choice(self.ports)
        ports = (here, there) if chance.random() < 0.7 else (there, here)
        flags = chance.choice((SYN, SYN, SYN | ACK, ACK, RST, FIN | ACK))
        fields = TcpHeader(*ports, seq=7, ack=9 if flags & ACK else 0, flags=flags, window=60000)
        return in_ip(side, tcp.build(fields, b"", ADDRESSES[side], ADDRESSES[1 - side]), IPPROTO_TCP)

    def _tftp(self) -> Said:
        chance = self.chance
        side = int(chance.random() < 0.4)
        here, there = chance.choice((3000, 3001)), chance.choice((TFTP, 4000, 4001))
        ports = (here, there) if side == 0 else (there, here)
        code = chance.choice((1, 1, 2, 3, 4, 5))
        payload = (code.to_bytes(2, "big") + b"name\0octet\0")[: chance.choice((1, 2, 20, 20, 20))]
        packet = udp.build(*ports, payload, ADDRESSES[side], ADDRESSES[1 - side])
        return in_ip(side, packet, IPPROTO_UDP)

    def _again(self) -> Said:
        return self.chance.choice(self.said) if self.said else self._control()


# --- across NAT ---------------------------------------------------------------------------------------------

SEEN_AS = "10.2.0.123"  # the client, by the server: an address that is longer in letters
NAT = f"""
ip addr add {SEEN_AS}/32 dev ct2
iptables -A INPUT -d {SEEN_AS} -j DROP
iptables -t nat -A POSTROUTING -o ct2 -j SNAT --to-source {SEEN_AS}
"""
_CHECKS = {IPPROTO_TCP: 16, IPPROTO_UDP: 6}  # where a segment's sum is


class Translated(Agreements):
    """The server sees another client, and each end counts as it has heard."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.heard = [0, 0]  # what each side acknowledges

    def packet(self) -> Said:
        """What the server says goes to the address that it sees."""
        side, packet = super().packet()
        if side == 0:
            return side, packet
        protocol, segment = packet[9], bytearray(packet[20:])
        at = _CHECKS[protocol]
        segment[at : at + 2] = bytes(2)
        pseudo = pseudo_header_sum(ADDRESSES[1], ip(SEEN_AS), protocol, len(segment))
        check = 0xFFFF ^ add(pseudo, ones_sum(bytes(segment)))
        segment[at : at + 2] = check.to_bytes(2, "big")
        return side, datagram(bytes(segment), protocol, src=ADDRESSES[1], dst=ip(SEEN_AS))

    def hear(self, side: int, packet: bytes) -> None:
        """A side gets a packet."""
        sport, dport, seq, _, offset, flags, *_ = tcp.HEADER.unpack_from(packet.ljust(60, b"\0"), 20)
        length = len(packet) - 20 - (offset >> 4) * 4 + bool(flags & SYN)
        if packet[9] == IPPROTO_TCP and FTP in (sport, dport) and length:
            self.heard[side] = seq + length & 0xFFFFFFFF

    def _acknowledged(self, side: int) -> int:
        return self.heard[side]
