"""arping says what iputils says, to the letter."""

from collections.abc import Iterator

import pytest

from pystack.applets import virtual
from pystack.applets.virtual import Completed
from pystack.wire import arp
from pystack.wire.arp import Arp
from pystack.wire.ethernet import BROADCAST, ETH_HLEN, ETH_P_ARP, header
from pystack.wire.ipv4 import parse_address
from tests.applets.both_sides import THREE_IN_A_ROW, Sides, both_sides
from tests.applets.neighbours import MAC, Neighbour, host_with_neighbour


def arping(line: str, neighbour: Neighbour | None = None) -> Completed:
    behind = host_with_neighbour() if neighbour is None else neighbour
    return virtual.run(["arping", *line.split()], behind.host, outside=behind.outside())


def asked(neighbour: Neighbour) -> list[tuple[bytes, Arp]]:
    """Destination and content of every ARP packet that came out."""
    found = []
    for frame in neighbour.seen:
        packet = arp.parse(frame, ETH_HLEN)
        if isinstance(packet, Arp):
            found.append((frame[:6], packet))
    return found


def address(text: str) -> int:
    value = parse_address(text)
    assert value is not None
    return value


def test_the_first_probe_is_broadcast_and_the_next_goes_to_who_answered() -> None:
    behind = host_with_neighbour()
    assert arping("-c2 10.0.0.2", behind).out == (
        "ARPING 10.0.0.2 from 10.0.0.1 tap1\n"
        "Unicast reply from 10.0.0.2 [02:00:00:00:00:99]  0.500ms\n"
        "Unicast reply from 10.0.0.2 [02:00:00:00:00:99]  0.500ms\n"
        "Sent 2 probes (1 broadcast(s))\n"
        "Received 2 response(s)\n"
    )
    assert [whither for whither, _ in asked(behind)] == [BROADCAST, MAC]


def test_with_b_every_probe_is_broadcast() -> None:
    behind = host_with_neighbour()
    assert "Sent 2 probes (2 broadcast(s))" in arping("-b -c2 -I tap1 10.0.0.2", behind).out
    assert [whither for whither, _ in asked(behind)] == [BROADCAST, BROADCAST]


def test_an_announcement_asks_for_its_own_address_and_expects_nothing() -> None:
    behind = host_with_neighbour()
    assert arping("-U -c1 -I tap1 10.0.0.1", behind).rc == 0
    ((whither, packet),) = asked(behind)
    assert (whither, packet.operation, packet.spa, packet.tpa) == (
        BROADCAST,
        arp.ARPOP_REQUEST,
        address("10.0.0.1"),
        address("10.0.0.1"),
    )


def test_an_announcement_by_answer_is_a_reply() -> None:
    behind = host_with_neighbour()
    arping("-A -c1 -I tap1 10.0.0.1", behind)
    ((_, packet),) = asked(behind)
    assert (packet.operation, packet.tha) == (arp.ARPOP_REPLY, packet.sha)


def test_duplicate_detection_asks_as_nobody_and_fails_if_somebody_answers() -> None:
    behind = host_with_neighbour()
    done = arping("-D -c1 -I tap1 10.0.0.2", behind)
    assert asked(behind)[0][1].spa == 0
    assert (done.rc, done.out.splitlines()[-1]) == (1, "Received 1 response(s)")


def test_a_request_for_the_same_address_is_a_conflict_too() -> None:
    behind = host_with_neighbour()
    rival = header(BROADCAST, MAC, ETH_P_ARP) + arp.build(
        Arp(arp.ARPOP_REQUEST, MAC, address("10.0.0.1"), bytes(6), address("10.0.0.1"))
    )
    behind.host.timers.after(0.5, lambda: behind.host.init.receive(behind.port, rival))
    done = arping("-D -c2 -I tap1 10.0.0.1", behind)
    assert (
        "Broadcast request from 10.0.0.1 [02:00:00:00:00:99] for 10.0.0.1 [00:00:00:00:00:00] 500.500ms\n"
        in (done.out)
    )
    assert "Received 1 response(s) (1 request(s), 1 broadcast(s))\n" in done.out


def test_a_device_that_goes_down_gets_no_more_probes() -> None:
    behind = host_with_neighbour()
    behind.host.timers.after(0.5, lambda: behind.host.init.devices.set_down(behind.port))
    assert (
        "Sent 1 probes (1 broadcast(s))\nReceived 1 response(s)\n"
        in arping("-c3 -I tap1 10.0.0.2", behind).out
    )


