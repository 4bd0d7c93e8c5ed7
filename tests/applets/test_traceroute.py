"""traceroute says what Debian's does, to the letter."""

import re
from collections.abc import Iterator

import pytest

from pystack.applets import virtual
from pystack.wire import icmp
from pystack.wire.ipv4 import IP_DF
from tests.applets.both_sides import THREE_IN_A_ROW, Sides, both_sides
from tests.applets.traceroute_host import Host
from tests.frames import ALICE_IP, datagram, ip, packet_frame, parsed_ip

TIMES = re.compile(r"  [0-9]+\.[0-9]{3} ms")


def test_probes_go_out_sixteen_at_once_each_to_the_next_port() -> None:
    box = Host()
    job = virtual.begin("traceroute -n 9.9.9.9".split(), box.host)
    job.poll()
    frames = box.sent(box.eth0)
    headers = [parsed_ip(frame) for frame in frames]
    assert [header.ttl for header in headers] == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5, 6]
    ports = [int.from_bytes(frame[36:38], "big") for frame in frames]
    assert ports == list(range(33434, 33450))
    assert {(header.tot_len, header.frag_off) for header in headers} == {(60, 0)}
    assert frames[0][42:] == bytes(0x40 + at for at in range(32))
    job.interrupt()
    assert len(box.ns.udp.ports) == 0


def test_what_is_asked_for_is_sent() -> None:
    box = Host()
    job = virtual.begin("traceroute -n -F -t 16 -q 1 -f 4 -m 4 --sport=99 -p 7 9.9.9.9 100".split(), box.host)
    job.poll()
    (frame,) = box.sent(box.eth0)
    header = parsed_ip(frame)
    assert (header.ttl, header.tot_len, header.frag_off, header.tos) == (4, 100, IP_DF, 16)
    assert frame[34:38] == bytes((0, 99, 0, 7))


def test_silence_is_a_star_after_five_seconds() -> None:
    box = Host()
    done = box.trace("-n -m 2 -q 2 9.9.9.9")
    assert done.out == "traceroute to 9.9.9.9 (9.9.9.9), 2 hops max, 60 byte packets\n 1  * *\n 2  * *\n"
    assert (done.rc, box.host.clock.now) == (0, 5.0)


def test_a_pause_lies_between_probes() -> None:
    box = Host()
    box.trace("-n -m 1 -q 3 -z 500 -w 1 9.9.9.9")
    assert box.host.clock.now == 2.0


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (0, " !N"),
        (1, " !H"),
        (2, " !P"),
        (3, ""),
        (5, " !S"),
        (13, " !X"),
        (14, " !V"),
        (15, " !C"),
    ],
)
def test_an_error_of_a_router_is_told_and_ends_the_way(code: int, said: str) -> None:
    box = Host()
    job = virtual.begin("traceroute -n -q 1 -N 1 9.9.9.9".split(), box.host)
    job.poll()
    quote = box.sent(box.eth0)[0][14:]
    message = icmp.build(icmp.ICMP_DEST_UNREACH, code, 0, 0, quote)
    box.send(box.eth0, packet_frame(datagram(message, src=ALICE_IP, dst=ip("10.0.0.1"))))
    assert job.poll()
    assert job.completed().out.splitlines()[1] == f" 1  10.0.0.2  0.000 ms{said}"


# Everybody may complain as often as he likes: how often is a matter of seconds.
TALKATIVE = "\n".join(
    f"ip netns exec {namespace} sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_msgs_burst=100000"
    for namespace in ("b", "c")
)


def test_an_error_that_came_only_for_a_later_probe_is_told_in_the_first_place() -> None:
    """Linux: traceroute.c check_expired(): the last hop may answer only the latest of many probes."""
    box = Host()
    job = virtual.begin("traceroute -n -q 2 -w 1 9.9.9.9".split(), box.host)
    job.poll()
    quote = box.sent(box.eth0)[1][14:]
    message = icmp.build(icmp.ICMP_DEST_UNREACH, 1, 0, 0, quote)
    box.send(box.eth0, packet_frame(datagram(message, src=ALICE_IP, dst=ip("10.0.0.1"))))
    assert job.run().out.splitlines()[1:] == [" 1  10.0.0.2  0.000 ms !H *"]


def test_an_error_of_a_router_that_was_passed_ends_the_way_where_the_silence_begins() -> None:
    box = Host()
    job = virtual.begin("traceroute -n -q 1 -w 1 9.9.9.9".split(), box.host)
    job.poll()
    quotes = [frame[14:] for frame in box.sent(box.eth0)]
    for type_, code, quote in (
        (icmp.ICMP_TIME_EXCEEDED, 0, quotes[0]),
        (icmp.ICMP_DEST_UNREACH, 1, quotes[2]),
    ):
        message = icmp.build(type_, code, 0, 0, quote)
        box.send(box.eth0, packet_frame(datagram(message, src=ALICE_IP, dst=ip("10.0.0.1"))))
    said = job.run().out.splitlines()[1:]
    assert said == [" 1  10.0.0.2  0.000 ms", " 2  10.0.0.2  0.000 ms !H"]


