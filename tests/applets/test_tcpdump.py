"""What tcpdump sees of a host, and that no frame and no words can upset it."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.applets import virtual
from pystack.applets.requests import FileRefused, Interrupted
from pystack.applets.tcpdump.dissect import Dissector
from pystack.applets.tcpdump.filter import FilterError, Subject, compile_filter, matches
from pystack.applets.tcpdump.link import EN10MB, LINUX_SLL2
from pystack.applets.tcpdump.names import Names
from pystack.applets.tcpdump.page import Look
from pystack.applets.virtual import Completed, Outside, VirtualJob
from pystack.errors import NotModelled
from pystack.wire import arp, pcap
from pystack.wire.arp import Arp
from pystack.wire.ethernet import ETH_P_ARP, header
from tests.applets import tcpdump_frames as frames
from tests.applets.neighbours import MAC, Neighbour, host_with_neighbour

ALL_FRAMES = [
    frame
    for make in (
        frames.arps,
        frames.icmps,
        frames.udps,
        frames.tcps,
        frames.igmps,
        frames.headers,
        frames.links,
    )
    for frame in make()
]
QUIET = "tcpdump: verbose output suppressed, use -v[v]... for full protocol decode\n"


class Files:
    """A folder of the user's."""

    def __init__(self, **content: bytes) -> None:
        self.content = {name.replace("_", "."): octets for name, octets in content.items()}

    def read(self, path: str) -> bytes:
        if path not in self.content:
            raise FileRefused(path, "No such file or directory")
        return self.content[path]

    def write(self, path: str, octets: bytes) -> None:
        if "/" in path:
            raise FileRefused(path, "No such file or directory")
        self.content[path] = octets


def listen(behind: Neighbour, line: str, files: Files | None = None) -> VirtualJob:
    folder = Files() if files is None else files
    outside = Outside(read_file=folder.read, write_file=folder.write, settle=behind.settle)
    job = virtual.begin(["tcpdump", *line.split()], behind.host, outside=outside)
    job.poll()
    return job


def ping(behind: Neighbour, line: str = "-c1 10.0.0.2") -> None:
    virtual.run(["ping", *line.split()], behind.host, outside=behind.outside())


def read(content: bytes, *options: str) -> Completed:
    host = host_with_neighbour().host
    outside = Outside(read_file=Files(f_pcap=content).read)
    return virtual.run(["tcpdump", "-r", "f.pcap", *options], host, outside=outside)


# --- listening --------------------------------------------------------------------------------------------


def test_frames_are_shown_in_the_order_in_which_they_pass() -> None:
    behind = host_with_neighbour()
    job = listen(behind, "-nn -t -i tap1")
    ping(behind, "-c1 -e 7 10.0.0.2")
    assert job.interrupt().text == (
        QUIET + "listening on tap1, link-type EN10MB (Ethernet), snapshot length 262144 bytes\n"
        "ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28\n"
        "ARP, Reply 10.0.0.2 is-at 02:00:00:00:00:99, length 28\n"
        "IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id 7, seq 1, length 64\n"
        "IP 10.0.0.2 > 10.0.0.1: ICMP echo reply, id 7, seq 1, length 64\n"
        "\n"
        "4 packets captured\n"
        "4 packets received by filter\n"
        "0 packets dropped by kernel\n"
    )


def test_it_ends_by_itself_after_as_many_frames_as_asked() -> None:
    behind = host_with_neighbour()
    job = listen(behind, "-nn -c2 -i tap1")
    ping(behind)
    assert job.poll()
    assert job.completed().rc == 0
    assert "2 packets captured\n4 packets received by filter\n" in job.completed().err


@pytest.mark.parametrize(("direction", "shown"), [("in", 2), ("out", 2), ("inout", 4)])
def test_one_direction_can_be_picked(direction: str, shown: int) -> None:
    behind = host_with_neighbour()
    job = listen(behind, f"-nn -Q {direction} -i tap1")
    ping(behind)
    assert f"\n{shown} packets captured\n4 packets received by filter\n" in job.interrupt().text