def test_the_tap_is_given_back() -> None:
    behind = host_with_neighbour()
    arping("-c1 10.0.0.2", behind)
    assert behind.port.taps == ()


def test_ctrl_c_ends_it_with_a_count() -> None:
    behind = host_with_neighbour(lambda echo: [])
    job = virtual.begin(["arping", "10.0.0.2"], behind.host, outside=behind.outside())
    assert not job.poll()
    assert job.interrupt().out.endswith("Sent 1 probes (1 broadcast(s))\nReceived 1 response(s)\n")


def test_the_time_of_an_answer_is_that_of_its_arrival() -> None:
    behind = host_with_neighbour(lambda echo: [])
    clock = behind.host.clock
    job = virtual.begin(["arping", "-c1", "10.0.0.2"], behind.host)
    assert not job.poll()
    clock.set(clock.now + 0.0003)
    behind.settle()
    clock.set(clock.now + 0.002)  # the command wakes up late
    assert "[02:00:00:00:00:99]  0.800ms\n" in job.run().out  # of arping's own rounding: half a one more


@pytest.mark.parametrize("line", ["localhost", "::1"])
def test_names_are_refused(line: str) -> None:
    done = arping(line)
    assert (done.rc, done.err[:17]) == (2, "pystack: arping: ")


@pytest.fixture(scope="module")
def sides() -> Iterator[Sides]:
    with both_sides(THREE_IN_A_ROW) as both:
        yield both


@pytest.mark.root
@pytest.mark.parametrize(
    "line",
    [
        "-c1 10.1.0.2",
        "-c2 -I v0 10.1.0.2",
        "-c2 -b -I v0 10.1.0.2",
        "-f -I v0 10.1.0.2",
        "-f -c1 -I v0 10.1.0.2",
        "-c1 -I v0 10.1.0.9",
        "-c2 -w1 -I v0 10.1.0.9",
        "-w1 -I v0 10.1.0.9",
        "-w1 -i0 -I v0 10.1.0.9",
        "-w1 -I v0 10.1.0.2",
        "-c1 -w3 -I v0 10.1.0.2",
        "-q -c1 -I v0 10.1.0.2",
        "-q -c1 -I v0 10.1.0.9",
        "-D -c1 -I v0 10.1.0.2",
        "-D -c1 -I v0 10.1.0.9",
        "-D -q -c1 -I v0 10.1.0.9",
        "-D -f -c1 -I v0 10.1.0.2",
        "-U -c1 -I v0 10.1.0.1",
        "-A -c1 -I v0 10.1.0.1",
        "-U -c1 -I v0 10.1.0.9",
        "-U -D -c1 -I v0 10.1.0.9",
        "-c1 -I v0 8.8.8.8",
        "-c1 -I v0 10.2.0.2",
        "-c1 -I v0 10.2.0.1",
        "-c1 -I v0 10.1.0.255",
        "-c1 8.8.8.8",
        "-c1 10.1.0.1",
        "-c1 -I n0 10.1.0.2",
        "-c1 -D -I n0 10.1.0.2",
        "-c1 -s 10.1.0.77 -I v0 10.1.0.2",
        "-c1 -s 10.1.0.1 -I v0 10.1.0.2",
        "-c1 -s 127.0.0.1 -I v0 10.1.0.9",
        "-c1 -s foo -I v0 10.1.0.2",
        "-c1 -s foo -I nosuch 10.1.0.2",
        "-c1 -I nosuch 10.1.0.2",
        "-c1 -I n1 10.1.0.2",
        "-c1 -q -I n1 10.1.0.2",
        "-c1 -I lo 10.1.0.2",
        "-c1 -D -I lo 10.1.0.2",
        "10.1.0.2 -c1",
        "-c1 10.1.2",
        "",
        "-z",
        "-c",
        "-h",
        "-V",
        "-c0 10.1.0.2",
        "-cx 10.1.0.2",
        "-w -1 10.1.0.2",
        "-c1 10.1.0.2 10.1.0.3",
    ],
)
def test_the_text_and_the_exit_code_are_the_real_ones(sides: Sides, line: str) -> None:
    sides.assert_same(f"arping {line}")
