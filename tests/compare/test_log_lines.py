"""What two lines of the kernel's log may differ in: only what each side draws for packets of its own."""

from pystack.compare.log_lines import NAME, alike_lines, identities
from pystack.wire import icmp, ipv4
from pystack.wire.ethernet import ETH_P_IP, header
from tests.frames import ip

CAME_IN = "IN=br0 OUT= SRC=10.0.0.9 DST=10.0.0.1 LEN=36 TTL=64 ID=7 PROTO=ICMP TYPE=8 CODE=0 ID=5 SEQ=1 "
OURS = "IN= OUT=br0 SRC=10.0.0.1 DST=10.0.0.9 LEN=36 TTL=64 ID=77 DF PROTO=ICMP TYPE=8 CODE=0 ID=5 SEQ=1 "


def injected() -> frozenset[tuple[str, str, int]]:
    message = icmp.build(8, 0, 5, 1, b"ping")
    head = ipv4.Ipv4Header(ip("10.0.0.9"), ip("10.0.0.1"), 1, id=7)
    frame = header(bytes(6), bytes(6), ETH_P_IP) + ipv4.build(head, len(message)) + message
    return identities([frame])


def test_equal_lines_need_nothing() -> None:
    assert alike_lines(OURS, OURS, injected()) == []


def test_the_numbers_of_a_packet_that_the_stack_made_are_its_own() -> None:
    other = OURS.replace("ID=77", "ID=4711").replace("ID=5 ", "ID=900 ")
    assert alike_lines(OURS, other, injected()) == [NAME]


def test_every_octet_counts_of_a_packet_that_came_in() -> None:
    assert alike_lines(CAME_IN, CAME_IN.replace("ID=5 ", "ID=6 "), injected()) is None
    assert alike_lines(CAME_IN, CAME_IN.replace("ID=7 ", "ID=8 "), injected()) is None


def test_nothing_else_is_forgiven_of_our_own() -> None:
    assert alike_lines(OURS, OURS.replace("TTL=64", "TTL=63"), injected()) is None
    assert alike_lines(OURS, OURS.replace("SEQ=1", "SEQ=2"), injected()) is None
    assert alike_lines(OURS, OURS.replace("DF ", ""), injected()) is None


def test_a_quoted_packet_that_came_in_counts_although_the_error_is_ours() -> None:
    error = f"IN= OUT=br0 SRC=10.0.0.1 DST=10.0.0.9 LEN=64 ID=1 PROTO=ICMP TYPE=3 CODE=3 [{CAME_IN}] "
    assert alike_lines(error, error.replace("ID=1 ", "ID=2 "), injected()) == [NAME]
    assert alike_lines(error, error.replace("SEQ=1", "SEQ=3"), injected()) is None
    assert alike_lines(error, error.replace("ID=7 ", "ID=9 "), injected()) is None


def test_lines_of_no_packet_are_compared_as_they_are() -> None:
    assert alike_lines("br0: port 1 entered", "br0: port 2 entered", injected()) is None
