"""The command line of `pystack explain`."""

import pytest

from pystack.explain.command import DONE, FAILED, USAGE, Answer, answer
from pystack.explain.stage import Json
from tests.explain.lab import build

PING = "10.0.0.2 > 10.0.0.1: ICMP echo request"


def ask(*args: str) -> Answer:
    host = build()
    return answer(args, host, host.init)


def test_a_packet_s_way_is_printed_a_stage_a_line() -> None:
    printed = ask(PING, "--in", "tap1").out.splitlines()
    assert printed[0] == (
        "#1 enters by tap1: IP 10.0.0.2 > 10.0.0.1: ICMP echo request, id 1, seq 1, length 64"
    )
    assert printed[-1] == "    = sent by tap1   (path 4-2-8)"
    assert all(line.startswith(("#", "    ")) for line in printed)


def test_with_detailed_also_what_changed_nothing_is_shown() -> None:
    assert "accepted: nothing is registered here" not in ask(PING, "--in", "tap1").out
    detailed = ask(PING, "--in", "tap1", "--detailed").out
    assert "ip PREROUTING     accepted: nothing is registered here" in detailed
    assert "Linux: net/ipv4/route.c ip_route_input_slow()" in detailed


def test_the_json_stream_has_packets_stages_and_outcomes() -> None:
    told = ask(PING, "--in", "tap1", "--json").json
    kinds = [entry["type"] for entry in told]
    assert kinds.count("packet") == kinds.count("outcome") == 2
    assert told[0] == {
        "v": 1,
        "type": "packet",
        "packet": 1,
        "netns": "",
        "begins": "enters by tap1",
        "cause": None,
        "hex": told[0]["hex"],
    }
    outcome: Json = {
        "v": 1,
        "type": "outcome",
        "packet": 2,
        "path": "4-2-8",
        "ends": ["sent by tap1"],
        "caused": [],
    }
    assert told[-1] == outcome


def test_the_json_stream_has_the_lines_of_log_rules() -> None:
    host = build("iptables -A INPUT -j LOG --log-prefix 'here '\n")
    (line,) = [
        entry
        for entry in answer([PING, "--in", "tap1", "--json"], host, host.init).json
        if entry["type"] == "log"
    ]
    assert (line["packet"], line["family"], line["hook"]) == (1, "ip", "INPUT")
    assert str(line["text"]).startswith("here IN=br0 OUT= PHYSIN=tap1 MAC=")


@pytest.mark.parametrize(
    ("args", "rc", "says"),
    [
        ((), USAGE, "one packet, in quotes"),
        ((PING, PING), USAGE, "one packet, in quotes"),
        ((PING,), USAGE, "by which device does it enter? --in DEV (known: lo, tap1, tap2, wan, br0)"),
        ((PING, "--in", "tap9"), USAGE, "there is no device tap9"),
        ((PING, "--in", "tap1", "--out"), USAGE, "--in or --out, not both"),
        ((PING, "--dev", "tap1"), USAGE, "--dev is about the socket that sends: it goes with --out"),
        ((PING, "--in", "tap1", "--mark", "1"), USAGE, "--mark is about the socket that sends"),
        ((PING, "--out", "--mark", "red"), USAGE, "--mark red: not a number"),
        ((PING, "--in", "tap1", "--json", "--path"), USAGE, "one of --detailed, --path and --json"),
        ((PING, "--in", "tap1", "--host"), USAGE, "--host: the client takes the kernel's state over"),
        ((PING, "--sideways"), USAGE, "unrecognized option '--sideways'"),
        (("rubbish", "--out"), USAGE, "not a packet: 'rubbish'"),
        (("zz", "--hex", "--in", "tap1"), USAGE, "not hexadecimal digits"),
        (("0.0.0.0.1 > 198.51.100.1.1: UDP", "--out"), FAILED, "Network is unreachable"),
        (("0.0.0.0.1 > 10.0.0.1.1: UDP", "--out", "--dev", "tap9"), FAILED, "No such device"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(args: tuple[str, ...], rc: int, says: str) -> None:
    answered = ask(*args)
    assert answered.rc == rc
    assert says in answered.err
    assert answered.err.startswith("pystack: ")
    assert answered.err.count("\n") == 1


def test_a_device_of_another_namespace_is_pointed_at() -> None:
    host = build("ip netns add far\nip -n far link add d0 type dummy\n")
    told = answer((PING, "--in", "d0"), host, host.init)
    assert told.err.endswith("; namespace far has one: pystack -n far explain\n")
    assert answer((PING, "--in", "d0"), host, host.namespaces["far"]).rc == FAILED  # it is down


def test_mark_and_user_of_the_sender_decide_about_the_rules() -> None:
    host = build("ip rule add fwmark 7 prohibit pref 10\nip rule add uidrange 5-6 prohibit pref 20\n")
    words = ("0.0.0.0.1 > 10.0.0.2.1: UDP", "--out")
    allowed = answer(words, host, host.init)
    assert "no match: its mark is 0x0" in allowed.out
    assert "no match: its user is 0" in allowed.out
    for option, value in (("--mark", "0x7"), ("--uid", "5")):
        refused = answer((*words, option, value), host, host.init)
        assert refused.rc == FAILED
        assert "Permission denied" in refused.err


def test_the_way_alone_is_drawn() -> None:
    lines = ask(PING, "--in", "tap1", "--path").out.splitlines()
    assert lines[1:3] == [
        "    path 1-2: from a port of a bridge to the bridge's own address",
        "      1   tap1",
    ]


def test_help_is_no_fault() -> None:
    answered = ask("--help")
    assert answered.rc == DONE
    assert answered.out.startswith("usage: pystack explain PACKET")
