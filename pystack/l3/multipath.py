"""Which of several next hops a flow takes: by a hash of what it is, so that it stays with one of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import Struct
from typing import Final

from pystack.l3.fib_trie import IgnoresLinkdown
from pystack.l3.fib_types import RTNH_F_DEAD, RTNH_F_LINKDOWN, FibInfo, Nexthop

NO_FLOWS: Final = -1
HASH_BITS: Final = 31

_WORD: Final = Struct("<Q")
_KEY_LENGTH: Final = 48
_PROTOCOL_AT: Final = 2
_PORTS_AT: Final = 28
_ADDRESSES_AT: Final = 36
_MASK: Final = 0xFFFFFFFFFFFFFFFF


def rebalance(info: FibInfo, ignores_linkdown: IgnoresLinkdown) -> None:
    """Share the hashes out by weight. Linux: net/ipv4/fib_semantics.c fib_rebalance()"""
    if len(info.nexthops) < 2 or info.object is not None:
        return
    for hop in info.nexthops:
        hop.upper_bound = NO_FLOWS
    share_out([hop for hop in info.nexthops if _takes_flows(hop, ignores_linkdown)])


def share_out(hops: Sequence[Nexthop]) -> None:
    """Linux: net/ipv4/nexthop.c nh_hthr_group_rebalance()"""
    total = sum(hop.weight for hop in hops)
    so_far = 0
    for hop in hops:
        so_far += hop.weight
        hop.upper_bound = ((so_far << HASH_BITS) + total // 2) // total - 1


def _takes_flows(hop: Nexthop, ignores_linkdown: IgnoresLinkdown) -> bool:
    if hop.flags & RTNH_F_DEAD:
        return False
    return not (hop.flags & RTNH_F_LINKDOWN and hop.dev is not None and ignores_linkdown(hop.dev))


def choose(
    info: FibInfo,
    hash_: int,
    saddr: int,
    is_good: Callable[[Nexthop], bool],
) -> Nexthop | None:
    """The hop for a flow: one that speaks with the flow's source, else the one that its hash belongs to.

    Linux: net/ipv4/fib_semantics.c fib_select_multipath()
    """
    best, chosen = -1, None
    for hop in info.nexthops:
        if hop.upper_bound == NO_FLOWS or not is_good(hop):
            continue
        score = 2 if saddr and hop.saddr == saddr else 0
        score += hash_ <= hop.upper_bound
        if score > best:
            best, chosen = score, hop
            if score == 3 or (score == 1 and not saddr):
                break
    return chosen


def choose_of_group(hops: Sequence[Nexthop], hash_: int, is_good: Callable[[Nexthop], bool]) -> Nexthop:
    """The hop of a nexthop object: a gateway that is known to be gone is always passed over.

    Linux: net/ipv4/nexthop.c nexthop_select_path_hthr()
    """
    good = [hop for hop in hops if is_good(hop)]
    return next((hop for hop in good if hash_ <= hop.upper_bound), (good or hops)[0])


def flow_hash(seed: int, saddr: int, daddr: int, proto: int = 0, sport: int = 0, dport: int = 0) -> int:
    """The number of a flow, the same for both directions.

    Bit for bit the kernel's, given its seed: what is hashed is its struct flow_keys, in which both ends are
    put in order as numbers of a little-endian machine. Linux: net/core/flow_dissector.c
    flow_hash_from_keys()
    """
    key = bytearray(_KEY_LENGTH)
    key[_PROTOCOL_AT] = proto
    ports = sorted((sport.to_bytes(2, "big"), dport.to_bytes(2, "big")), key=_as_little)
    addresses = sorted((saddr.to_bytes(4, "big"), daddr.to_bytes(4, "big")), key=_as_little)
    key[_PORTS_AT : _PORTS_AT + 4] = b"".join(ports)
    key[_ADDRESSES_AT : _ADDRESSES_AT + 8] = b"".join(addresses)
    half = seed << 32 | seed
    return (siphash(half, half, bytes(key)) & 0xFFFFFFFF or 1) >> 1


def _as_little(octets: bytes) -> int:
    return int.from_bytes(octets, "little")


def siphash(key0: int, key1: int, data: bytes) -> int:
    """SipHash-2-4 (Aumasson, Bernstein). Linux: lib/siphash.c siphash()"""
    state = [
        key0 ^ 0x736F6D6570736575,
        key1 ^ 0x646F72616E646F6D,
        key0 ^ 0x6C7967656E657261,
        key1 ^ 0x7465646279746573,
    ]
    padded = data + bytes(7 - len(data) % 8) + bytes((len(data) & 0xFF,))
    for (word,) in _WORD.iter_unpack(padded):
        state[3] ^= word
        _round(state, 2)
        state[0] ^= word
    state[2] ^= 0xFF
    _round(state, 4)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _round(state: list[int], times: int) -> None:
    v0, v1, v2, v3 = state
    for _ in range(times):
        v0 = v0 + v1 & _MASK
        v1 = _rotated(v1, 13) ^ v0
        v0 = _rotated(v0, 32)
        v2 = v2 + v3 & _MASK
        v3 = _rotated(v3, 16) ^ v2
        v0 = v0 + v3 & _MASK
        v3 = _rotated(v3, 21) ^ v0
        v2 = v2 + v1 & _MASK
        v1 = _rotated(v1, 17) ^ v2
        v2 = _rotated(v2, 32)
    state[:] = v0, v1, v2, v3


def _rotated(word: int, bits: int) -> int:
    return (word << bits | word >> (64 - bits)) & _MASK
