"""ss lists what the real one lists of equal sockets."""

import re
import shlex
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from pystack.applets import virtual
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.compare.text_masks import plain_text
from pystack.sock.options import setsockopt
from tests.box import Box
from tests.frames import ip

LO, ANY, OURS = "127.0.0.1", "0.0.0.0", "10.1.0.1"
STREAM, DATAGRAM, RAW = socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW


class Ours:
    """A host with two listeners and connections in every state that lasts."""

    def __init__(self) -> None:
        self.box = box = Box()
        box.address(box.ns.loopback, f"{OURS}/24")
        tcp, udp = box.ns.tcp, box.ns.udp
        listener = tcp.open()
        listener.bind(ip(LO), 80)
        listener.listen(5)
        other = tcp.open()
        other.bind(ip(ANY), 8080)
        other.listen(128)
        ends = []
        for port, target in ((40000, 80), (40001, 80), (40002, 8080), (40003, 8080)):
            client = tcp.open()
            client.bind(ip(LO), port)
            client.connect(ip(LO), target)
            box.settle()
            ends.append(client)
        listener.accept()
        first, second = other.accept(), other.accept()
        assert first is not None
        assert second is not None
        ends[0].send(b"hello")
        for sock in (ends[2], ends[3], second):
            sock.close()
            box.settle()
        box.advance(0.1)  # what was only scheduled to be acknowledged is
        bound = udp.open()
        bound.bind(ip(ANY), 53)
        connected = udp.open()
        connected.bind(ip(OURS), 5353)
        connected.connect(ip(OURS), 53)
        on_lo = udp.open()
        on_lo.bind_to_device("lo")
        on_lo.bind(ip(OURS), 54)
        setsockopt(on_lo, "SO_REUSEADDR", 1)
        box.ns.raw.open(1)

    def ss(self, words: str) -> virtual.Completed:
        return virtual.run(["ss", *shlex.split(words)], self.box.host)


def build_theirs(kernel: KernelNetns, held: ExitStack) -> None:
    """The same in a namespace of the kernel's."""

    def opened(kind: int, protocol: int = 0) -> socket.socket:
        return held.enter_context(socket.socket(fileno=kernel.open_socket(socket.AF_INET, kind, protocol)))

    kernel.sh("sysctl -qw net.ipv4.tcp_congestion_control=reno").check()
    kernel.sh(f"ip link set lo up; ip addr add {OURS}/24 dev lo").check()
    listener, other = opened(STREAM), opened(STREAM)
    listener.bind((LO, 80))
    listener.listen(5)
    other.bind((ANY, 8080))
    other.listen(128)
    ends = []
    for port, target in ((40000, 80), (40001, 80), (40002, 8080), (40003, 8080)):
        client = opened(STREAM)
        client.bind((LO, port))
        client.connect((LO, target))
        ends.append(client)
    held.enter_context(listener.accept()[0])
    held.enter_context(other.accept()[0])
    second = held.enter_context(other.accept()[0])
    ends[0].send(b"hello")
    ends[2].close()
    ends[3].close()
    assert second.recv(1) == b""
    second.close()
    while kernel.run("ss -tanH state last-ack state fin-wait-1").out:
        pass  # a loaded machine takes its time
    bound, connected, on_lo = opened(DATAGRAM), opened(DATAGRAM), opened(DATAGRAM)
    bound.bind((ANY, 53))
    connected.bind((OURS, 5353))
    connected.connect((OURS, 53))
    on_lo.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, struct.pack("3s", b"lo"))
    on_lo.bind((OURS, 54))
    opened(RAW, 1)


@pytest.fixture(scope="module")
def theirs() -> Iterator[KernelNetns]:
    with KernelNetns() as kernel, ExitStack() as held:
        build_theirs(kernel, held)
        yield kernel


@pytest.mark.root
@pytest.mark.parametrize(
    "words",
    [
        "-tn",
        "-tan",
        "-tln",
        "-tanH",
        "-una",
        "-un",
        "-uln",
        "-wna",
        "-wn",
        "-tuwan4",
        "-tunlOH",
        "--tcp --all --numeric",
        "-tan state listening",
        "-tan state time-wait",
        "-tan state all exclude listening",
        "-tn state FIN-WAIT-2 state close-wait",
        "-tan state bogus",
        "-tan state connected dport = :8080",
        "-tan sport = :80",
        "-tan sport eq 80 or dport gt 40001",
        "-tan sport != 80 and dport le 40001",
        "-tan '( sport = :8080 or sport = 80 )' and not dport 40000",
        "-tan 'sport = :8080 | sport = 80'",
        "-tan dst 127.0.0.1:40000",
        "-tan dst = 127.0.0.1",
        "-tan src 10.1.0.1",
        "-uan src 10.1.0.0/24",
        "-tan src :80",
        "-tanp",
        "-tlnm",
        "-tlnmO",
        "-uanm",
    ],
)
def test_the_listing_is_the_real_ones(theirs: KernelNetns, words: str) -> None:
    """The kernel's order is that of hashes."""
    kernel, ours = theirs.run(f"ss {words}"), Ours().ss(words)
    assert (ours.rc, sorted(ours.text.splitlines())) == (kernel.rc, sorted(kernel.text.splitlines()))


