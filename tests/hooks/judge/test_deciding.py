"""A copy judges packets hook by hook, and its connections stay sound while the kernel carries them."""

from dataclasses import replace
from ipaddress import IPv4Address

from pystack.explain.words import packet_of
from pystack.hooks.judge.answer import ACCEPT, Answer
from pystack.hooks.judge.deciding import Deciding
from pystack.hooks.queue.packet import CSUM_NOT_READY, CSUM_NOT_VERIFIED, IS_GSO, Queued
from pystack.hooks.shim.placement import USUAL
from pystack.host import Host
from pystack.netfilter.conntrack.snapshot import Snapshot
from pystack.netfilter.conntrack.tuples import IPPROTO_SCTP, Tuple
from pystack.netfilter.hooks import FORWARD, INPUT, NFPROTO_IPV4, OUTPUT, POSTROUTING, PREROUTING
from pystack.netfilter.verdict import NF_DROP
from pystack.wire import icmp, ipv4
from pystack.wire.checksum import pseudo_header_sum, transport_sum
from pystack.wire.crc32c import crc32c
from pystack.wire.ethernet import ETH_P_IP
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP
from tests.hooks.judge.copied import ETH0, ETH1, Kernels, copied, do, queued

POINTS = dict(zip((PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING), USUAL, strict=True))
WAY = (PREROUTING, FORWARD, POSTROUTING)
SYN = "10.0.0.5.4000 > 192.0.2.1.80: Flags [S], seq 7, win 100, length 0"
SYN_ACK = "192.0.2.1.80 > 10.0.0.5.4000: Flags [S.], seq 1, ack 8, win 100, length 0"
ACK = "10.0.0.5.4000 > 192.0.2.1.80: Flags [.], seq 8, ack 2, win 100, length 0"
OUTSIDE = "192.0.2.1.80 > 10.0.0.5.4000: Flags [.], seq 900000000, ack 8, win 100, length 0"
QUERY = "10.0.0.5.4000 > 192.0.2.1.53: UDP, length 4"
DROPPED = Answer(NF_DROP)
BACK = (ETH1, ETH0)


def address(text: str) -> int:
    return int(IPv4Address(text))


def deciding(host: Host, kernel: Kernels | None = None, points: list[str] | None = None) -> Deciding:
    return Deciding(host.init, points or list(USUAL), kernel or Kernels())


def ask(judge: Deciding, packet: Queued) -> Answer:
    (answer,) = judge.judge(POINTS[packet.hook], [packet])
    return answer


def carried(judge: Deciding, words: str, *, back: bool = False) -> list[Answer]:
    """All hooks of a routed packet, which the kernel carries as it was answered; until it is dropped."""
    answers, octets = [], packet_of(words).payload
    for hook in WAY:
        devices = None if not back else (ETH1, 0 if hook == PREROUTING else ETH0)
        answer = ask(judge, queued(hook, octets, devices=devices))
        answers.append(answer)
        octets = answer.payload or octets
        if answer == DROPPED:
            break
    return answers


def test_a_rule_decides_at_its_hook_alone() -> None:
    host = copied("iptables -A FORWARD -o eth1 -p tcp --dport 80 -j DROP")
    judge = deciding(host)
    assert carried(judge, SYN) == [ACCEPT, DROPPED]
    assert carried(judge, QUERY) == [ACCEPT] * 3
    assert ask(judge, queued(INPUT, SYN)) == ACCEPT


def test_every_table_at_the_hook_is_asked_once() -> None:
    rules = [
        f"iptables -t {table} -A {chain}"
        for chain, tables in {
            "PREROUTING": ("raw", "mangle"),
            "FORWARD": ("mangle", "filter", "security"),
            "POSTROUTING": ("mangle",),
        }.items()
        for table in tables
    ]
    host = copied(
        *rules,
        "nft add table ip t",
        "nft add chain ip t c { type filter hook forward priority 7; }",
        "nft add rule ip t c counter",
    )
    carried(deciding(host), QUERY)
    counted = do(host, "iptables-save -c")
    assert [line.split()[0] for line in counted.splitlines() if " -A " in line] == ["[1:32]"] * len(rules)
    assert "counter packets 1 bytes" in do(host, "nft list table ip t")


