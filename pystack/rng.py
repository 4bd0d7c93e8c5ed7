"""Deterministic randomness: everything a host draws comes from one seed (PCG-XSH-RR, O'Neill 2014)."""

from __future__ import annotations

_MULTIPLIER = 6364136223846793005
_INCREMENT = 1442695040888963407
_MASK64 = (1 << 64) - 1


class Rng:
    """A small generator that is the same on every Python; not for secrets unless the seed is one."""

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        self._state = 0
        self.u32()
        self._state = (self._state + seed) & _MASK64
        self.u32()

    def u32(self) -> int:
        """32 random bits."""
        state = self._state
        self._state = (state * _MULTIPLIER + _INCREMENT) & _MASK64
        word = ((state >> 18 ^ state) >> 27) & 0xFFFFFFFF
        turn = state >> 59
        return (word >> turn | word << (32 - turn)) & 0xFFFFFFFF

    def below(self, limit: int) -> int:
        """A number in [0, limit), by multiplication as Linux's get_random_u32_below()."""
        return self.u32() * limit >> 32

    def octets(self, length: int) -> bytes:
        """That many random octets."""
        words = [self.u32() for _ in range((length + 3) // 4)]
        return b"".join(word.to_bytes(4, "big") for word in words)[:length]

    def mac(self) -> bytes:
        """A random station address, locally administered.

        Linux: include/linux/etherdevice.h eth_random_addr()
        """
        drawn = bytearray(self.octets(6))
        drawn[0] = drawn[0] & 0xFE | 0x02
        return bytes(drawn)
