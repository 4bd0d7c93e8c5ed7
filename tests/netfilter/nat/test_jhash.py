"""The hash that spreads connections is the kernel's."""

import pytest

from pystack.netfilter.nat.jhash import jhash_words
from tests.frames import ip


def spread(source: str, destination: str, low: str, high: str) -> int:
    """As the kernel does it for an address range."""
    words = (int.from_bytes(ip(source).to_bytes(4, "big"), "little"), 0, 0, 0)
    start = int.from_bytes(ip(destination).to_bytes(4, "big"), "little")
    return ip(low) + (jhash_words(words, start) * (ip(high) - ip(low) + 1) >> 32)


MEASURED = {
    ("10.1.0.2", "10.2.0.2"): "10.2.0.24",
    ("10.1.0.2", "10.2.0.3"): "10.2.0.27",
    ("10.1.0.3", "10.2.0.2"): "10.2.0.21",
    ("10.1.0.3", "10.2.0.3"): "10.2.0.20",
    ("10.1.0.4", "10.2.0.3"): "10.2.0.28",
    ("10.1.0.5", "10.2.0.2"): "10.2.0.21",
    ("10.1.0.6", "10.2.0.3"): "10.2.0.26",
}


@pytest.mark.parametrize(("ends", "chosen"), MEASURED.items())
def test_an_address_range_is_spread_as_the_kernel_spreads_it(ends: tuple[str, str], chosen: str) -> None:
    source, destination = ends
    assert spread(source, destination, "10.2.0.20", "10.2.0.29") == ip(chosen)


def test_every_length_has_its_own_hash() -> None:
    assert len({jhash_words((1,) * length, 0) for length in range(9)}) == 9
