"""ping says what iputils says, to the letter."""

import re
from collections.abc import Iterator

import pytest

from pystack.applets import virtual
from pystack.applets.ping_route import RouteText
from pystack.applets.requests import Interrupted
from pystack.applets.virtual import Completed
from pystack.host import Host
from pystack.netfilter.hooks import OUTPUT, HookState
from pystack.netfilter.verdict import NF_ACCEPT
from pystack.packet import Packet
from pystack.wire import icmp
from pystack.wire.checksum import verifies
from pystack.wire.ipv4 import IP_DF, parse_address
from tests.applets.both_sides import THREE_IN_A_ROW, Sides, both_sides, timeless
from tests.applets.neighbours import Echo, Neighbour, host_with_neighbour


def ping(line: str, neighbour: Neighbour | None = None) -> Completed:
    behind = host_with_neighbour() if neighbour is None else neighbour
    return virtual.run(["ping", *line.split()], behind.host, outside=behind.outside())


def address(text: str) -> int:
    value = parse_address(text)
    assert value is not None
    return value


# --- on the wire ------------------------------------------------------------------------------------------


def test_a_probe_carries_the_time_and_then_the_numbers_of_its_octets() -> None:
    behind = host_with_neighbour()
    behind.host.clock.wall = 1_700_000_000.25
    assert ping("-c1 10.0.0.2", behind).rc == 0
    (echo,) = behind.echoes()
    assert len(echo.payload) == 56
    assert int.from_bytes(echo.payload[:8], "little") == 1_700_000_000
    assert int.from_bytes(echo.payload[8:16], "little") == 250_000
    assert echo.payload[16:] == bytes(range(16, 56))
    assert verifies(echo.packet[20:])


def test_probes_count_from_one_and_keep_their_identifier() -> None:
    behind = host_with_neighbour()
    ping("-c3 -e 77 10.0.0.2", behind)
    assert [(echo.ident, echo.sequence) for echo in behind.echoes()] == [(77, 1), (77, 2), (77, 3)]


def test_two_pings_draw_different_identifiers() -> None:
    behind = host_with_neighbour()
    ping("-c1 10.0.0.2", behind)
    ping("-c1 10.0.0.2", behind)
    first, second = behind.echoes()
    assert first.ident != second.ident


def test_a_pattern_fills_the_payload_behind_the_time() -> None:
    behind = host_with_neighbour()
    assert ping("-c1 -p a1b2 -s 21 10.0.0.2", behind).out.startswith("PATTERN: 0xa1b2\nPING ")
    assert behind.echoes()[0].payload[16:] == bytes.fromhex("a1b2a1b2a1")


@pytest.mark.parametrize(("option", "dont_fragment"), [("dont", 0), ("want", IP_DF), ("do", IP_DF)])
def test_path_mtu_discovery_sets_the_dont_fragment_bit(option: str, dont_fragment: int) -> None:
    behind = host_with_neighbour()
    ping(f"-c1 -M {option} -t 9 -Q 0x10 10.0.0.2", behind)
    packet = behind.echoes()[0].packet
    assert (int.from_bytes(packet[6:8], "big"), packet[8], packet[1]) == (dont_fragment, 9, 0x10)


def test_the_source_is_the_one_asked_for() -> None:
    behind = host_with_neighbour()
    assert virtual.run("ip addr add 10.0.0.7/24 dev tap1".split(), behind.host).rc == 0
    assert "from 10.0.0.7 : 56(84)" in ping("-c1 -I 10.0.0.7 10.0.0.2", behind).out
    assert behind.echoes()[0].source == address("10.0.0.7")


# --- answers ----------------------------------------------------------------------------------------------


