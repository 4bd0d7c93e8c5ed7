"""CRC-32C against the values of RFC 3720 appendix B.4."""

import pytest

from pystack.wire.crc32c import crc32c


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(reversed(range(32))), 0x113FDB5C),
        (b"123456789", 0xE3069283),
        (b"", 0),
    ],
)
def test_known_values_come_out(data: bytes, value: int) -> None:
    assert crc32c(data) == value