def test_a_mark_is_told_and_one_that_the_kernel_set_is_seen() -> None:
    host = copied(
        "iptables -t mangle -A PREROUTING -j MARK --set-mark 5",
        "iptables -A FORWARD -m mark --mark 6 -j DROP",
    )
    judge = deciding(host)
    assert ask(judge, queued(PREROUTING, QUERY)) == Answer(mark=5)
    assert ask(judge, queued(PREROUTING, QUERY, mark=5)) == ACCEPT
    assert ask(judge, queued(FORWARD, QUERY, mark=6)) == DROPPED


def test_what_is_written_into_a_packet_has_right_sums_also_where_one_was_owed() -> None:
    host = copied(
        "iptables -t mangle -A FORWARD -j TTL --ttl-set 9",
        "iptables -t nat -A PREROUTING -p udp -j DNAT --to-destination 192.0.2.9:99",
    )
    judge = deciding(host)
    octets = packet_of(QUERY).payload
    owed = pseudo_header_sum(address("10.0.0.5"), address("192.0.2.1"), IPPROTO_UDP, 12)
    partial = octets[:26] + owed.to_bytes(2, "big") + octets[28:]
    for packet in (queued(PREROUTING, octets), queued(PREROUTING, partial, info=CSUM_NOT_READY)):
        payload = ask(judge, packet).payload
        assert payload is not None
        header = ipv4.parse(payload, 0)
        assert isinstance(header, ipv4.Ipv4Header)
        assert header.daddr == address("192.0.2.9")
        assert transport_sum(header.saddr, header.daddr, IPPROTO_UDP, payload[20:]) == 0xFFFF
    payload = ask(judge, queued(FORWARD, partial, info=CSUM_NOT_READY)).payload
    assert payload is not None
    assert payload[8] == 9
    assert transport_sum(address("10.0.0.5"), address("192.0.2.1"), IPPROTO_UDP, payload[20:]) == 0xFFFF


def test_a_sum_of_sctp_that_was_owed_is_made_and_that_of_a_large_datagram_is_left_to_its_pieces() -> None:
    judge = deciding(copied("iptables -t mangle -A FORWARD -j TTL --ttl-set 9"))
    chunk = bytes([15, 152, 0, 80]) + b"tag!" + bytes(4) + bytes([10, 0, 0, 4])
    header = ipv4.Ipv4Header(address("10.0.0.5"), address("192.0.2.1"), IPPROTO_SCTP, ttl=64)
    payload = ask(judge, queued(FORWARD, ipv4.build(header, 16) + chunk, info=CSUM_NOT_READY)).payload
    assert payload is not None
    assert payload[28:32] == crc32c(chunk).to_bytes(4, "little")
    large = packet_of("10.0.0.5.4000 > 192.0.2.1.53: UDP, length 4000").payload
    for info in (CSUM_NOT_READY | IS_GSO, CSUM_NOT_VERIFIED | IS_GSO):
        payload = ask(judge, queued(FORWARD, large, info=info)).payload
        assert payload is not None
        assert (payload[8], payload[20:]) == (9, large[20:])


def test_a_connection_is_begun_confirmed_and_answered_over_its_hooks() -> None:
    host = copied("iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP")
    judge = deciding(host)
    assert carried(judge, SYN) == [ACCEPT] * 3
    assert host.init.conntrack.count == 1
    assert carried(judge, SYN_ACK, back=True) == [ACCEPT] * 3
    assert carried(judge, ACK) == [ACCEPT] * 3
    assert "ESTABLISHED" in do(host, "conntrack -L")
    assert carried(judge, OUTSIDE, back=True) == [ACCEPT, DROPPED]  # not taken for one of the connection's


