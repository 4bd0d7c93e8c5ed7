"""nc says and sends what netcat-openbsd does."""

from collections.abc import Iterator

import pytest

from pystack.applets import virtual
from pystack.applets.requests import Interrupted
from pystack.applets.virtual import Completed, Outside
from pystack.host import Host
from tests.alice import BoxWithAlice
from tests.applets.both_sides import THREE_IN_A_ROW, Sides, both_sides
from tests.frames import packet_frame, udp_packet


class Host1(BoxWithAlice):
    def nc(self, line: str, stdin: bytes = b"") -> Completed:
        return virtual.run(["nc", *line.split()], self.host, outside=Outside(stdin=stdin))

    def payloads(self) -> list[bytes]:
        return [frame[42:] for frame in self.sent(self.eth0) if frame[12:14] == b"\x08\x00"]


# -- sending -------------------------------------------------------------------------------------------------


def test_what_is_typed_is_sent() -> None:
    box = Host1()
    assert box.nc("-u -q0 10.0.0.2 53", b"hello\n").rc == 0
    assert box.payloads() == [b"hello\n"]


def test_long_input_is_sent_in_pieces() -> None:
    box = Host1()
    sock = box.ns.udp.open()
    sock.bind(0, 53)
    sock.queue.limit = 1_000_000
    box.nc("-u -q0 127.0.0.1 53", bytes(40_000))
    heard = [sock.recv(), sock.recv(), sock.recv()]
    assert [len(received.data) for received in heard if received is not None] == [16384, 16384, 7232]


def test_lines_end_with_two_octets_of_their_own_if_asked_for() -> None:
    """So says the real one: the line, and then its end."""
    box = Host1()
    box.nc("-u -C -q0 10.0.0.2 53", b"a\nb\r\n")
    assert box.payloads() == [b"a", b"\r\n", b"b\r\n"]


def test_an_interval_lies_between_lines() -> None:
    box = Host1()
    box.nc("-u -i1 -q0 10.0.0.2 53", b"a\nb\nc")
    assert (box.payloads(), box.host.clock.now) == ([b"a\n", b"b\n", b"c"], 2.0)


@pytest.mark.parametrize(
    ("options", "seconds"), [("-q0", 0), ("-q2", 2), ("-w3", 3), ("-d -w1", 1), ("-w0", 0)]
)
def test_it_ends_when_it_was_told_to(options: str, seconds: float) -> None:
    box = Host1()
    assert box.nc(f"-u {options} 10.0.0.2 53").rc == 0
    assert box.host.clock.now == seconds


def test_a_port_and_an_address_of_ours_can_be_chosen() -> None:
    box = Host1()
    box.nc("-u -q0 -s 10.0.0.1 -p 5353 -T ef -M 9 10.0.0.2 53", b"x")
    (frame,) = box.sent(box.eth0)
    assert (frame[34:36], frame[15], frame[22]) == ((5353).to_bytes(2, "big"), 0xB8, 9)


def test_a_refusal_ends_it() -> None:
    box = Host1()
    done = box.nc("-u 127.0.0.1 9", b"x")
    assert (done.rc, done.text) == (0, "")
    assert box.host.clock.now < 1


# -- hearing -------------------------------------------------------------------------------------------------


def listening(box: Host1, line: str, stdin: bytes = b"") -> virtual.VirtualJob:
    job = virtual.begin(["nc", *line.split()], box.host, outside=Outside(stdin=stdin))
    job.poll()
    return job


def test_a_listener_prints_what_it_hears_and_answers_who_spoke_first() -> None:
    box = Host1()
    job = listening(box, "-u -l -v -n 53", b"answer\n")
    box.send(box.eth0, packet_frame(udp_packet(b"one\n")))
    job.poll()
    box.send(box.eth0, packet_frame(udp_packet(b"two\n")))
    box.send(box.eth0, packet_frame(udp_packet(b"not you\n", sport=999)))
    job.poll()
    assert box.payloads()[0] == b"answer\n"
    done = job.interrupt()
    assert done.err == "Bound on 0.0.0.0 53\nConnection received on 10.0.0.2 1000\n"
    assert (done.rc, done.out) == (130, "one\ntwo\n")


def test_a_listener_that_stays_hears_everybody() -> None:
    box = Host1()
    job = listening(box, "-u -l -k -p 53")
    for port in (1000, 1001):
        box.send(box.eth0, packet_frame(udp_packet(b"from %d\n" % port, sport=port)))
        job.poll()
    assert job.interrupt().out == "from 1000\nfrom 1001\n"


def test_a_limit_ends_it() -> None:
    box = Host1()
    job = listening(box, "-u -l -W 1 53")
    box.send(box.eth0, packet_frame(udp_packet(b"one")))
    assert job.poll()
    assert (job.completed().rc, job.completed().out) == (0, "one")