def test_an_answer_is_told_with_its_round_trip() -> None:
    behind = host_with_neighbour(lambda echo: [])

    def later(echo: Echo) -> list[bytes]:
        frame = bytes.fromhex("020000000001020000000099") + b"\x08\x00" + echo.reply(ttl=63)
        behind.host.timers.after(0.012_345, lambda: behind.host.init.receive(behind.port, frame))
        return []

    behind.answer = later
    assert ping("-c1 10.0.0.2", behind).out == (
        "PING 10.0.0.2 (10.0.0.2) 56(84) bytes of data.\n"
        "64 bytes from 10.0.0.2: icmp_seq=1 ttl=63 time=12.3 ms\n"
        "\n"
        "--- 10.0.0.2 ping statistics ---\n"
        "1 packets transmitted, 1 received, 0% packet loss, time 0ms\n"
        "rtt min/avg/max/mdev = 12.345/12.345/12.345/0.000 ms\n"
    )


def test_a_second_answer_is_a_duplicate() -> None:
    done = ping("-c2 10.0.0.2", host_with_neighbour(lambda echo: [echo.reply(), echo.reply()]))
    assert "icmp_seq=1 ttl=64 time=0.000 ms (DUP!)\n" in done.out
    assert "2 packets transmitted, 2 received, +1 duplicates, 0% packet loss" in done.out


def test_an_answer_from_elsewhere_is_told() -> None:
    stranger = address("10.0.0.3")
    done = ping("-c1 10.0.0.2", host_with_neighbour(lambda echo: [echo.reply(source=stranger)]))
    assert "64 bytes from 10.0.0.3: icmp_seq=1 ttl=64 time=0.000 ms (DIFFERENT ADDRESS!)\n" in done.out


def test_a_cut_answer_is_told() -> None:
    done = ping("-c1 10.0.0.2", host_with_neighbour(lambda echo: [echo.reply(payload=echo.payload[:20])]))
    assert "28 bytes from 10.0.0.2: icmp_seq=1 ttl=64 (truncated)\n" in done.out


def test_changed_octets_are_shown() -> None:
    done = ping(
        "-c1 -s 20 10.0.0.2",
        host_with_neighbour(
            lambda echo: [echo.reply(payload=echo.payload[:17] + b"\xff" + echo.payload[18:])]
        ),
    )
    assert "\nwrong data byte #17 should be 0x11 but was 0xff\n#16\t10 ff 12 13 \n" in done.out


def test_the_answer_to_another_ping_is_not_ours() -> None:
    def other(echo: Echo) -> list[bytes]:
        echo.ident ^= 1
        return [echo.reply()]

    assert (
        "1 packets transmitted, 0 received, 100% packet loss"
        in ping("-c1 -W1 10.0.0.2", host_with_neighbour(other)).out
    )


@pytest.mark.parametrize(
    ("type_", "code", "rest", "words"),
    [
        (icmp.ICMP_DEST_UNREACH, 0, 0, "Destination Net Unreachable"),
        (icmp.ICMP_DEST_UNREACH, 3, 0, "Destination Port Unreachable"),
        (icmp.ICMP_DEST_UNREACH, 4, 1400, "Frag needed and DF set (mtu = 1400)"),
        (icmp.ICMP_DEST_UNREACH, 13, 0, "Packet filtered"),
        (icmp.ICMP_DEST_UNREACH, 99, 0, None),  # the kernel hands no socket an unreachable of that code
        (icmp.ICMP_TIME_EXCEEDED, 0, 0, "Time to live exceeded"),
        (icmp.ICMP_PARAMETERPROB, 0, 20 << 24, "Parameter problem: pointer = 20"),
    ],
)
def test_an_error_is_told_and_counted(type_: int, code: int, rest: int, words: str | None) -> None:
    router = address("10.0.0.254")
    behind = host_with_neighbour(lambda echo: [echo.error(type_, code, rest=rest, source=router)])
    done = ping("-c1 -W1 192.0.2.1", behind)
    if words is None:
        assert "From" not in done.out
    else:
        assert f"\nFrom 10.0.0.254 icmp_seq=1 {words}\n" in done.out
        assert ", +1 errors, 100% packet loss" in done.out
    assert done.rc == 1


def test_a_redirect_is_told_and_not_counted() -> None:
    def redirect(echo: Echo) -> list[bytes]:
        advice = echo.error(icmp.ICMP_REDIRECT, 1, rest=address("10.0.0.9"), source=address("10.0.0.254"))
        return [advice, echo.reply()]

    done = ping("-c1 192.0.2.1", host_with_neighbour(redirect))
    assert "From 10.0.0.254: icmp_seq=1 Redirect Host(New nexthop: 10.0.0.9)\n" in done.out
    assert "1 packets transmitted, 1 received, 0% packet loss" in done.out