def test_an_error_of_the_hosts_about_a_first_packet_belongs_to_its_connection() -> None:
    host = copied(
        "iptables -A OUTPUT -m conntrack --ctstate INVALID -j DROP",
        "iptables -t nat -A PREROUTING -i eth1 -p tcp --dport 80 -j DNAT --to-destination 10.0.0.5:8080",
    )
    judge = deciding(host)
    asked = packet_of(SYN.replace("10.0.0.5", "192.0.2.1", 1).replace("> 192.0.2.1", "> 192.0.2.2")).payload
    seen = ask(judge, queued(PREROUTING, asked, devices=(ETH1, 0))).payload
    assert seen is not None
    told = time_exceeded(seen)
    assert ask(judge, queued(OUTPUT, told)) == ACCEPT
    sent = ask(judge, queued(POSTROUTING, told, devices=(0, ETH1))).payload
    assert sent is not None
    assert sent[28 + 12 : 28 + 24] == asked[12:24]  # it speaks of what its receiver has sent
    assert ask(judge, queued(OUTPUT, time_exceeded(packet_of(ACK).payload))) == DROPPED


def time_exceeded(about: bytes) -> bytes:
    message = icmp.build(icmp.ICMP_TIME_EXCEEDED, icmp.ICMP_EXC_TTL, 0, 0, about)
    header = ipv4.Ipv4Header(address("192.0.2.2"), address("192.0.2.1"), IPPROTO_ICMP, ttl=64)
    return ipv4.build(header, len(message)) + message


def test_a_packet_that_is_dropped_begins_no_connection() -> None:
    host = copied("iptables -A FORWARD -m conntrack --ctstate NEW -j DROP")
    judge = deciding(host)
    assert carried(judge, SYN) == carried(judge, SYN) == [ACCEPT, DROPPED]
    assert host.init.conntrack.count == 0


def test_with_one_point_connections_begin_and_count_there() -> None:
    host = copied("iptables -A FORWARD -m conntrack --ctstate NEW -i eth1 -j DROP")
    judge = deciding(host, points=["mangle/forward"])
    assert ask(judge, queued(FORWARD, SYN)) == ACCEPT
    assert ask(judge, queued(FORWARD, SYN_ACK, devices=BACK)) == ACCEPT
    assert ask(judge, queued(FORWARD, SYN.replace("4000", "4001"), devices=BACK)) == DROPPED


def test_the_copy_translates_both_ways_where_the_kernel_does_not() -> None:
    host = copied("iptables -t nat -A POSTROUTING -o eth1 -j MASQUERADE")
    judge = deciding(host)
    there = carried(judge, SYN)[-1].payload
    assert there is not None
    assert there[12:16] == bytes([192, 0, 2, 2])
    back = carried(judge, SYN_ACK.replace("10.0.0.5", "192.0.2.2"), back=True)[0].payload
    assert back is not None
    assert back[16:20] == bytes([10, 0, 0, 5])
    assert transport_sum(address("192.0.2.1"), address("10.0.0.5"), IPPROTO_TCP, back[20:]) == 0xFFFF


def test_where_the_kernel_translates_the_copy_does_not_and_asks_it_what_became_of_connections() -> None:
    host = copied(
        "iptables -t nat -A POSTROUTING -o eth1 -j MASQUERADE",
        "iptables -A FORWARD -i eth1 -m conntrack --ctstate NEW,INVALID -j DROP",
    )
    kernel = Kernels(tracks=True, translates=True)
    judge = deciding(host, kernel)
    assert carried(judge, SYN) == [ACCEPT] * 3
    inner, outer, server = (address(text) for text in ("10.0.0.5", "192.0.2.2", "192.0.2.1"))
    original = Tuple(NFPROTO_IPV4, IPPROTO_TCP, inner, server, 4000, 80)
    reply = Tuple(NFPROTO_IPV4, IPPROTO_TCP, server, outer, 80, 4000)
    kernel.connections = [Snapshot(original, reply, 0x198, 100, state=1)]
    assert (
        ask(judge, queued(PREROUTING, SYN_ACK.replace("10.0.0.5", "192.0.2.2"), devices=(ETH1, 0))) == ACCEPT
    )
    assert ask(judge, queued(FORWARD, SYN_ACK, devices=BACK)) == ACCEPT  # as the kernel has translated it
    assert host.init.conntrack.count == 1