def test_what_does_not_add_up_is_not_heard() -> None:
    box = Host1()
    job = listening(box, "-u -l -W 1 53")
    broken = bytearray(udp_packet(bytes(100)))
    broken[-1] ^= 1
    box.send(box.eth0, packet_frame(bytes(broken)))
    assert not job.poll()
    box.send(box.eth0, packet_frame(udp_packet(b"one")))
    assert job.poll()
    assert job.completed().out == "one"


def test_an_empty_datagram_looks_like_the_end() -> None:
    box = Host1()
    job = listening(box, "-u -l 53")
    box.send(box.eth0, packet_frame(udp_packet(b"")))
    assert job.poll()
    assert job.completed().rc == 0


def test_its_port_is_given_back() -> None:
    box = Host1()
    job = listening(box, "-u -l 53")
    assert [sock.num for sock in box.ns.udp.ports] == [53]
    job.job.throw(Interrupted())
    assert len(box.ns.udp.ports) == 0


# -- knocking ------------------------------------------------------------------------------------------------


def test_an_open_port_hears_five_knocks_in_three_seconds() -> None:
    box = Host1()
    done = box.nc("-u -z -v -n 10.0.0.2 53")
    assert done.err == "Connection to 10.0.0.2 53 port [udp/*] succeeded!\n"
    assert (done.rc, box.payloads(), box.host.clock.now) == (0, [b"X"] * 5, 3.0)


def test_names_come_from_the_users_own_files() -> None:
    files = {"/etc/services": b"domain 53/udp\n", "/etc/hosts": b"10.0.0.2 alice\n"}
    box = Host1()
    outside = Outside(read_file=lambda path: files.get(path, b""))
    done = virtual.run("nc -u -z -v -w0 alice domain".split(), box.host, outside=outside)
    assert done.err == "Connection to alice (10.0.0.2) 53 port [udp/domain] succeeded!\n"


# -- words ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "refusal"),
    [
        ("-6 10.0.0.2 53", "pystack: nc -6 is not modelled (known: -4, -b,"),
        ("-u -x 1.2.3.4 10.0.0.2 53", "pystack: nc -x is not modelled"),
        ("-u nowhere 53", "pystack: nc: the host name nowhere is not modelled"),
    ],
)
def test_what_is_not_modelled_is_refused_by_name(line: str, refusal: str) -> None:
    done = Host1().nc(line)
    assert (done.rc, done.err[: len(refusal)]) == (2, refusal)


@pytest.fixture(scope="module")
def sides() -> Iterator[Sides]:
    with both_sides(THREE_IN_A_ROW) as found:
        yield found


@pytest.mark.root
@pytest.mark.parametrize(
    "line",
    [
        "-u",
        "-u 127.0.0.1",
        "-h",
        "-Q",
        "-u -z 127.0.0.1 9",
        "-u -n -z 127.0.0.1 9-11 13",
        "-u -n -z -v -w0 127.0.0.1 9",
        "-u -n -z -v -w1 10.2.0.2 9",
        "-u -n -z -v 8.8.8.8 53",
        "-u -n -z -v 10.1.0.255 5",
        "-u -n -b -z 10.1.0.255 5",
        "-u -n -z -v 10.6.0.1 5",
        "-u -n -w1 10.1.0.2 9",
        "-u -n -l -s 1.2.3.4 -p 9000",
        "-u -n -s 10.9.9.9 127.0.0.1 1",
        "-u -n -p xyz 127.0.0.1 1",
        "-u -n -M 0 127.0.0.1 1",
        "-u 127.0.0.1 99999",
        "-u 127.0.0.1 0",
        "-u 127.0.0.1 abc",
        "-u 127.0.0.1 5-70000",
        "-u -w x 127.0.0.1 1",
        "-u -q x 127.0.0.1 1",
        "-u -M 256 127.0.0.1 1",
        "-u -T 300 127.0.0.1 1",
        "-u -T 0x100 127.0.0.1 1",
        "-u -T 0xyz -z 127.0.0.1 1",
        "-u -T lowdelay -z 127.0.0.1 9",
        "-u -W 0 127.0.0.1 1",
        "-u -i x 127.0.0.1 1",
        "-u -V 1 127.0.0.1 1",
        "-k -u 127.0.0.1 1",
        "-l -z -u 1",
        "-u -l",
        "-u -l -p 5 6",
        "-p 5 -u 10.0.0.1",
        "-n -u -z 1 2 3 4",
        "-n -z 127.0.0.1 9",
        "-n -v -z 127.0.0.1 9-11 13",
        "-n -v -w0 127.0.0.1 9",
        "-n -v -w1 10.1.0.77 9",
        "-n -v -z 10.2.0.2 9",
        "-n -v 8.8.8.8 53",
        "-n -v -z 10.1.0.255 5",
        "-n -v -z 224.0.0.1 5",
        "-n -v -z 10.5.0.1 5",
        "-n -v -z 10.6.0.1 5",
        "-n -v -z 10.7.0.1 5",
        "-n -v -z 0.0.0.0 5",
        "-n -s 10.9.9.9 127.0.0.1 1",
        "-n -l -s 1.2.3.4 -p 9000",
        "-n -O 0 127.0.0.1 1",
        "-n -I x 127.0.0.1 1",
        "-n -O 9000 -I 9000 -T ef -M 9 -z -v 127.0.0.1 1",
        "-n -s 10.1.0.1 -p 99 -v -z 10.1.0.2 1",
        "-N 127.0.0.1 99999",
        "-l -N",
    ],
)
def test_the_text_and_the_exit_code_are_the_real_ones(sides: Sides, line: str) -> None:
    sides.assert_same(f"nc {line}")


