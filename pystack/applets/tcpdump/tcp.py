"""TCP headers: flags, numbers counted from the start of the conversation, window, options.

Linux differs: tcpdump decodes what some ports carry (HTTP, SSH, DNS …); here every payload is a length.
"""

from __future__ import annotations

from typing import Final

from pystack.applets.tcpdump.dump import visible
from pystack.applets.tcpdump.page import Carrier, Cut, Page, flags_text, residue, should_be, unsigned
from pystack.applets.tcpdump.pseudo_header import pseudo_header
from pystack.applets.tcpdump.tcp_options import print_options
from pystack.applets.tcpdump.udp import addresses
from pystack.wire.ipv4 import IPPROTO_TCP
from pystack.wire.tcp import ACK, CWR, ECE, FIN, HEADER_LENGTH, PSH, RST, SYN, URG

FLAGS: Final = {FIN: "F", SYN: "S", RST: "R", PSH: "P", ACK: ".", URG: "U", ECE: "E", CWR: "W"}
MAX_RESET_TEXT: Final = 30


def print_tcp(page: Page, at: int, length: int, carrier: Carrier) -> None:
    """tcpdump: print-tcp.c tcp_print()"""
    page.protocol = "tcp"
    if not page.has(at + 2, 2):
        text = addresses(page, carrier, carrier.protocol)
        page.say(text.removesuffix(" "))
        return page.truncated()
    ports = (page.tcp_port(page.u16(at)), page.tcp_port(page.u16(at + 2)))
    page.say(addresses(page, carrier, IPPROTO_TCP, ports))
    if not page.has(at, HEADER_LENGTH):
        return page.truncated()
    hlen = (page.u8(at + 12) >> 4) * 4
    if hlen < HEADER_LENGTH:
        rest = unsigned(length - hlen)
        return page.say(f" tcp {rest} [bad hdr length {hlen} - too short, < {HEADER_LENGTH}]")
    if page.look.q:
        page.say(f"tcp {unsigned(length - hlen)}")
        return page.say(_too_long(hlen, length))
    flags = page.u8(at + 13)
    page.say(f"Flags [{flags_text(FLAGS, flags, '')}]")
    numbers = _relative(page, at, flags, carrier)
    if hlen > length:
        return page.say(_too_long(hlen, length))
    if page.look.v and not page.look.K and not carrier.fragmented:
        _print_checksum(page, at, length, carrier)
    length -= hlen
    _print_numbers(page, at, length, flags, numbers)
    if hlen > HEADER_LENGTH and not print_options(page, at + HEADER_LENGTH, hlen, numbers.sack_base):
        return
    page.say(f", length {length}")
    if length:
        _print_payload(page, at, hlen, length, flags)


class Numbers:
    """Sequence and acknowledgement as they are shown, and what SACK blocks are counted from."""

    __slots__ = ("ack", "sack_base", "seq")

    def __init__(self, seq: int, ack: int, sack_base: int) -> None:
        self.seq = seq
        self.ack = ack
        self.sack_base = sack_base


def _relative(page: Page, at: int, flags: int, carrier: Carrier) -> Numbers:
    """Count from the first segment seen of the conversation, in each direction; one entry serves both."""
    seq, ack = page.u32(at + 4), page.u32(at + 8)
    if page.look.S or not flags & ACK:
        return Numbers(seq, ack, 0)
    offset, size = (12, 4) if carrier.version == 4 else (8, 16)
    source = page.octets(carrier.at + offset, size)
    destination = page.octets(carrier.at + offset + size, size)
    sport, dport = page.u16(at), page.u16(at + 2)
    is_reverse = sport > dport or (sport == dport and source > destination)
    if is_reverse:
        key = (destination, source, dport << 16 | sport)
    else:
        key = (source, destination, sport << 16 | dport)
    flows = page.memory.flows
    known = flows.get(key)
    if known is None or flags & SYN:
        first, second = (unsigned(ack - 1), seq) if is_reverse else (seq, unsigned(ack - 1))
        flows[key] = (first, second)
    else:
        first, second = known
        mine, theirs = (second, first) if is_reverse else (first, second)
        seq, ack = unsigned(seq - mine), unsigned(ack - theirs)
    return Numbers(seq, ack, first if is_reverse else second)


def _print_checksum(page: Page, at: int, length: int, carrier: Carrier) -> None:
    if not page.has(at, length):
        return
    check = page.u16(at + 16)
    page.say(f", cksum 0x{check:04x}")
    wrong_by = residue(pseudo_header(page, carrier, length, IPPROTO_TCP), page.octets(at, length))
    page.say(f" (incorrect -> 0x{should_be(check, wrong_by):04x})" if wrong_by else " (correct)")


def _print_numbers(page: Page, at: int, length: int, flags: int, numbers: Numbers) -> None:
    if page.look.v > 1 or length > 0 or flags & (SYN | FIN | RST):
        page.say(f", seq {numbers.seq}")
        if length > 0:
            page.say(f":{unsigned(numbers.seq + length)}")
    if flags & ACK:
        page.say(f", ack {numbers.ack}")
    page.say(f", win {page.u16(at + 14)}")
    if flags & URG:
        page.say(f", urg {page.u16(at + 18)}")


def _print_payload(page: Page, at: int, hlen: int, length: int, flags: int) -> None:
    if not page.has(at, hlen):
        page.say(f" [remaining caplen({page.left(at)}) < header length({hlen})]")
        raise Cut
    if not flags & RST or not page.look.v:
        return
    start = at + hlen
    page.say(" [RST" if page.has(start, length) else " [!RST")
    if length > MAX_RESET_TEXT:
        page.say("+")
    shown = page.data[start : min(start + min(length, MAX_RESET_TEXT), page.end)]
    page.say(" " + "".join(visible(octet) for octet in shown) + "]")


def _too_long(hlen: int, length: int) -> str:
    return f" [bad hdr length {hlen} - too long, > {length}]" if hlen > length else ""
