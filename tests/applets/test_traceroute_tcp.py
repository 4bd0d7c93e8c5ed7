"""traceroute -T puts on the wire what Debian's does, and leaves no connection behind."""

import pytest

from pystack.applets import virtual
from pystack.applets.traceroute_keywords import flag_names, parse_keywords, split_keywords
from pystack.sock.tcp_states import TcpState
from pystack.wire import icmp, tcp
from pystack.wire.checksum import transport_sum
from pystack.wire.ipv4 import IPPROTO_TCP
from pystack.wire.tcp import TcpHeader
from tests.applets.traceroute_host import Host
from tests.box import Box
from tests.frames import ALICE_IP, datagram, ip, packet_frame, parsed_ip

OURS, BEYOND = ip("10.0.0.1"), ip("9.9.9.9")
MSS, SACK_STAMPS, STAMPS, SACK, SCALE = "020405b4", "0402080a", "0101080a", "01010402", "01030302"


class TcpHost(Host):
    """One that can be answered in TCP."""

    def probes(self, line: str) -> list[bytes]:
        """The segments that leave before anybody answers."""
        job = self.begin(line)
        frames = self.sent(self.eth0)
        job.interrupt()
        return [frame[34:] for frame in frames]

    def answer(self, segment: TcpHeader) -> None:
        octets = tcp.build(segment, b"", BEYOND, OURS)
        packet = datagram(octets, protocol=IPPROTO_TCP, src=BEYOND, dst=OURS)
        self.send(self.eth0, packet_frame(packet))


def parsed(segment: bytes) -> TcpHeader:
    header = tcp.parse(segment)
    assert isinstance(header, TcpHeader)
    return header


def without_stamps(options: bytes) -> str:
    """What is drawn left out."""
    text = options.hex()
    for kind in (SACK_STAMPS, STAMPS):
        before, found, behind = text.partition(kind)
        if found:
            return before + found + behind[16:]
    return text


def test_sixteen_syns_leave_at_once_each_from_another_port() -> None:
    box = TcpHost()
    job = box.begin("-n -T 9.9.9.9")
    frames = box.sent(box.eth0)
    assert [parsed_ip(frame).ttl for frame in frames] == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6]
    assert {(parsed_ip(frame).tot_len, parsed_ip(frame).frag_off) for frame in frames} == {(60, 0)}
    segments = [parsed(frame[34:]) for frame in frames]
    assert len({segment.sport for segment in segments}) == len({segment.seq for segment in segments}) == 16
    assert {(segment.dport, segment.flags, segment.window) for segment in segments} == {(80, tcp.SYN, 5840)}
    job.interrupt()
    assert not list(box.ns.tcp.tcp.ports)


def test_the_checksum_is_right() -> None:
    box = TcpHost()
    (segment,) = box.probes("-n -T -q 1 -N 1 9.9.9.9")
    assert transport_sum(OURS, BEYOND, IPPROTO_TCP, segment) == 0xFFFF


@pytest.mark.parametrize(
    ("keywords", "flags", "options"),
    [
        ("info", tcp.SYN, MSS + SACK_STAMPS + SCALE),
        ("syn", tcp.SYN, MSS),
        ("syn,mss=1000", tcp.SYN, "020403e8"),
        ("mss=70000,syn", tcp.SYN, "02041170"),
        ("sack", tcp.SYN, MSS + SACK),
        ("sack,timestamps", tcp.SYN, MSS + SACK_STAMPS),
        ("timestamps", tcp.SYN, MSS + STAMPS),
        ("ecn", tcp.SYN | tcp.ECE | tcp.CWR, MSS),
        ("ecn,psh", tcp.PSH, ""),
        ("ack,sysctl", tcp.ACK, SACK_STAMPS + SCALE),
        ("fin,window_scaling", tcp.FIN, SCALE),
        ("flags=0", 0, ""),
        ("flags=0xfff,time", 0xFF, MSS + STAMPS),
    ],
)
def test_a_keyword_decides_what_a_probe_is(keywords: str, flags: int, options: str) -> None:
    (segment,) = TcpHost().probes(f"-n -T -q 1 -N 1 -O {keywords} 9.9.9.9")
    header = parsed(segment)
    assert (header.flags, without_stamps(header.options)) == (flags, options)


def test_only_an_acknowledgement_echoes_a_timestamp() -> None:
    (segment,) = TcpHost().probes("-n -T -q 1 -N 1 9.9.9.9")
    assert segment[-8:-4] == bytes(4)
    (segment,) = TcpHost().probes("-n -T -q 1 -N 1 -O ack,time 9.9.9.9")
    assert segment[-4:] != bytes(4)