def test_fragments_are_kept_until_the_last_one_goes_on_as_the_whole() -> None:
    host = copied("iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP")
    judge = deciding(host)
    whole = packet_of("10.0.0.5 > 192.0.2.1: ICMP echo request, id 3, seq 1, length 2000").payload
    first, second = fragment(whole, 0, 1480), fragment(whole, 1480, 520)
    assert ask(judge, queued(PREROUTING, first)) == DROPPED
    payload = ask(judge, queued(PREROUTING, second)).payload
    assert payload == whole
    assert ask(judge, queued(FORWARD, whole)) == ACCEPT
    assert ask(judge, queued(POSTROUTING, whole)) == ACCEPT
    assert host.init.conntrack.count == 1


def fragment(whole: bytes, offset: int, length: int) -> bytes:
    header = ipv4.parse(whole, 0)
    assert isinstance(header, ipv4.Ipv4Header)
    is_last = offset + length == len(whole) - header.ihl
    header.frag_off = offset // 8 | (0 if is_last else ipv4.IP_MF)
    return ipv4.build(header, length) + whole[header.ihl + offset : header.ihl + offset + length]


def test_an_answer_about_what_the_kernel_has_translated_comes_from_where_it_was_sent_to() -> None:
    for rejecting in ("REJECT", "REJECT --reject-with tcp-reset"):
        host = copied(
            f"iptables -A FORWARD -p tcp -m conntrack --ctstate DNAT --ctorigdst 192.0.2.2 -j {rejecting}"
        )
        kernel = Kernels(tracks=True, translates=True)
        judge = deciding(host, kernel)
        asked = SYN.replace("10.0.0.5", "192.0.2.1", 1).replace("> 192.0.2.1", "> 192.0.2.2")
        assert ask(judge, queued(PREROUTING, asked, devices=(ETH1, 0))) == ACCEPT
        translated = asked.replace("> 192.0.2.2.80", "> 10.0.0.5.8080")
        assert ask(judge, queued(FORWARD, translated, devices=BACK)) == DROPPED
        ((answer, _),) = kernel.sent
        assert answer[12:20] == bytes([192, 0, 2, 2, 192, 0, 2, 1])
        quoted = answer[20:22] if answer[9] == IPPROTO_TCP else answer[28 + 16 : 28 + 24]
        told = (80).to_bytes(2, "big") if answer[9] == IPPROTO_TCP else bytes([192, 0, 2, 2, 15, 160, 0, 80])
        assert quoted == told


def test_a_reset_about_a_bridged_segment_leaves_by_the_port_that_brought_it() -> None:
    host = copied(
        "ip link add br0 type bridge",
        "ip addr flush dev eth0",
        "ip link set eth0 master br0",
        "ip link set br0 up",
        "ip addr add 10.0.0.1/24 dev br0",
        "iptables -A FORWARD -p tcp -j REJECT --reject-with tcp-reset",
    )
    bridge = host.init.devices["br0"].ifindex
    kernel = Kernels()
    judge = deciding(host, kernel)
    syn = packet_of(SYN.replace("192.0.2.1", "10.0.0.6")).payload
    numbers = (bridge, bridge, ETH0, ETH1)
    packet = Queued(1, ETH_P_IP, FORWARD, *numbers, 0, syn, len(syn), b"\x02\xaa\0\0\0\5")
    assert ask(judge, packet) == DROPPED
    ((port, frame),) = kernel.frames
    assert (port, frame[:6]) == ("eth0", b"\x02\xaa\0\0\0\5")
    assert frame[26:34] == bytes([10, 0, 0, 6, 10, 0, 0, 5])