@pytest.mark.parametrize(("words", "shown"), [("inbound", 2), ("outbound", 2), ("outbound or icmp", 3)])
def test_a_filter_can_pick_a_direction(words: str, shown: int) -> None:
    behind = host_with_neighbour()
    job = listen(behind, f"-nn -i tap1 {words}")
    ping(behind)
    assert f"\n{shown} packets received by filter\n" in job.interrupt().err


def test_any_shows_where_a_frame_was_seen() -> None:
    behind = host_with_neighbour()
    job = listen(behind, "-nn -t -e -i any arp")
    ping(behind)
    done = job.interrupt()
    assert done.err.startswith(
        "tcpdump: data link type LINUX_SLL2\n"
        + QUIET
        + "listening on any, link-type LINUX_SLL2 (Linux cooked v2), snapshot length 262144 bytes\n"
    )
    assert done.out.splitlines()[:2] == [
        "tap1  Out ifindex 2 02:00:00:00:00:01 ethertype ARP (0x0806), length 48: "
        "Request who-has 10.0.0.2 tell 10.0.0.1, length 28",
        "tap1  In  ifindex 2 02:00:00:00:00:99 ethertype ARP (0x0806), length 48: "
        "Reply 10.0.0.2 is-at 02:00:00:00:00:99, length 28",
    ]


def test_what_passes_loopback_is_shown_once() -> None:
    behind = host_with_neighbour()
    job = listen(behind, "-nn -i any icmp")
    ping(behind, "-c1 10.0.0.1")
    done = job.interrupt()
    assert [line.split()[1:3] for line in done.out.splitlines()[:2]] == [["lo", "In"], ["lo", "In"]]
    assert "\n2 packets captured\n4 packets received by filter\n" in done.err


def test_frames_for_others_are_seen_too() -> None:
    behind = host_with_neighbour()
    job = listen(behind, "-nn -t -i tap1")
    stranger = header(bytes.fromhex("0200000000aa"), MAC, ETH_P_ARP) + arp.build(Arp(1, MAC, 1, bytes(6), 2))
    behind.host.init.receive(behind.port, stranger)
    assert job.interrupt().out == "ARP, Request who-has 0.0.0.2 tell 0.0.0.1, length 28\n\n"


def test_a_device_that_is_taken_away_ends_it() -> None:
    behind = host_with_neighbour()
    assert virtual.run("ip link add v0 type veth peer name v1".split(), behind.host).rc == 0
    assert virtual.run("ip link set v0 up".split(), behind.host).rc == 0
    job = listen(behind, "-nn -i v0")
    assert virtual.run("ip link del v0".split(), behind.host).rc == 0
    assert job.poll()
    assert job.completed().rc == 1
    assert "\ntcpdump: pcap_loop: The interface disappeared\n0 packets captured\n" in job.completed().err


def test_a_full_queue_counts_what_it_loses() -> None:
    behind = host_with_neighbour()
    job = listen(behind, "-nn -i tap1")
    for tap in behind.port.taps:
        tap.__self__.limit = 1  # type: ignore[attr-defined]
    ping(behind)
    assert job.interrupt().err.endswith(
        "1 packet captured\n4 packets received by filter\n3 packets dropped by kernel\n"
    )


@pytest.mark.parametrize(
    "line", ["-i tap1", "-i tap1 -p", "-i any", "-i tap1 foo bar", "-c1 -i tap1 -w no/where"]
)
def test_device_and_tap_are_given_back(line: str) -> None:
    behind = host_with_neighbour()
    job = listen(behind, line)
    if not job.poll():
        assert behind.port.taps != ()
        assert behind.port.promiscuity == (0 if "-p" in line or "any" in line else 1)
        job.interrupt()
    assert (behind.port.taps, behind.port.promiscuity) == ((), 0)


