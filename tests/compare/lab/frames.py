"""Frames for the labs' tests, written as bytes: the labs must not need pystack's own builders."""

BROADCAST = bytes([0xFF] * 6)
HOST_A = bytes.fromhex("02aa00000001")
HOST_B = bytes.fromhex("02aa00000002")
EXPERIMENTAL = bytes.fromhex("88b5")  # an EtherType that no kernel handles


def frame(destination: bytes, source: bytes, payload: bytes = bytes(46)) -> bytes:
    return destination + source + EXPERIMENTAL + payload


def ours(frames: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Only what a test sent: the kernel's own IGMP reports come when they like."""
    return [(port, data) for port, data in frames if data[12:14] == EXPERIMENTAL]


def arp_reply_to(request: bytes, address: bytes) -> bytes | None:
    """What a host with that MAC address answers, whatever it is asked for."""
    if request[12:14] != b"\x08\x06" or request[20:22] != b"\x00\x01":
        return None
    asker, sender, target = request[22:28], request[28:32], request[38:42]
    return asker + address + request[12:20] + b"\x00\x02" + address + target + asker + sender


def echo_reply_to(request: bytes) -> bytes | None:
    """The same packet back, as an echo reply, its checksum changed by what the type changed."""
    if request[12:14] != b"\x08\x00" or request[23] != 1 or request[34] != 8:
        return None
    checksum = int.from_bytes(request[36:38], "big") + 0x0800
    checksum = (checksum & 0xFFFF) + (checksum >> 16)
    ip = request[14:26] + request[30:34] + request[26:30]
    return (
        request[6:12]
        + request[:6]
        + request[12:14]
        + ip
        + b"\0\0"
        + checksum.to_bytes(2, "big")
        + request[38:]
    )