def test_who_is_rejected_is_answered_by_the_kernel_and_the_answer_meets_the_copys_rules_once() -> None:
    host = copied(
        "iptables -A FORWARD -p tcp -j REJECT --reject-with tcp-reset",
        "iptables -A OUTPUT -p tcp -j ACCEPT",
    )
    kernel = Kernels()
    judge = deciding(host, kernel)
    assert carried(judge, SYN) == [ACCEPT, DROPPED]
    ((reset, mark),) = kernel.sent
    assert (reset[12:20], mark) == (bytes([192, 0, 2, 1, 10, 0, 0, 5]), 0)
    assert transport_sum(address("192.0.2.1"), address("10.0.0.5"), IPPROTO_TCP, reset[20:]) == 0xFFFF
    assert ask(judge, queued(OUTPUT, reset, devices=(0, ETH0))) == ACCEPT
    assert do(host, "iptables -nvxL OUTPUT").splitlines()[-1].split()[0] == "1"


def test_who_only_watches_answers_nobody_and_translates_nothing() -> None:
    host = copied(
        "iptables -A FORWARD -p tcp -j REJECT",
        "iptables -t nat -A PREROUTING -p udp -j DNAT --to-destination 192.0.2.9",
    )
    kernel = Kernels()
    judge = Deciding(host.init, list(USUAL), kernel, is_obeyed=False)
    assert carried(judge, SYN) == [ACCEPT, DROPPED]
    assert kernel.sent == []
    assert carried(judge, QUERY) == [ACCEPT] * 3


def test_a_packet_by_a_device_that_the_copy_lacks_is_accepted_and_counted() -> None:
    judge = deciding(copied("iptables -P INPUT DROP"))
    assert ask(judge, queued(INPUT, QUERY, devices=(77, 0))) == ACCEPT
    assert ask(judge, queued(INPUT, b"\x60" + bytes(60))) == ACCEPT
    assert judge.unasked == 2
    judge = deciding(copied("iptables -P FORWARD DROP"))
    assert ask(judge, queued(FORWARD, QUERY, devices=(ETH0, 77))) == ACCEPT
    assert judge.unasked == 1


def test_a_hook_where_nothing_hangs_costs_no_look_at_the_packet() -> None:
    host = copied()
    judge = deciding(host)
    assert ask(judge, queued(FORWARD, b"no packet")) == ACCEPT
    assert judge.unasked == 0
    do(host, "iptables -P FORWARD DROP")
    assert ask(judge, queued(FORWARD, QUERY)) == DROPPED


def test_whose_program_sends_is_asked() -> None:
    judge = deciding(copied("iptables -A OUTPUT -m owner --uid-owner 1000 -j DROP"))
    packet = queued(OUTPUT, QUERY)
    assert ask(judge, packet) == ACCEPT
    assert ask(judge, replace(packet, owner=(1000, 100))) == DROPPED
    assert ask(judge, replace(packet, owner=(0, 0))) == ACCEPT


def test_it_is_indispensable_while_it_translates() -> None:
    nat = "iptables -t nat -A POSTROUTING -j MASQUERADE"
    assert deciding(copied(nat)).is_indispensable
    assert not deciding(copied()).is_indispensable
    assert not deciding(copied(nat), Kernels(tracks=True, translates=True)).is_indispensable


def test_it_says_what_of_the_copy_has_no_effect_and_why() -> None:
    nat = "iptables -t nat -A POSTROUTING -j MASQUERADE"
    assert deciding(copied()).notes == deciding(copied(nat)).notes == []
    why = {
        "rules of the kernel's translate addresses": Kernels(tracks=True, translates=True),
        "that takes the points raw/prerouting, raw/output": Kernels(tracks=True),
    }
    for reason, kernel in why.items():
        assert deciding(copied(nat), kernel).notes == [f"the copy's nat is not asked: {reason}"]
    watching = Deciding(copied(nat).init, list(USUAL), Kernels(), is_obeyed=False)
    assert deciding(copied(), Kernels(unsent=1)).notes[0].startswith("1 answers of the copy's were not sent")
    assert watching.notes == ["the copy's nat is not asked: pystack only observes"]


def test_nothing_is_lost_from_the_ledger() -> None:
    host = copied("iptables -A FORWARD -p tcp -j REJECT", "iptables -t nat -A POSTROUTING -j MASQUERADE")
    judge = deciding(host)
    for words in (SYN, QUERY, SYN, QUERY):
        carried(judge, words)
    assert host.outcomes.outstanding() == host.init.queued() == 0
