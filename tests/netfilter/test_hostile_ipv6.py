"""Bridged IPv6 of any kind crosses rules with every match and target there is for it, and nothing breaks."""

import random

from pystack.applets import virtual
from pystack.applets.virtual import run_setup
from pystack.host import Host
from pystack.wire import ipv6
from pystack.wire.ipv6 import Ipv6Header
from tests.conftest import FULL
from tests.frames import ALICE_MAC, BOB_MAC, ethernet

CASES = 100_000 if FULL else 1_500
MATCHES = """
-m ah --ahspi 1:500 --ahlen 12 --ahres
-m ah
-m comment --comment x
-m cpu --cpu 0
-m devgroup --src-group 0
-m dscp --dscp 5
-p esp -m esp --espspi 1:500
-m hashlimit --hashlimit-upto 5/sec --hashlimit-mode srcip,dstport --hashlimit-name h
-m hashlimit --hashlimit-above 1kb/s --hashlimit-mode srcip --hashlimit-srcmask 64 --hashlimit-name b
-m hl --hl-gt 5
-p icmpv6 -m icmp6 --icmpv6-type 1/3
-m iprange --src-range 2001:db8::-2001:db8::9
-m length --length 40:80
-m limit --limit 5/sec
-m mac --mac-source 02:00:00:00:00:01
-m mark --mark 5
-p tcp -m multiport --ports 1,2,3:9
-p udp -m multiport --dports 53
-m physdev --physdev-in p1
-m pkttype --pkt-type unicast
-m quota --quota 5000
-m recent --update --seconds 5 --hitcount 2 --rttl
-m bpf --bytecode "4,48 0 0 6,21 0 1 6,6 0 0 1,6 0 0 0"
-m recent --set
-p sctp -m sctp --chunk-types all DATA:UB,INIT
-m set --match-set hosts src
-m set --match-set nets src
-m set --match-set services src,dst
-m statistic --mode nth --every 3 --packet 0
-m string --string ab --algo bm --icase
-p tcp -m tcp --tcp-option 2 --tcp-flags SYN,ACK SYN
-p tcp -m tcpmss --mss 5:1000
-m time --weekdays Mon,Thu
-m tos --tos 0x10
-m u32 --u32 "4&0xFF=1:17"
-p udp -m udp --sport 1:500
! -p tcp
-m conntrack --ctstate NEW,ESTABLISHED --ctorigsrc 2001:db8::/64 --ctproto 17
-m conntrack ! --ctstate INVALID --ctexpire 0:50
-m state --state INVALID,UNTRACKED
-m connmark --mark 5
-m connbytes --connbytes 2: --connbytes-dir both --connbytes-mode packets
-m connlimit --connlimit-upto 3 --connlimit-mask 126
-m helper --helper ftp
"""
TARGETS = """
-t mangle -A PREROUTING -m statistic --mode random --probability 0.3 -j TOS --set-tos 0x10
-t mangle -A PREROUTING -m statistic --mode random --probability 0.3 -j HL --hl-dec 9
-t mangle -A PREROUTING -m statistic --mode random --probability 0.3 -j MARK --set-mark 5
-t mangle -A PREROUTING -j CHECKSUM --checksum-fill
-t mangle -A FORWARD -p tcp --tcp-flags SYN SYN -j TCPMSS --set-mss 500
-t mangle -A FORWARD -j TEE --gateway 2001:db8::9
-t raw -A PREROUTING -m statistic --mode random --probability 0.1 -j TRACE
-t raw -A PREROUTING -s 2001:db8::3 -j CT --zone 5
-t raw -A PREROUTING -s 2001:db8::4 -j CT --notrack
-t raw -A PREROUTING -p tcp -j CT --helper ftp
-t mangle -A PREROUTING -j CONNMARK --restore-mark
-t mangle -A POSTROUTING -j CONNMARK --save-mark
-t nat -A PREROUTING -d 2001:db8::5 -j DNAT --to-destination 2001:db8::6
-t nat -A PREROUTING -p udp -j DNAT --to-destination :5-9
-t nat -A POSTROUTING -s 2001:db8::7 -j NETMAP --to 2001:db8:1::/64
-t nat -A POSTROUTING -p tcp -j SNAT --to-source :1000-1010 --random
-t nat -A POSTROUTING -s 2001:db8::8 -j SNAT --to-source 2001:db8::100-2001:db8::1ff
-A FORWARD -j NFLOG --nflog-group 1
-A FORWARD -j LOG --log-tcp-options --log-tcp-sequence --log-ip-options --log-uid --log-macdecode
-A FORWARD -j SET --add-set hosts src --exist
-A FORWARD -j SET --add-set services src,dst --del-set nets dst
-A FORWARD -p tcp -m statistic --mode random --probability 0.5 -j REJECT --reject-with tcp-reset
-A FORWARD -m statistic --mode random --probability 0.3 -j REJECT
"""
SETUP = """
ip link add br0 type bridge
ip link set p1 master br0
ip link set p2 master br0
ip link set p1 up
ip link set p2 up
ip link set br0 up
sysctl -w net.netfilter.nf_conntrack_checksum=0
ipset create hosts hash:ip family inet6 counters maxelem 64 forceadd timeout 5
ipset create nets hash:net family inet6
ipset add nets 2001:db8::/64
ipset create services hash:ip,port family inet6 maxelem 64
"""