def test_the_sysctls_decide_where_nothing_else_is_said() -> None:
    box = TcpHost()
    for name, value in (("tcp_ecn", "1"), ("tcp_sack", "0"), ("tcp_timestamps", "2")):
        assert virtual.run(["sysctl", "-qw", f"net.ipv4.{name}={value}"], box.host).rc == 0
    (segment,) = box.probes("-n -T -q 1 -N 1 9.9.9.9")
    header = parsed(segment)
    assert (header.flags, header.options.hex()) == (tcp.SYN | tcp.ECE | tcp.CWR, MSS + SCALE)


def test_the_segment_size_follows_the_way() -> None:
    box = TcpHost()
    assert virtual.run("ip link set eth0 mtu 1400".split(), box.host).rc == 0
    assert parsed(box.probes("-n -T -q 1 -N 1 9.9.9.9")[0]).window == 4 * 1360
    assert virtual.run("ip link set eth0 mtu 500".split(), box.host).rc == 0
    assert parsed(box.probes("-n -T -q 1 -N 1 9.9.9.9")[0]).window == 4 * 536


def test_a_listener_ends_the_way_and_is_reset() -> None:
    box = TcpHost()
    job = box.begin("-n -T -q 1 -N 1 -O info 9.9.9.9")
    probe = parsed(box.sent(box.eth0)[0][34:])
    box.answer(TcpHeader(80, probe.sport, seq=7, ack=probe.seq + 1, flags=tcp.SYN | tcp.ACK, window=100))
    assert job.poll()
    assert job.completed().out.splitlines()[1:] == [" 1  9.9.9.9 <syn,ack>  0.000 ms"]
    (reset,) = [parsed(frame[34:]) for frame in box.sent(box.eth0)]
    assert (reset.flags, reset.seq, reset.sport) == (tcp.RST, probe.seq + 1, probe.sport)


def test_a_segment_for_another_port_answers_no_probe() -> None:
    box = TcpHost()
    job = box.begin("-n -T -q 1 -N 1 -m 1 9.9.9.9")
    probe = parsed(box.sent(box.eth0)[0][34:])
    box.answer(TcpHeader(81, probe.sport, flags=tcp.RST))
    box.answer(TcpHeader(80, probe.sport ^ 1, flags=tcp.RST))
    assert job.run().out.splitlines()[1:] == [" 1  *"]


def test_an_error_of_a_router_is_told_for_the_probe_that_it_quotes() -> None:
    box = TcpHost()
    job = box.begin("-n -T -q 2 -N 2 -m 1 -w 1 9.9.9.9")
    quote = box.sent(box.eth0)[1][14:42]  # eight octets of the segment
    message = icmp.build(icmp.ICMP_DEST_UNREACH, 13, 0, 0, quote)
    box.send(box.eth0, packet_frame(datagram(message, src=ALICE_IP, dst=OURS)))
    assert job.run().out.splitlines()[1:] == [" 1  10.0.0.2  0.000 ms !X *"]


def test_a_port_that_somebody_has_is_not_taken() -> None:
    box = TcpHost()
    listener = box.ns.tcp.open()
    listener.bind(0, 99)
    done = box.trace("-n -T --sport=99 9.9.9.9")
    assert (done.rc, done.err) == (1, "\nbind: Address already in use\n")
    assert listener.state is TcpState.CLOSE
    assert list(box.ns.tcp.tcp.ports) == [listener]


def test_nothing_is_left_open_where_the_way_is_missing() -> None:
    box = Box()
    done = virtual.run("traceroute -n -T 9.9.9.9".split(), box.host)
    assert (done.rc, done.out, done.err) == (1, "", "\nconnect: Network is unreachable\n")
    assert box.ns.raw.sockets == []


def test_flags_are_told_from_the_lowest_bit_up() -> None:
    assert flag_names(0xFF) == "fin,syn,rst,psh,ack,urg,ece,cwr"
    assert flag_names(tcp.RST | tcp.ACK) == "rst,ack"


def test_words_are_parted_by_commas_and_blanks() -> None:
    assert split_keywords("ack, \tinfo,") == ["ack", "info"]
    assert split_keywords(",info") == ["", "info"]
    assert split_keywords("") == []


def test_what_is_said_twice_is_said_once() -> None:
    assert parse_keywords(["syn", "syn"]) == parse_keywords(["syn"])