@pytest.mark.root
@pytest.mark.parametrize(
    "words", ["-tanie", "-tani state all exclude time-wait", "-tni", "-tlniO", "-tine", "-uaneim", "-tanieO"]
)
def test_how_connections_go_is_told_as_the_real_one_tells_it(theirs: KernelNetns, words: str) -> None:
    """But for times and what follows from them, and whose the sockets are."""
    kernel, ours = theirs.run(f"ss {words}").out, Ours().ss(words).text
    assert sorted(plain_text(ours).splitlines()) == sorted(plain_text(kernel).splitlines())


def test_services_have_names_unless_numbers_are_wanted() -> None:
    outside = virtual.Outside(read_file=lambda path: b"http 80/tcp\nhttp-alt 8080/tcp\nx 40000/tcp\n")
    done = virtual.run("ss -ta sport = :http".split(), Ours().box.host, outside=outside)
    assert [line.split()[3:5] for line in done.out.splitlines()[1:]] == [
        ["127.0.0.1:http", "0.0.0.0:*"],
        ["127.0.0.1:http", "127.0.0.1:40000"],
        ["127.0.0.1:http", "127.0.0.1:40001"],
    ]


def test_rates_are_short_unless_numbers_are_wanted() -> None:
    ours = Ours()
    assert re.search(r"^\t reno wscale:\S+ .* send [0-9.]+Mbps ", ours.ss("-ti").out, re.MULTILINE)
    assert re.search(r"^\t reno wscale:\S+ .* send [0-9]+bps ", ours.ss("-tin").out, re.MULTILINE)


def test_a_socket_keeps_its_number() -> None:
    ours = Ours()
    first = re.findall(r" sk:\w+", ours.ss("-tuwae").out)
    assert len(first) == len(set(first)) > 9
    assert re.findall(r" sk:\w+", ours.ss("-tuwae").out) == first


def test_timers_are_told() -> None:
    ours = Ours()
    out = ours.ss("-tano state time-wait").out
    assert " timer:(timewait,59sec,0)" in out
    knocking = ours.box.ns.tcp.open()
    ours.box.port("eth0", bytes.fromhex("020000000001"), "10.9.0.1/24")
    knocking.connect(ip("10.9.0.9"), 80)
    ours.box.advance(0.5)
    assert ",500ms,0)" in ours.ss("-tno state syn-sent").out


@pytest.mark.parametrize("words", ["--tos", "-tan dev lo", "-tan '('", "-tan sport ="])
def test_what_is_not_modelled_is_refused_by_name(words: str) -> None:
    done = Ours().ss(words)
    assert done.rc == 2
    assert done.err.startswith("pystack: ss")


def test_all_sockets_are_summed_up() -> None:
    assert Ours().ss("-s").out.splitlines()[:2] == [
        "Total: 11",
        "TCP:   9 (estab 5, closed 2, orphaned 0, timewait 2)",
    ]


def fields(text: str) -> list[list[str]]:
    """The rows of /proc/net/tcp without what each side has its own of: number, timer, inode, references."""
    rows = [line.split() for line in text.splitlines()[1:]]
    return sorted([*row[1:5], *row[6:9]] for row in rows)


@pytest.mark.root
@pytest.mark.parametrize("name", ["tcp", "udp"])
def test_the_files_of_proc_have_the_kernels_rows(theirs: KernelNetns, name: str) -> None:
    kernel = theirs.run(f"cat /proc/net/{name}").out
    ours = virtual.run(["cat", f"/proc/net/{name}"], Ours().box.host).out
    assert [len(line) for line in ours.splitlines()] == [len(line) for line in kernel.splitlines()]
    assert ours.splitlines()[0] == kernel.splitlines()[0]
    assert fields(ours) == fields(kernel)


@pytest.mark.root
def test_sockstat_counts_what_is_in_use(theirs: KernelNetns) -> None:
    kernel = theirs.run("cat /proc/net/sockstat").out
    ours = virtual.run(["cat", "/proc/net/sockstat"], Ours().box.host).out
    words = [[line.split()[:3] for line in text.splitlines()[1:]] for text in (ours, kernel)]
    assert words[0] == words[1]
