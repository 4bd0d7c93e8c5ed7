"""What a text may differ in by nature."""

from pystack.compare.text_masks import plain_text

LOCAL = "02:00:00:00:00:01 dev tap1 master br0 permanent\n"
LEARNED = "02:00:00:00:aa:01 dev tap1 master br0 \n"


def test_what_a_kernel_with_vlans_lists_once_more_counts_once() -> None:
    again = "02:00:00:00:00:01 dev tap1 vlan 1 master br0 permanent\n"
    sticky = "02:00:00:00:aa:01 dev tap3 vlan 1 sticky master br0 static\n"
    assert plain_text(LEARNED + again + LOCAL + sticky) == LEARNED + LOCAL


def test_entries_of_other_vlans_and_learned_ones_stay() -> None:
    text = (
        "02:00:00:00:00:01 dev tap1 vlan 5 master br0 permanent\n"
        "02:00:00:00:00:01 dev tap1 vlan 11 master br0 permanent\n"
        "02:00:00:00:aa:01 dev tap1 vlan 1 master br0 \n"
    )
    assert plain_text(text) == text


def proc_row(
    sl: int = 0, *, port: str = "8BC2", queued: int = 1, left: str = "00000031", place: str = "24965242 2"
) -> str:
    """As in /proc/net/tcp."""
    ends = f"0100000A:{port} 0200000A:0063 02 {queued:08X}:00000000 01:{left} 00000000"
    return f"{sl:4}: {ends}     0        0 {place} {0x47:016x} 100 0 0 10 -1".ljust(149) + "\n"


def test_a_socket_may_lie_anywhere_and_have_any_drawn_port_in_proc() -> None:
    other = proc_row(10618, port="EE47", left="00000032", place="0 1")
    assert plain_text(proc_row()) == plain_text(other)


def test_what_else_proc_tells_of_a_socket_stays() -> None:
    for other in (proc_row(queued=2), proc_row(port="0050"), proc_row(port="EE48")):
        assert plain_text(proc_row()) != plain_text(other)


def test_what_of_a_connection_follows_from_times_may_differ_and_nothing_else() -> None:
    theirs = (
        "\t reno rto:204 rtt:0.04/0.02 cwnd:10 send 6bps lastsnd:8 app_limited minrtt:0.04 snd_wnd:5   \n"
    )
    assert plain_text(theirs) == plain_text("\t reno rto:201 rtt:1/2 cwnd:10 send 77bps minrtt:1 snd_wnd:5\n")
    assert plain_text(theirs) != plain_text(theirs.replace("cwnd:10", "cwnd:9"))
