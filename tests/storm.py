"""Hostile traffic: frames of every shape that a station can put on a wire, and then a few octets changed."""

import random
from struct import pack

from pystack.wire.checksum import checksum
from pystack.wire.ethernet import BROADCAST, ETH_P_ARP, ETH_P_IP, header
from pystack.wire.virtio import GSO_TCPV4, GSO_UDP_L4, NEEDS_CSUM, NONE, Offload

STATIONS = [bytes.fromhex("02aa0000") + number.to_bytes(2, "big") for number in range(12)]
GROUPS = [BROADCAST, *(bytes.fromhex(f"0180c20000{octet:02x}") for octet in (0, 1, 2, 3, 14, 15, 16))]
GROUPS += [bytes.fromhex("01005e000001"), bytes.fromhex("333300000001")]
TYPES = [0x0800, 0x0806, 0x86DD, 0x8100, 0x88A8, 0x8808, 0x88CC, 0x0026, 0x0000, 0x88B5, 0x8035]


class Storm:
    """An endless source of frames from one seed; `own` are the addresses of the host that is stormed."""

    def __init__(self, seed: int, own: list[bytes], addresses: list[int]) -> None:
        self.random = random.Random(seed)
        self.own = own
        self.addresses = addresses
        self.kinds = [self._arp, self._icmp, self._udp, self._tcp, self._fragment, self._noise, self._short]

    def frame(self) -> bytes:
        chance = self.random
        data = chance.choice(self.kinds)()
        if chance.random() < 0.5 and data:
            changed = bytearray(data)
            for _ in range(chance.randint(1, 4)):
                changed[chance.randrange(len(changed))] = chance.randrange(256)
            data = bytes(changed)
        if chance.random() < 0.1:
            data = data[: chance.randrange(len(data) + 1)]
        return data

    def offload(self) -> Offload:
        """Mostly none; else what a hostile driver may claim of a frame."""
        chance = self.random
        if chance.random() < 0.95:
            return NONE
        return Offload(
            flags=chance.choice((0, NEEDS_CSUM, 0xFF)),
            gso_type=chance.choice((0, GSO_TCPV4, GSO_UDP_L4, 0x80, 77)),
            hdr_len=chance.choice((0, 34, 54, 65535)),
            gso_size=chance.choice((0, 1, 536, 1448, 65535)),
            csum_start=chance.choice((0, 14, 34, 65535)),
            csum_offset=chance.choice((0, 2, 16, 65535)),
        )

    # --- shapes -----------------------------------------------------------------------------------------

    def _station(self) -> bytes:
        chance = self.random
        if chance.random() < 0.1:
            return b"\x02\xcc" + chance.randbytes(4)
        return chance.choice(STATIONS)

    def _ether(self, kind: int) -> bytes:
        chance = self.random
        destination = chance.choice((chance.choice(self.own), chance.choice(GROUPS), self._station()))
        return header(destination, self._station(), kind)

    def _address(self) -> int:
        chance = self.random
        return chance.choice(
            (chance.choice(self.addresses), chance.getrandbits(32), 0x0A000000 + chance.randrange(256))
        )

    def _arp(self) -> bytes:
        fields = pack("!HHBBH", 1, ETH_P_IP, 6, 4, self.random.choice((1, 1, 2, 3)))
        sender = self._station() + self._address().to_bytes(4, "big")
        return self._ether(ETH_P_ARP) + fields + sender + self._station() + self._address().to_bytes(4, "big")

    def _ip(self, protocol: int, payload: bytes, fragment: int = 0, options: bytes = b"") -> bytes:
        length = 20 + len(options)
        start = pack("!BBHHHBBH", 0x40 | length // 4, 0, length + len(payload), 7, fragment, 64, protocol, 0)
        rest = pack("!II", self._address(), self._address()) + options
        check = checksum(start + rest)
        return self._ether(ETH_P_IP) + start[:10] + check.to_bytes(2, "big") + rest + payload

    def _icmp(self) -> bytes:
        kind = self.random.choice((8, 8, 0, 3, 5, 11, 13))
        body = pack("!HH", 1, 1) + self.random.randbytes(self.random.randrange(64))
        check = checksum(pack("!BBH", kind, 0, 0) + body)
        options = self.random.choice((b"", b"", b"\x07\x07\x04" + bytes(5), self.random.randbytes(8)))
        return self._ip(1, pack("!BBH", kind, 0, check) + body, options=options)

    def _udp(self) -> bytes:
        payload = self.random.randbytes(self.random.randrange(64))
        return self._ip(17, pack("!HHHH", 53, 53, 8 + len(payload), 0) + payload)

    def _tcp(self) -> bytes:
        return self._ip(6, pack("!HHIIBBHHH", 1024, 80, 1, 0, 0x50, 2, 1024, 0, 0))

    def _fragment(self) -> bytes:
        return self._ip(17, self.random.randbytes(24), fragment=self.random.choice((0x2000, 0x0003, 0x2003)))

    def _noise(self) -> bytes:
        return self._ether(self.random.choice(TYPES)) + self.random.randbytes(self.random.randrange(80))

    def _short(self) -> bytes:
        return self.random.randbytes(self.random.randrange(34))