def test_a_host_with_listeners_of_one_port_in_two_namespaces_keeps_them_apart() -> None:
    host = Host()
    inner = host.add_netns("b")
    host.init.udp.open().bind(0, 53)
    inner.udp.open().bind(0, 53)
    assert [len(netns.udp.ports) for netns in (host.init, inner)] == [1, 1]


# -- streams -------------------------------------------------------------------------------------------------


def talk(box: Host1, server: virtual.VirtualJob, line: str, stdin: bytes = b"") -> Completed:
    """A client that runs while a server does."""

    def settle() -> None:
        if server.job.rc is None:
            server.poll()

    outside = Outside(stdin=stdin, settle=settle)
    return virtual.run(["nc", *line.split()], box.host, outside=outside)


def test_a_stream_arrives_whole() -> None:
    sent = bytes(range(256)) * 4000
    box = Host1()
    server = listening(box, "-l 80")
    assert talk(box, server, "-N 127.0.0.1 80", sent).rc == 0
    assert server.poll()
    assert bytes(server.out) == sent


def test_a_listener_says_who_came_and_ends_with_him() -> None:
    box = Host1()
    server = listening(box, "-l -v -n 80")
    client = talk(box, server, "-v -n -N -p 1234 127.0.0.1 80", b"hello\n")
    assert (client.rc, client.err) == (0, "Connection to 127.0.0.1 80 port [tcp/*] succeeded!\n")
    assert server.poll()
    done = server.completed()
    assert (done.rc, done.out) == (0, "hello\n")
    assert done.err == "Listening on 0.0.0.0 80\nConnection received on 127.0.0.1 1234\n"


def test_a_listener_answers_in_the_same_stream() -> None:
    box = Host1()
    server = listening(box, "-l 80", b"answer\n")
    assert talk(box, server, "-q0 127.0.0.1 80", b"question\n").out == "answer\n"
    assert server.poll()
    assert server.completed().out == "question\n"


def test_a_listener_that_stays_lets_in_one_after_the_other() -> None:
    box = Host1()
    server = listening(box, "-l -k 80")
    for word in (b"one\n", b"two\n"):
        assert talk(box, server, "-N 127.0.0.1 80", word).rc == 0
    assert server.interrupt().out == "one\ntwo\n"
    assert list(box.ns.tcp.tcp.listeners) == []


def test_a_connection_that_nobody_answers_times_out() -> None:
    box = Host1()
    done = box.nc("-v -n -w2 10.0.0.2 80")
    assert done.err == "nc: connect to 10.0.0.2 port 80 (tcp) timed out: Operation now in progress\n"
    assert (done.rc, box.host.clock.now) == (1, 2.0)


def test_a_refused_connection_ends_it() -> None:
    done = Host1().nc("-v -n 127.0.0.1 80", b"x")
    assert (done.rc, done.err) == (1, "nc: connect to 127.0.0.1 port 80 (tcp) failed: Connection refused\n")


def test_a_quit_after_the_input_still_hears_the_peer_out() -> None:
    box = Host1()
    server = listening(box, "-l -W 1 80")
    done = talk(box, server, "-q3 127.0.0.1 80", b"x")
    assert server.job.rc == 0
    assert (done.rc, int(box.host.clock.now)) == (0, 3)


def test_an_interrupted_stream_leaves_nothing_half_open() -> None:
    box = Host1()
    listening(box, "-l 80").interrupt()
    job = virtual.begin("nc 10.0.0.2 80".split(), box.host)
    job.poll()
    job.job.throw(Interrupted())
    assert list(box.ns.tcp) == []