@pytest.mark.parametrize("length", range(0, 36, 3))
def test_garbage_from_the_net_ends_no_ping(length: int) -> None:
    def garbage(echo: Echo) -> list[bytes]:
        whole = echo.error(icmp.ICMP_DEST_UNREACH, 1)
        return [whole[:20] + whole[20 : 20 + length], echo.reply()]

    assert ping("-c1 -v 10.0.0.2", host_with_neighbour(garbage)).rc == 0


# --- when it ends -----------------------------------------------------------------------------------------


def test_a_deadline_ends_it_before_the_next_probe() -> None:
    done = ping("-w2 10.0.0.2")
    assert "2 packets transmitted, 2 received, 0% packet loss, time 1000ms" in done.out


def test_too_few_answers_before_the_deadline_are_a_failure() -> None:
    assert ping("-w1 -c3 10.0.0.2").rc == 1


def test_ctrl_c_ends_it_with_statistics() -> None:
    behind = host_with_neighbour()
    job = virtual.begin(["ping", "10.0.0.2"], behind.host, outside=behind.outside())
    assert not job.poll()
    done = job.interrupt()
    assert done.out.endswith("rtt min/avg/max/mdev = 0.000/0.000/0.000/0.000 ms\n")
    assert done.rc == 0


def test_ctrl_backslash_shows_how_it_goes() -> None:
    behind = host_with_neighbour()
    job = virtual.begin(["ping", "10.0.0.2"], behind.host, outside=behind.outside())
    job.poll()
    job.job.throw(Interrupted(3))
    job.poll()
    assert job.err.decode() == "\r1/1 packets, 0% loss, min/avg/ewma/max = 0.000/0.000/0.000/0.000 ms\n"
    assert job.interrupt().rc == 0


@pytest.mark.parametrize("line", ["-c1 10.0.0.2", "-c1 -I 192.0.2.7 10.0.0.2", "-c1 -p zz 10.0.0.2"])
def test_the_socket_is_given_back(line: str) -> None:
    behind = host_with_neighbour()
    ping(line, behind)
    assert behind.host.init.raw.sockets == []


def test_a_user_who_goes_leaves_no_socket() -> None:
    behind = host_with_neighbour()
    job = virtual.begin(["ping", "10.0.0.2"], behind.host, outside=behind.outside())
    job.poll()
    job.job.close()
    assert behind.host.init.raw.sockets == []


def test_a_flood_ends_though_the_clock_stands_still_between_answers() -> None:
    behind = host_with_neighbour()
    done = ping("-f -c5 10.0.0.2", behind)
    assert ".\b \b" * 5 in done.out
    assert len(behind.echoes()) == 5


# --- what is refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("-r 10.0.0.2", "pystack: ping -r is not modelled (known: -4, -a,"),
        ("-T tsprespec 10.0.0.2", "pystack: ping -T tsprespec is not modelled (known: tsonly, tsandaddr)"),
        ("-6 ::1", "pystack: ping -6: IPv6 is not modelled (known: IPv4)\n"),
        ("-S 1 10.0.0.2", "pystack: ping -S is not modelled"),
        ("localhost", "pystack: ping: the host name localhost is not modelled (known: IPv4 addresses)"),
        ("::1", "pystack: ping: the IPv6 address ::1 is not modelled"),
        ("10.0.0.2 10.0.0.3", "pystack: ping: a source route is not modelled"),
        ("-i -1 10.0.0.2", "pystack: ping -i -1 is not modelled"),
    ],
)
def test_what_is_not_modelled_is_refused_by_name(line: str, words: str) -> None:
    done = ping(line)
    assert (done.rc, done.out) == (2, "")
    assert done.err.startswith(words)


def test_no_network_is_told_before_the_first_line() -> None:
    done = virtual.run(["ping", "-c1", "192.0.2.1"], Host())
    assert (done.rc, done.text) == (2, "ping: connect: Network is unreachable\n")