def test_a_user_who_goes_leaves_no_tap() -> None:
    behind = host_with_neighbour()
    job = listen(behind, "-i tap1")
    job.job.close()
    assert (behind.port.taps, behind.port.promiscuity) == ((), 0)


def test_without_a_device_it_takes_the_first() -> None:
    behind = host_with_neighbour()
    assert "listening on tap1, " in listen(behind, "-nn").interrupt().err


def test_devices_are_listed_those_first_that_something_can_be_seen_on() -> None:
    behind = host_with_neighbour()
    virtual.run("ip link add v0 type veth peer name v1".split(), behind.host)
    assert virtual.run(["tcpdump", "-D"], behind.host).text == (
        "1.tap1 [Up, Running, Connected]\n"
        "2.any (Pseudo-device that captures on all interfaces) [Up, Running]\n"
        "3.lo [Up, Running, Loopback]\n"
        "4.v1 [none, Disconnected]\n"
        "5.v0 [none, Disconnected]\n"
    )


def test_sigterm_ends_it_like_ctrl_c_and_others_do_not() -> None:
    behind = host_with_neighbour()
    assert listen(behind, "-i tap1").interrupt(15).rc == 0
    job = listen(behind, "-i tap1")
    job.job.throw(Interrupted(3))
    assert job.job.rc == 128 + 3


# --- files ------------------------------------------------------------------------------------------------


def test_what_is_written_can_be_read_again() -> None:
    behind, files = host_with_neighbour(), Files()
    job = listen(behind, "-i tap1 -w out.pcap", files)
    ping(behind)
    done = job.interrupt()
    assert (done.out, done.err.partition("\n")[0]) == (
        "",
        "tcpdump: listening on tap1, link-type EN10MB (Ethernet), snapshot length 262144 bytes",
    )
    captured = [one for one in pcap.parse(files.content["out.pcap"]) if isinstance(one, pcap.Captured)]
    assert [one.frame for one in captured][0::3] == [behind.seen[0], captured[3].frame]
    assert len(captured) == 4


def test_a_file_can_go_to_standard_output() -> None:
    behind = host_with_neighbour()
    job = listen(behind, "-i tap1 -w - -c1 arp")
    ping(behind)
    job.poll()
    (captured,) = pcap.parse(bytes(job.out))
    assert isinstance(captured, pcap.Captured)
    assert captured.frame[12:14] == b"\x08\x06"


def test_a_snapshot_length_cuts_and_remembers_the_length() -> None:
    behind, files = host_with_neighbour(), Files()
    job = listen(behind, "-i tap1 -s 20 -w out.pcap icmp", files)
    ping(behind)
    job.interrupt()
    first = next(pcap.parse(files.content["out.pcap"]))
    assert isinstance(first, pcap.Captured)
    assert (len(first.frame), first.length) == (20, 98)


def test_frames_of_a_file_can_be_picked_into_another() -> None:
    files = Files(in_pcap=frames.savefile(frames.whole([*frames.arps(), *frames.udps()])))
    outside = Outside(read_file=files.read, write_file=files.write)
    argv = ["tcpdump", "-r", "in.pcap", "-w", "out.pcap", "udp"]
    assert virtual.run(argv, host_with_neighbour().host, outside=outside).rc == 0
    assert len(list(pcap.parse(files.content["out.pcap"]))) == len(list(frames.udps()))


def test_cooked_frames_can_be_written_and_read() -> None:
    behind, files = host_with_neighbour(), Files()
    job = listen(behind, "-i any -w out.pcap arp", files)
    ping(behind)
    job.interrupt()
    done = virtual.run(
        ["tcpdump", "-nnt", "-r", "out.pcap"], behind.host, outside=Outside(read_file=files.read)
    )
    assert "link-type LINUX_SLL2 (Linux cooked v2)" in done.err
    assert done.out.startswith("tap1  Out ARP, Request who-has 10.0.0.2 tell 10.0.0.1, length 28\n")