@pytest.fixture(scope="module")
def sides() -> Iterator[Sides]:
    with both_sides(f"{THREE_IN_A_ROW}\n{TALKATIVE}\n") as found:
        yield found


@pytest.mark.root
@pytest.mark.parametrize(
    "line",
    [
        "-n 10.1.0.2",
        "-n 10.2.0.2",
        "-n 127.0.0.1",
        "-n -I -w 5 10.2.0.2",
        "-n -U 10.2.0.2",
        "-I -n -q 1 10.1.0.1",
        "-n -q 1 10.2.0.2",
        "-n -f 2 10.2.0.2",
        "-n -m 1 10.2.0.2",
        "-n -N 1 10.2.0.2",
        "-n -q 1 -w 1 10.1.0.77",
        "-n 8.8.8.8",
        "-n 10.5.0.1",
        "-n 10.6.0.1",
        "-n 10.7.0.1",
        "-n 10.2.0.2 28",
        "-n 10.2.0.2 20",
        "-n -F 10.2.0.2 2000",
        "-n 10.2.0.2 2000",
        "-n -i v0 10.2.0.2",
        "-n -s 10.1.0.1 10.2.0.2",
        "-n -s 9.9.9.9 10.2.0.2",
        "-n -i nix 10.2.0.2",
        "-n -p 9 10.1.0.2",
        "-n --sport=4444 10.2.0.2",
        "-n --fwmark=7 10.2.0.2",
        "-n -t 0x10 10.2.0.2",
        "-n --queries=1 10.2.0.2",
        "-4nq 1 10.2.0.2",
        "-n 10.1.2",
        "-n -I -U 10.2.0.2",
        "-n -I 8.8.8.8",
        "-n -O nonsense 10.2.0.2",
        # without -w the real one gives up answers that it was too slow to read from its one socket
        "-n -T -w 5 10.1.0.2",
        "-n -T -w 5 10.2.0.2",
        "-n -T 8.8.8.8",
        "-n -T 10.5.0.1",
        "-n -T -s 9.9.9.9 10.2.0.2",
        "-n -T -i nix 10.2.0.2",
        "-n -T -q 1 10.1.0.78",
        "-n -T -w 5 -F -p 7 10.2.0.2 28",
        "-n -T -w 5 -O info 10.2.0.2",
        "-n -T -w 5 --options=ack,info -O fin 10.2.0.2",
        "-n --tcp -O ti,mss=-7,info --sport=99 10.2.0.2",
        "-n -w 5 -TO flags=2x,info 10.2.0.2",
        # what is refused
        "-n -T -O ack,,foo 10.2.0.2",
        "-n -T -O -syn 10.2.0.2",
        "-n -T -O --syn 10.2.0.2",
        "-n -T -O ,syn 10.2.0.2",
        "-n -T -O syn= 10.2.0.2",
        "-n -T -O mss 10.2.0.2",
        "-n -T -O mss=2x 10.2.0.2",
        "-n -T -O fl=x 10.2.0.2",
        "-n -T -O f=2 10.2.0.2",
        "-n -T -O foo -q 99 10.2.0.2",
        "-n -T -O a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p 10.2.0.2",
        "-n",
        "-Z -n 1.2.3.4",
        "-n -q x 127.0.0.1",
        "-n -q 11 127.0.0.1",
        "-n -q 0 127.0.0.1",
        "-n -q -1 127.0.0.1",
        "-n -q 08 127.0.0.1",
        "-n -m 256 127.0.0.1",
        "-n -f 31 127.0.0.1",
        "-n -f 0 127.0.0.1",
        "-n -q",
        "-nq1 127.0.0.1",
        "-n 127.0.0.1 99999",
        "-n 127.0.0.1 x",
        "-n -w x 127.0.0.1",
        "-n -w -1 127.0.0.1",
        "-n -w 1,2,3,4 127.0.0.1",
        "-n -p x 127.0.0.1",
        "-n 127.0.0.1 60 70",
        "-n --queries 1 127.0.0.1",
        "-n -z -1 127.0.0.1",
        "--version",
    ],
)
def test_the_text_and_the_exit_code_are_the_real_ones(sides: Sides, line: str) -> None:
    command = f"traceroute {line}"
    theirs = sides.kernel.run(command, timeout=60)
    if "not found" in theirs.err:
        pytest.skip("there is no traceroute on this machine")
    sides.host.clock.set(sides.host.clock.now + 10)  # as between two commands of a user
    ours = virtual.run(command.split(), sides.host)
    assert (ours.rc, TIMES.sub(" T", ours.out), ours.err) == (
        theirs.rc,
        TIMES.sub(" T", theirs.out),
        theirs.err,
    )


@pytest.mark.parametrize(
    "line",
    [
        "-I -O raw 1.2.3.4",
        "-I -O help",
        "-M tcp 1.2.3.4",
        "-6 ::1",
        "--mtu 1.2.3.4",
        "-g 1.1.1.1 1.2.3.4",
        "nowhere",
    ],
)
def test_what_is_not_modelled_is_refused_by_name(line: str) -> None:
    done = Host().trace(line)
    assert (done.rc, done.out) == (2, "")
    assert "is not modelled" in done.err
