"""Rules that iptables-translate made of rules of iptables count the packets that their originals count."""

import pytest

from pystack.wire import icmp, tcp, udp
from pystack.wire.tcp import TcpHeader
from tests.frames import ALICE_IP, ALICE_MAC, BOB_IP, OUR_MAC, datagram, ip, packet_frame
from tests.netfilter.nft.router import Router

# What `iptables-translate -t mangle -A FORWARD …` of iptables 1.8.9 prints behind the chain.
TRANSLATED = {
    "-p tcp --dport 22": "tcp dport 22 counter",
    "-p tcp -m multiport --dports 22,80:90": "ip protocol tcp tcp dport { 22, 80-90 } counter",
    "-p udp --sport 1000:2000": "udp sport 1000-2000 counter",
    "-s 10.0.0.0/24 -d 10.0.1.2": "ip saddr 10.0.0.0/24 ip daddr 10.0.1.2 counter",
    "! -s 10.0.0.2": "ip saddr != 10.0.0.2 counter",
    "-i eth0 -o eth1": 'iifname "eth0" oifname "eth1" counter',
    "-i eth+": 'iifname "eth*" counter',
    "-f": "ip frag-off & 0x1fff != 0 counter",
    "-m conntrack --ctstate NEW,ESTABLISHED": "ct state new,established counter",
    "-m state --state INVALID": "ct state invalid counter",
    "-m connmark --mark 0": "ct mark 0x0 counter",
    "-p icmp --icmp-type echo-request": "icmp type echo-request counter",
    "-m limit --limit 3/min --limit-burst 2": "limit rate 3/minute burst 2 packets counter",
    "-m mark --mark 0x0/0xff": "mark and 0xff == 0x0 counter",
    "-p tcp --tcp-flags SYN,ACK SYN": "tcp flags syn / syn,ack counter",
    "-p tcp --syn": "tcp flags syn / fin,syn,rst,ack counter",
    "-p tcp --tcp-option 8": "tcp option 8 exists counter",
    "-p tcp -m tcpmss --mss 1000:1460": "ip protocol tcp tcp option maxseg size 1000-1460 counter",
    "-m ttl --ttl-lt 10": "ip ttl lt 10 counter",
    "-m pkttype --pkt-type host": "pkttype host counter",
    "-m addrtype --src-type UNICAST": "fib saddr type unicast counter",
    "-m dscp --dscp 10": "ip dscp 0x0a counter",
    "-m length --length 40:60": "meta length 40-60 counter",
    "-m iprange --src-range 10.0.0.1-10.0.0.5": "ip saddr 10.0.0.1-10.0.0.5 counter",
    "-m mac --mac-source 02:00:00:00:00:01": "ether saddr 02:00:00:00:00:01 counter",
    "-m quota --quota 100": "quota 100 bytes counter",
    "-p esp -m esp --espspi 5": "esp spi 5 counter",
    "-m comment --comment hi": 'counter comment "hi"',
}
OPTIONS = bytes.fromhex("020405b4") + bytes.fromhex("080a000000010000000201010000")[:12]


def packets() -> list[bytes]:
    """Of many kinds, from Alice and another to Bob."""
    datagrams = [udp.build(sport, dport, b"hello", ALICE_IP, BOB_IP) for sport, dport in ((1000, 53), (5, 6))]
    segments = [
        tcp.build(TcpHeader(1000, dport, flags=flags, options=options), b"", ALICE_IP, BOB_IP)
        for dport, flags, options in (
            (22, tcp.SYN, OPTIONS),
            (85, tcp.SYN | tcp.ACK, b""),
            (99, tcp.ACK, bytes.fromhex("02040200")),
            (22, tcp.RST | tcp.ACK, b""),
        )
    ]
    bodies = [
        *((17, body) for body in datagrams),
        *((6, body) for body in segments),
        (1, icmp.build(icmp.ICMP_ECHO, 0, 7, 1, b"ping")),
        (50, bytes.fromhex("0000000500000001")),
        (50, bytes.fromhex("0000000600000001")),
    ]
    whole = [datagram(body, kind, dst=BOB_IP) for kind, body in bodies]
    special = [
        datagram(datagrams[0], 17, dst=BOB_IP, ttl=5, tos=0x28),
        datagram(datagrams[0], 17, dst=BOB_IP, tos=0x01),
        datagram(bytes(24), 17, dst=BOB_IP, frag_off=9),
        datagram(udp.build(1, 2, bytes(30), ip("10.0.0.9"), BOB_IP), 17, src=ip("10.0.0.9"), dst=BOB_IP),
    ]
    return [packet_frame(packet, OUR_MAC, ALICE_MAC) for packet in (*whole, *special)]


@pytest.mark.parametrize(("original", "translated"), TRANSLATED.items())
def test_both_count_the_same_packets(original: str, translated: str) -> None:
    router = Router(
        "table ip t { chain c { type filter hook forward priority mangle + 1;\n" + translated + "\n} ; }"
    )
    router.setup(f"iptables -t mangle -A FORWARD {original}")
    for frame in packets():
        router.send(router.eth0, frame)
    table = router.ns.tables.get("nft", "mangle") or router.ns.tables.get("legacy", "mangle")
    assert table is not None
    ((rule,), (counted,)) = table.chains["FORWARD"].rules, router.counted()
    assert counted == rule.packets
    assert counted > 0