def test_a_filter_can_stand_in_a_file() -> None:
    content = frames.savefile(frames.whole([*frames.arps(), *frames.udps()]))
    files = Files(in_pcap=content, words=b"udp # and not\n# arp\nand dst port 5000\n")
    argv = "tcpdump -r in.pcap --count -F words".split()
    done = virtual.run(argv, host_with_neighbour().host, outside=Outside(read_file=files.read))
    later_fragments = 2  # which have no ports
    assert done.out == f"{len(list(frames.udps())) - later_fragments} packets\n"


def test_names_stand_for_numbers_where_files_know_them() -> None:
    files = Files()
    files.content = {
        "f.pcap": frames.savefile(frames.whole([frames.ip(frames.udp(b"", 40000, 53), 17)])),
        "/etc/services": b"domain 53/tcp\ndomain 53/udp\n",
        "/etc/hosts": b"10.0.0.2 server server.lab # a comment\n::1 localhost\n",
    }
    host = host_with_neighbour().host
    argv = ["tcpdump", "-t", "-r", "f.pcap", "dst host server.lab and port domain"]
    done = virtual.run(argv, host, outside=Outside(read_file=files.read))
    assert done.out == "IP 10.0.0.1.40000 > server.domain: UDP, length 0\n"


# --- what is refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["-b", "-d", "-G 3", "-E secret", "-T vxlan", "-y RAW", "--monitor-mode"])
def test_what_is_not_modelled_is_refused_by_name(option: str) -> None:
    done = listen(host_with_neighbour(), f"-i tap1 {option}").completed()
    assert (done.rc, done.out) == (2, "")
    assert done.err.startswith("pystack: tcpdump -")
    assert " is not modelled (known: -a, " in done.err


@pytest.mark.parametrize(
    "words", ["mpls", "tcp and geneve", "gateway foo", "ip protochain 6", "not (iso)", "byte 0 = 1"]
)
def test_words_of_a_filter_that_are_not_modelled_are_refused_by_name(words: str) -> None:
    done = listen(host_with_neighbour(), f"-i tap1 {words}").completed()
    assert done.rc == 2
    assert "pystack: tcpdump: the filter word " in done.err


def test_other_link_types_are_refused_by_name() -> None:
    done = read(pcap.file_header(linktype=101))
    known = "1 (EN10MB), 276 (LINUX_SLL2), 239 (NFLOG)"
    assert done.err == f"pystack: tcpdump: the link type 101 is not modelled (known: {known})\n"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("-i nosuch", "tcpdump: nosuch: No such device exists\n(No such device exists)\n"),
        ("-c0", "tcpdump: invalid packet count 0\n"),
        ("-cx", "tcpdump: invalid packet count x\n"),
        ("-Q up", "tcpdump: unknown capture direction `up'\n"),
        ("-s 300000", "tcpdump: invalid snaplen 300000 (must be >= 0 and <= 262144)\n"),
        ("-tttttt", "tcpdump: only -t, -tt, -ttt, -tttt and -ttttt are supported\n"),
        ("-r nosuch", "tcpdump: nosuch: No such file or directory\n"),
        ("-i tap1 arp and", "tcpdump: can't parse filter expression: syntax error\n"),
        ("-i tap1 -F nosuch", "tcpdump: can't open nosuch: No such file or directory\n"),
    ],
)
def test_mistakes_are_told_in_the_real_words(line: str, words: str) -> None:
    done = listen(host_with_neighbour(), line).completed()
    assert (done.rc, done.text) == (1, words)


def test_a_word_that_is_no_option_is_followed_by_the_usage() -> None:
    done = listen(host_with_neighbour(), "-k").completed()
    assert done.rc == 1
    assert done.err.startswith("tcpdump: invalid option -- 'k'\ntcpdump version 4.99.3\n")
    assert done.err.endswith("[ -z postrotate-command ] [ -Z user ] [ expression ]\n")


