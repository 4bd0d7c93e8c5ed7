"""Packets of any kind cross rules with every match and target there is, and nothing breaks."""

import random

from pystack.applets import virtual
from pystack.applets.virtual import run_setup
from pystack.wire import icmp, tcp, udp
from pystack.wire.ipv4 import Ipv4Header, build
from pystack.wire.tcp import TcpHeader
from tests.box import Box
from tests.conftest import FULL
from tests.frames import ALICE_MAC, OUR_MAC, ethernet, ip

CASES = 1_000_000 if FULL else 3_000
MATCHES = """
-m addrtype --src-type UNICAST --dst-type LOCAL
-p ah -m ah --ahspi 1:500
-m comment --comment x
-m conntrack --ctstate NEW,RELATED
-m connlimit --connlimit-above 3
-m connmark --mark 7
-m cpu --cpu 0
-m devgroup --src-group 0
-m dscp --dscp 5
-p esp -m esp --espspi 1:500
-m hashlimit --hashlimit-upto 5/sec --hashlimit-mode srcip,dstport --hashlimit-name h
-m hashlimit --hashlimit-above 1kb/s --hashlimit-mode dstip --hashlimit-dstmask 30 --hashlimit-name b
-m helper --helper ftp
-p icmp -m icmp --icmp-type 3/1
-m iprange --src-range 10.0.0.0-10.0.0.9
-m length --length 20:60
-m limit --limit 5/sec
-m mac --mac-source 02:00:00:00:00:01
-m mark --mark 5
-p tcp -m multiport --ports 1,2,3:9
-p udp -m multiport --dports 53
-m physdev --physdev-in p1
-m pkttype --pkt-type unicast
-m quota --quota 5000
-m recent --update --seconds 5 --hitcount 2 --rttl
-m bpf --bytecode "4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0"
-m recent --set
-p sctp -m sctp --chunk-types all DATA:UB,INIT
-p sctp -m sctp --dport 5
-m set --match-set hosts src
-m set --match-set nets src,dst --return-nomatch
-m set --match-set services src,dst ! --update-counters
-m state --state INVALID,UNTRACKED
-m statistic --mode nth --every 3 --packet 0
-m statistic --mode random --probability 0.5
-m string --string ab --algo bm --icase
-p tcp -m tcp --tcp-option 2 --tcp-flags SYN,ACK SYN
-p tcp -m tcpmss --mss 5:1000
-m time --weekdays Mon,Thu
-m tos --tos 0x10
-m ttl --ttl-gt 5
-m u32 --u32 "0>>22&0x3C@0>>16=0:500&&6&0xFF=1:17"
-p udp -m udp --sport 1:500
-f
"""
TARGETS = """
-t raw -A PREROUTING -m rpfilter --loose --invert
-t raw -A PREROUTING -m statistic --mode random --probability 0.1 -j TRACE
-t raw -A PREROUTING -m statistic --mode random --probability 0.1 -j NOTRACK
-t raw -A PREROUTING -p tcp --dport 5 -j CT --helper ftp
-t mangle -A PREROUTING -j CONNMARK --set-mark 7
-t mangle -A POSTROUTING -j CLASSIFY --set-class 1:1
-t nat -A PREROUTING -p tcp -m statistic --mode random --probability 0.3 -j DNAT --to-destination 10.0.1.2:5
-t nat -A POSTROUTING -o p2 -m statistic --mode random --probability 0.5 -j MASQUERADE
-t mangle -A PREROUTING -m statistic --mode random --probability 0.3 -j TOS --set-tos 0x10
-t mangle -A PREROUTING -m statistic --mode random --probability 0.3 -j DSCP --set-dscp 3
-t mangle -A PREROUTING -m statistic --mode random --probability 0.3 -j TTL --ttl-set 9
-t mangle -A PREROUTING -m statistic --mode random --probability 0.3 -j MARK --set-mark 5
-t mangle -A PREROUTING -j CHECKSUM --checksum-fill
-t mangle -A FORWARD -p tcp --tcp-flags SYN SYN -j TCPMSS --set-mss 500
-t mangle -A FORWARD -m statistic --mode random --probability 0.1 -j TEE --gateway 10.0.1.9
-A INPUT -m realm --realm 0
-A INPUT -j SET --add-set hosts src --exist
-A INPUT -j SET --add-set services src,dst --timeout 3
-A INPUT -j SET --del-set nets dst
-A OUTPUT -m owner --socket-exists
-A INPUT -j NFLOG --nflog-group 1
-A INPUT -j LOG --log-tcp-options --log-tcp-sequence --log-ip-options --log-uid --log-macdecode
-A INPUT -p tcp -m statistic --mode random --probability 0.5 -j REJECT --reject-with tcp-reset
-A INPUT -m statistic --mode random --probability 0.5 -j REJECT
-A FORWARD -m statistic --mode random --probability 0.2 -j NFQUEUE --queue-bypass
"""
SETS = """
ipset create hosts hash:ip counters maxelem 64 forceadd timeout 5
ipset create nets hash:net
ipset add nets 10.0.0.0/25
ipset add nets 10.0.0.8/29 nomatch
ipset create services hash:ip,port counters timeout 9 maxelem 64
"""