# --- beside the real one ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sides() -> Iterator[Sides]:
    with both_sides(THREE_IN_A_ROW) as both:
        yield both


@pytest.mark.root
@pytest.mark.parametrize(
    "line",
    [
        "-c2 -i0.2 10.1.0.2",
        "-c1 10.1.0.1",
        "-c1 127.0.0.1",
        "-c1 0",
        "-c1 10.1.2",
        "-c1 10.2.0.2",
        "-c1 -t1 10.2.0.2",
        "-c1 10.2.5.5",
        "-c1 10.1.0.77",
        "-c1 -W1 10.1.0.255",
        "-b -c1 -W1 10.1.0.255",
        "-c1 255.255.255.255",
        "-c1 -W1 224.0.0.99",
        "-c1 -W1 -I v0 224.0.0.99",
        "-c1 8.8.8.8",
        "-c1 10.5.0.1",
        "-c1 10.6.0.1",
        "-c1 10.7.0.1",
        "-c1 -I v0 10.1.0.2",
        "-c1 -I v0 10.1.0.1",
        "-c1 -I 10.1.0.1 10.2.0.2",
        "-c1 -I v0 -I 10.1.0.1 10.2.0.2",
        "-c1 -W1 -I lo 10.1.0.2",
        "-c1 -W1 -I n0 10.1.0.2",
        "-c1 -I nosuch 10.1.0.2",
        "-c1 -I nosuch 224.0.0.1",
        "-c1 -I 10.9.9.9 10.1.0.2",
        "-B -c1 10.1.0.2",
        "-c1 -s 0 10.1.0.2",
        "-c1 -s 15 10.1.0.2",
        "-c1 -s 16 10.1.0.2",
        "-c1 -s 1472 10.1.0.2",
        "-c1 -s 3000 10.2.0.2",
        "-c1 -s 65507 10.1.0.2",
        "-c1 -s 65508 10.1.0.1",
        "-c1 -W1 -s 65508 10.1.0.2",
        "-c1 -M do -s 1473 10.1.0.2",
        "-c1 -M dont -s 1473 10.1.0.2",
        "-c1 -M want -s 1473 10.1.0.2",
        "-c2 -i0.2 -q 10.1.0.2",
        "-c1 -q 10.2.5.5",
        "-c2 -i0.2 -A 10.1.0.2",
        "-c3 -f 10.1.0.2",
        "-c1 -D 10.1.0.2",
        "-c1 -v 10.1.0.2",
        "-c1 -v -4 10.1.0.2",
        "-c1 -U 10.1.0.2",
        "-c1 -a 10.1.0.2",
        "-c1 -e 300 10.1.0.2",
        "-c3 -l3 10.1.0.2",
        "-c2 -i0.2 -O -W1 10.1.0.78",
        "-w1 -i0.7 10.1.0.2",
        "-w1 -c5 -i0.4 10.1.0.2",
        "-c1 -Q 0xb8 10.1.0.2",
        "-c1 -m 7 10.1.0.2",
        "-c1 -R 10.1.0.1",
        "-c3 -i0.2 -R 10.2.0.2",
        "-c2 -i0.2 -q -R 10.2.0.2",
        "-c1 -R -M do -s 1440 10.1.0.2",
        "-R -T tsonly 10.1.0.2",
        "-T tsonly -R 10.1.0.2",
        "-T x 10.1.0.2",
        "-c1 -L -W1 224.0.0.1",
        "-c1 -v -e 0 10.1.0.2",
        "-c1 -p 1234 10.1.0.2",
        "-c1 -p 12345 -s 40 10.1.0.2",
        "10.1.0.2 -c1",
        "-c1 -- 10.1.0.2",
        "-c1 -i x 10.1.0.2",
        # what is refused
        "",
        "-c",
        "-z",
        "-h",
        "-V",
        "-c0 10.1.0.2",
        "-cx 10.1.0.2",
        "-c 99999999999999999999 10.1.0.2",
        "-t256 10.1.0.2",
        "-t0 10.1.0.2",
        "-s -1 10.1.0.2",
        "-l0 10.1.0.2",
        "-e 65536 10.1.0.2",
        "-W -1 10.1.0.2",
        "-Q 256 10.1.0.2",
        "-Q q 10.1.0.2",
        "-M maybe 10.1.0.2",
        "-p 0g 10.1.0.2",
        "-w x 10.1.0.2",
    ],
)
def test_the_text_and_the_exit_code_are_the_real_ones(sides: Sides, line: str) -> None:
    sides.assert_same(f"ping {line}")