def setup() -> str:
    rules = [f"-A FORWARD {match}" for match in MATCHES.splitlines() if match]
    lines = [f"{program} {rule}" for program in ("ip6tables", "ip6tables-legacy") for rule in rules]
    return (
        SETUP
        + "".join(f"{line}\n" for line in lines)
        + "".join(f"ip6tables {rule}\n" for rule in TARGETS.splitlines() if rule)
    )


def random_packet(rng: random.Random) -> bytes:
    body, kind = rng.randbytes(rng.randrange(60)), rng.choice((6, 17, 58, 50, 132, 59, rng.randrange(256)))
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2, 3))):
        header = rng.choice((0, 43, 44, 51, 60))
        length = rng.choice((0, 0, 0, 1, rng.randrange(256)))
        fill = 6 + 8 * min(length, 2) if header != 51 else 4 * min(length, 4) + 6
        body = bytes((kind, length)) + rng.choice((bytes(fill), rng.randbytes(fill))) + body
        kind = header
    head = Ipv6Header(
        0x20010DB8 << 96 | rng.randrange(16),
        0x20010DB8 << 96 | rng.randrange(16),
        kind,
        ttl=rng.randrange(256),
        tos=rng.randrange(256),
        flow_label=rng.randrange(1 << 20),
        payload_len=rng.choice((len(body),) * 9 + (rng.randrange(99),)),
    )
    packet = ipv6.build(head) + body
    return packet[: rng.randrange(len(packet))] if rng.random() < 0.05 else packet


def test_no_ipv6_packet_breaks_a_rule_set_with_everything_in_it() -> None:
    host, rng = Host(seed=1), random.Random(6)
    ports = [host.init.add_port(f"p{number}", bytes((2, 0, 0, 0, 1, number))) for number in (1, 2)]
    lines: list[object] = []
    assert run_setup(host, setup(), "rules") == []
    host.events.subscribe(lines.append)
    for number in range(CASES):
        host.init.receive(ports[0], ethernet(random_packet(rng), 0x86DD, to=BOB_MAC, sender=ALICE_MAC))
        host.run_backlog()
        ports[1].tx.clear()
        if number % 100 == 0:
            host.clock.set(host.clock.now + 0.5)
    assert lines
    saved = virtual.run(["ip6tables-save", "-c", "-t", "filter"], host).out
    rules = [line for line in saved.splitlines() if " -A FORWARD" in line]
    assert len([line for line in rules if not line.startswith("[0:0]")]) > len(rules) * 3 // 4
