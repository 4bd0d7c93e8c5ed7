"""`conntrack` without a kernel: events, what it refuses, and that names from packets stay on their line."""

import pytest

from pystack.applets import virtual
from pystack.applets.virtual import begin
from pystack.wire.tcp import ACK, SYN
from tests.netfilter.conntrack.router import PystackRouter
from tests.netfilter.conntrack.talk import ping, query, segment

VERSION = "conntrack v1.4.7 (conntrack-tools)"
HANDSHAKE = (segment(0, SYN, 100), segment(1, SYN | ACK, 500, 101), segment(0, ACK, 101, 501))
BY_USER = "[USERSPACE] portid=1 progname=conntrack"
FLOW = "src=10.1.0.2 dst=10.2.0.2 sport=1000 dport=80"
BACK = "src=10.2.0.2 dst=10.1.0.2 sport=80 dport=1000"


@pytest.fixture
def router() -> PystackRouter:
    return PystackRouter()


def do(router: PystackRouter, line: str) -> virtual.Completed:
    return virtual.run(line.split(), router.box.host)


def watched(router: PystackRouter, line: str) -> list[str]:
    """What a watcher prints of a handshake, a ping and the end of both."""
    job = begin(line.split(), router.box.host)
    job.poll()
    for said in (*HANDSHAKE, ping()):
        router.send(*said)
    do(router, "conntrack -F")
    job.poll()
    done = job.interrupt()
    assert done.rc == 0
    return [*done.out.splitlines(), done.err.strip()]


def test_events_are_told_as_they_come(router: PystackRouter) -> None:
    asked, answered = "type=8 code=0 id=7", "type=0 code=0 id=7"
    ending = f"src=10.1.0.2 dst=10.2.0.2 {asked} [UNREPLIED] src=10.2.0.2 dst=10.1.0.2 {answered}"
    lines = watched(router, "conntrack -E")
    assert lines[:4] == [
        f"    [NEW] tcp      6 120 SYN_SENT {FLOW} [UNREPLIED] {BACK}",
        f" [UPDATE] tcp      6 60 SYN_RECV {FLOW} {BACK}",
        f" [UPDATE] tcp      6 432000 ESTABLISHED {FLOW} {BACK} [ASSURED]",
        f"    [NEW] icmp     1 30 {ending}",
    ]
    assert sorted(lines[4:6]) == [
        f"[DESTROY] icmp     1 30 {ending} {BY_USER}",
        f"[DESTROY] tcp      6 432000 ESTABLISHED {FLOW} {BACK} [ASSURED] {BY_USER}",
    ]
    assert lines[6] == f"{VERSION}: 6 flow events have been shown."


def test_only_events_that_were_asked_for_are_told(router: PystackRouter) -> None:
    lines = watched(router, "conntrack -E -e NEW -p icmp -o extended")
    assert [line.split()[:3] for line in lines[:-1]] == [["[NEW]", "ipv4", "2"]]
    assert lines[-1] == f"{VERSION}: 1 flow events have been shown."


def test_events_can_be_told_as_commands(router: PystackRouter) -> None:
    lines = watched(router, "conntrack -E -o save -p tcp")
    assert [line.split()[0] for line in lines[:-1]] == ["-A", "-U", "-U", "-D"]


def test_a_watcher_that_has_gone_is_told_no_more(router: PystackRouter) -> None:
    watched(router, "conntrack -E")
    router.send(*query(0, 5, 6))
    assert do(router, "conntrack -C").out == "1\n"


@pytest.mark.parametrize(
    "line",
    [
        "conntrack -I -p sctp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2 --state CLOSED -t 5",
        "conntrack -L -o xml",
        "conntrack -L -o labels",
        "conntrack -I -r 1.1.1.1 -q 2.2.2.2 -p 99 -t 5",
    ],
)
def test_what_is_not_there_yet_is_refused_by_name(router: PystackRouter, line: str) -> None:
    done = do(router, line)
    assert done.rc == 2
    assert "not modelled" in done.err


def test_a_connection_that_was_made_by_hand_goes_on_from_its_first_segment(router: PystackRouter) -> None:
    made = "--sport 1000 --dport 80 -t 500 --state ESTABLISHED -u SEEN_REPLY,ASSURED"
    assert do(router, f"conntrack -I -p tcp -s 10.1.0.2 -d 10.2.0.2 {made}").rc == 0
    assert router.send(*segment(0, ACK, 7000, 9000)) == "ESTABLISHED"
    assert router.send(*segment(1, ACK, 9000, 7000)) == "ESTABLISHED"
    assert "[ASSURED]" in do(router, "conntrack -L").out


def test_statistics_are_counted(router: PystackRouter) -> None:
    router.send(*segment(1, SYN | ACK))
    assert "invalid=1 " in do(router, "conntrack -S").out


def test_the_listing_of_proc_is_of_its_own_namespace(router: PystackRouter) -> None:
    router.send(*ping())
    assert do(router, "cat /proc/net/nf_conntrack").out.startswith("ipv4     2 icmp     1 30 src=10.1.0.2 ")
    do(router, "ip netns add b")
    assert do(router, "ip netns exec b cat /proc/net/nf_conntrack").out == ""


# --- a file of commands -------------------------------------------------------------------------------------

ADD = "-A -t 50 -s 1.1.1.1 -d 2.2.2.2 -p udp --sport 1 --dport {}\n"


def loaded(router: PystackRouter, text: str) -> virtual.Completed:
    outside = virtual.Outside(read_file=lambda path: text.encode())
    return virtual.run(["conntrack", "-R", "flows"], router.box.host, None, outside)


def test_a_file_of_commands_is_done_without_many_words(router: PystackRouter) -> None:
    more = "-U -s 1.1.1.1 -t 60\n-D -p udp --dport 9\n"
    text = f"# of yesterday\n\n{ADD.format(3)}conntrack {ADD.format(4)}{more}"
    done = loaded(router, text)
    assert (done.rc, done.err) == (0, "")
    assert do(router, "conntrack -C").out == "2\n"
    assert do(router, "conntrack -L").out.count("udp      17 60 ") == 2


def test_nothing_of_a_file_is_done_before_all_of_it_is_understood(router: PystackRouter) -> None:
    done = loaded(router, f"{ADD.format(3)}-L\n")
    assert (done.rc, done.err.splitlines()[0]) == (
        2,
        f"{VERSION}: Cannot use command `-L' with --load-file",
    )
    assert do(router, "conntrack -C").out == "0\n"


def test_a_file_ends_with_its_first_fault(router: PystackRouter) -> None:
    again = ADD.format(3).replace("-A", "-I")
    assert loaded(router, f"{again}{again}{ADD.format(4)}").rc == 1
    assert do(router, "conntrack -C").out == "1\n"


def test_what_was_saved_can_be_loaded(router: PystackRouter) -> None:
    for said in (*HANDSHAKE, query(0, 5, 6), ping()):
        router.send(*said)
    do(router, "conntrack -I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2 -t 9 -n 3.3.3.3 -g 4.4.4.4")
    saved, listed = do(router, "conntrack -L -o save").out, do(router, "conntrack -L").out
    do(router, "conntrack -F")
    assert loaded(router, saved).rc == 0
    assert do(router, "conntrack -L").out == listed