@pytest.mark.root
@pytest.mark.parametrize(
    "line",
    [
        "-c1 10.1.0.2",
        "-c1 -v 10.1.0.2",
        "-c1 -v -e 300 10.1.0.2",
        "-c1 -I 10.1.0.1 10.1.0.2",
        "-c1 -t1 10.2.0.2",
        "-c1 -M do -s 1473 10.1.0.2",
        "-c1 -R 10.2.0.2",
    ],
)
def test_a_ping_socket_makes_no_difference_but_in_the_identifier(ping_sockets: Sides, line: str) -> None:
    ping_sockets.assert_same(f"ping {line}")


@pytest.fixture(scope="module")
def ping_sockets() -> Iterator[Sides]:
    """Our group may have ping sockets."""
    with both_sides(f"{THREE_IN_A_ROW}\nsysctl -qw net.ipv4.ping_group_range='0 0'\n") as sides:
        yield sides


def test_the_socket_that_asks_for_the_source_is_given_back() -> None:
    behind = host_with_neighbour()
    assert ping("-c1 10.0.0.2", behind).rc == 0
    assert len(behind.host.init.udp.ports) == 0


def test_a_mark_is_on_every_probe() -> None:
    behind = host_with_neighbour()
    marks: list[int] = []

    def note(pkt: Packet, state: HookState) -> int:
        marks.append(pkt.mark)
        return NF_ACCEPT

    behind.host.init.hooks.ip[OUTPUT].register(note, 0, "test")
    assert ping("-c2 -i0.2 -m 7 10.0.0.2", behind).rc == 0
    assert marks == [7, 7]


STAMP = re.compile(r"\t-?[0-9]+(?= absolute$|$)", re.MULTILINE)


@pytest.mark.root
@pytest.mark.parametrize(
    "line", ["-c1 -T tsonly 10.2.0.2", "-c1 -T tsandaddr 10.2.0.2", "-c1 -T tsonly 10.1.0.1"]
)
def test_times_on_the_way_are_told_as_the_real_one_tells_them(sides: Sides, line: str) -> None:
    sides.host.clock.wall = 1_700_000_000.0  # at midnight times would look as if there were none
    theirs = sides.kernel.run(f"ping {line}", timeout=30)
    ours = virtual.run(["ping", *line.split()], sides.host)
    assert STAMP.sub("\tT", timeless(ours.text)) == STAMP.sub("\tT", timeless(theirs.text))
    assert ours.rc == theirs.rc


def test_a_route_that_was_told_is_not_told_again() -> None:
    routes, option = RouteText(flood=False), bytes((7, 7, 8, 10, 0, 0, 1, 0))
    assert routes.text(option) == "\nRR: \t10.0.0.1\n"
    assert routes.text(option) == "\t(same route)"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("01", "\nNOP"),
        ("0007", ""),
        ("07", ""),
        ("0702", ""),
        ("440c0d010a00000100000005", "\nTS: \t10.0.0.1\t5 absolute\n"),
        ("440c0d0000000005f0000007", "\nTS: \t5 absolute\n\t1879048199 absolute not-standard\n"),
        ("4408090000000005", "\nTS: \t5 absolute\n"),
        ("440c0d200000000500000009", "\nTS: \t5 absolute\n\t4\nUnrecorded hops: 2\n"),
        ("83070409090909", "\nLSRR: \t9.9.9.9\n"),
        ("940400000000", "\nunknown option 94"),
    ],
)
def test_options_are_told_in_the_words_of_iputils(options: str, said: str) -> None:
    assert RouteText(flood=False).text(bytes.fromhex(options)) == said