# --- hostile frames and words -----------------------------------------------------------------------------

LOOKS = [Look(n=1), Look(n=1, v=2, e=True), Look(v=1, X=1), Look(n=1, q=1, A=1), Look(n=1, v=3, x=2, S=True)]


@given(st.binary(max_size=120), st.integers(0, len(LOOKS) - 1), st.booleans())
def test_no_octets_upset_a_printer(octets: bytes, look: int, is_cooked: bool) -> None:
    link = LINUX_SLL2 if is_cooked else EN10MB
    assert Dissector(LOOKS[look], Names(), link).text(0, octets, len(octets) + 3).endswith("\n")


@given(st.data())
def test_no_change_to_a_frame_upsets_a_printer(data: st.DataObject) -> None:
    frame = bytearray(data.draw(st.sampled_from(ALL_FRAMES)))
    for _ in range(data.draw(st.integers(1, 4))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    kept = bytes(frame[: data.draw(st.integers(1, len(frame)))])
    look = data.draw(st.sampled_from(LOOKS))
    assert Dissector(look, Names()).text(1, kept, len(frame)).endswith("\n")


ETHERTYPES = (0x0800, 0x86DD, 0x0806, 0x8100, 0x0026)
PROTOCOLS = (1, 2, 4, 6, 17, 41, 50, 58, 59, 0, 43, 44, 60)


@given(st.sampled_from(ETHERTYPES), st.sampled_from(PROTOCOLS), st.binary(max_size=160))
def test_no_packet_of_a_known_kind_upsets_a_printer(kind: int, protocol: int, rest: bytes) -> None:
    payload = bytearray(rest)
    for place, value in ((0, 0x45 if kind == 0x0800 else 0x60), (9, protocol), (6, protocol)):
        if place < len(payload) and not (kind == 0x0800 and place == 6):
            payload[place] = value
    frame = frames.ether(kind, bytes(payload))
    for look in LOOKS:
        Dissector(look, Names()).text(0, frame, len(frame))


WORDS = (
    "tcp udp ip ip6 arp icmp host net port portrange src dst and or not ( ) [ ] : = != < > & | + - * / ether "
    "proto vlan 80 10.0.0.1 10.0 ::1 00:11:22:33:44:55 foo len less greater broadcast multicast 0 13 tcp-syn "
    "icmptype mask"
).split()


@given(st.lists(st.sampled_from(WORDS), max_size=12))
def test_no_words_upset_the_parser(words: list[str]) -> None:
    try:
        test = compile_filter(" ".join(words), EN10MB, Names(), live=False)
    except (FilterError, NotModelled):
        return
    for frame in random.Random(1).sample(ALL_FRAMES, 8):
        assert matches(test, Subject(frame, len(frame))) in (True, False)


@given(st.text(max_size=40))
def test_no_text_upsets_the_parser(text: str) -> None:
    try:
        compile_filter(text, EN10MB, Names(), live=True)
    except (FilterError, NotModelled):
        pass


@pytest.mark.parametrize(
    "text",
    ["(" * 5000 + "tcp", "not " * 5000 + "tcp", "- " * 5000 + "1 = 1", "tcp or udp and " * 3000 + "ip"],
)
def test_nesting_without_end_is_refused(text: str) -> None:
    with pytest.raises(FilterError, match="memory exhausted"):
        compile_filter(text, EN10MB, Names(), live=False)


def test_a_long_list_of_hosts_is_no_nesting() -> None:
    hosts = " or ".join(f"host 10.0.{number // 256}.{number % 256}" for number in range(2000))
    test = compile_filter(hosts, EN10MB, Names(), live=False)
    frame = frames.ip(frames.udp(b""), 17)
    assert matches(test, Subject(frame, len(frame)))