def every_rule() -> str:
    matches = [line for line in MATCHES.splitlines() if line]
    chains = ("-A INPUT", "-A FORWARD", "-t mangle -A PREROUTING")
    rules = [f"{chain} {match}" for chain in chains for match in matches]
    return SETS + "".join(f"iptables {rule}\n" for rule in (*rules, *TARGETS.splitlines()) if rule)


def random_packet(rng: random.Random) -> bytes:
    source, destination = (
        ip(f"10.0.0.{rng.randrange(256)}"),
        ip(f"10.0.{rng.randrange(2)}.{rng.randrange(4)}"),
    )
    body = rng.randbytes(rng.randrange(80))
    kind = rng.choice((1, 1, 6, 6, 17, 17, 50, 51, 132, rng.randrange(256)))
    if kind == 6 and rng.random() < 0.7:
        options = rng.choice((b"", b"\2\4\5\xb4", b"\1\1\2\3", rng.randbytes(8)))[: rng.choice((0, 4, 8))]
        header = TcpHeader(rng.randrange(9), rng.randrange(9), flags=rng.randrange(256), options=options)
        body = tcp.build(header, body, source, destination)
    elif kind == 17 and rng.random() < 0.7:
        body = udp.build(rng.randrange(600), rng.randrange(60), body, source, destination)
    elif kind == 1 and rng.random() < 0.7:
        body = icmp.build(rng.randrange(20), rng.randrange(5), 0, 0, body)
    frag = rng.choice((0, 0, 0, 0, 1, 0x2000, 0x2001, 0x4000))
    head = Ipv4Header(
        source, destination, kind, ttl=rng.randrange(256), tos=rng.randrange(256), frag_off=frag
    )
    packet = bytearray(build(head, len(body)) + body)
    if rng.random() < 0.2:
        packet[rng.randrange(20, len(packet)) if len(packet) > 20 else 0] = rng.randrange(256)
    return bytes(packet[: rng.randrange(20, len(packet) + 1)] if rng.random() < 0.1 else packet)


def test_no_packet_breaks_a_rule_set_with_everything_in_it() -> None:
    box, rng = Box(), random.Random(60)
    inside = box.port("p1", OUR_MAC, "10.0.0.1/24")
    box.port("p2", b"\2\0\0\0\0\x55", "10.0.1.1/24")
    box.forward()
    assert run_setup(box.host, every_rule(), "rules") == []
    for number in range(CASES):
        box.send(inside, ethernet(random_packet(rng), 0x0800, to=OUR_MAC, sender=ALICE_MAC))
        if number % 100 == 0:
            box.advance(0.5)
    saved = virtual.run(["iptables-save", "-c"], box.host).out
    never = [line for line in saved.splitlines() if line.startswith("[0:0] -A INPUT -m")]
    cannot = ("devgroup", "mark", "physdev", "helper")
    assert never == [line for line in never if any(word in line for word in cannot)]
