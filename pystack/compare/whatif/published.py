"""Which ports a host publishes by translating: `-j DNAT`, `-j REDIRECT`, and `dnat` and `redirect` of nft.

Read off the rules as a setup writes them. A port that is found and is none is asked about in vain, and
nothing is told of it: it fares the same before and after.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from pystack.hooks.imported.sockets import ANY, Listening

_IPTABLES: Final = re.compile(r"^iptables(?:-legacy|-nft)? -t nat .*-j (DNAT|REDIRECT)(?: --to\S* (\S+))?")
_PROTOCOL: Final = re.compile(r"(?<!! )-p (tcp|udp)\b")
_PORTS: Final = re.compile(r"(?<!! )--dports? (\S+)")
_ADDRESS: Final = re.compile(r"(?<!! )-d ([\d.]+)(?:/32)? ")

_NFT: Final = re.compile(r"^add rule (?:ip|inet) \S+ \S+ (.*)$")
_NFT_ELEMENTS: Final = re.compile(r"^add element \S+ \S+ (\S+) (\{.*\})$")
_NFT_TRANSLATES: Final = re.compile(r"\b(dnat|redirect)(?: ip)?(?: to (\S+))?")
_NFT_PORTS: Final = re.compile(r"\b(tcp|udp) dport (?:map )?(@\S+|\{[^}]*\}|\d\S*)")
_NFT_ADDRESS: Final = re.compile(r"\bip daddr ([\d.]+)(?= )")

_FIRST_NUMBER: Final = re.compile(r"\d+")


def published(rules: Iterable[str]) -> Iterator[Listening]:
    """As if something listened there, each once; of a range of ports its first stands for all."""
    sets: dict[str, str] = {}
    seen = set()
    for line in rules:
        text = shlex.split(line)[-1] if line.startswith("nft ") else ""
        elements = _NFT_ELEMENTS.match(text)
        if elements is not None:
            sets["@" + elements[1]] = sets.get("@" + elements[1], "") + elements[2]
        for one in _of_nft(text, sets) if text else _of_iptables(line):
            if one not in seen:
                seen.add(one)
                yield one


def _of_iptables(line: str) -> Iterator[Listening]:
    rule, protocol, ports = _IPTABLES.search(line), _PROTOCOL.search(line), _PORTS.search(line)
    if rule is None or protocol is None or ports is None:
        return
    address = _ADDRESS.search(line)
    for port in _first_numbers(ports[1]):
        where = ANY if address is None else address[1]
        yield Listening(protocol[1], where, port, process=_words(rule[1], rule[2]))


def _of_nft(text: str, sets: Mapping[str, str]) -> Iterator[Listening]:
    rule = _NFT.match(text)
    kind, ports = _NFT_TRANSLATES.search(text), _NFT_PORTS.search(text)
    if rule is None or kind is None or ports is None:
        return
    address = _NFT_ADDRESS.search(text)
    is_plain = kind[2] is not None and ports.start() < kind.start()
    for port in _first_numbers(sets.get(ports[2], ports[2])):
        where = ANY if address is None else address[1]
        yield Listening(ports[1], where, port, process=_words(kind[1], kind[2] if is_plain else None))


def _first_numbers(ports: str) -> Iterator[int]:
    """Of `80`, `53,100:110`, `{ 22, 2222-2225 }`, `{ 25 : 10.0.0.8 }`."""
    for item in ports.split(","):
        found = _FIRST_NUMBER.search(item)
        if found is not None:
            yield int(found[0])


def _words(kind: str, target: str | None) -> str:
    return kind.upper() + (f" to {target}" if target else "")
