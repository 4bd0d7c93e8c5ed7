"""--state: flows go on after a stop and a start; a file that is not whole lets nothing through."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest
import trio

from pystack.applets import virtual
from pystack.daemon.config import ConfigError
from pystack.daemon.stack import Stack
from pystack.daemon.state_file import StateFile
from pystack.wire.tcp import ACK, SYN, TcpHeader
from tests.daemon.router import INSIDE, PLAIN, SETUP, answered, asked, listed, router, spoken

NOW = 1_700_000_000.0


def stopped(stack: Stack, path: Path) -> None:
    stack.host.clock.wall = NOW
    StateFile(str(path)).save(stack.host)


def started(path: Path, setup: str = SETUP, later: float = 0.0) -> Stack:
    stack = router(setup)
    StateFile(str(path)).load(stack.host, NOW + later)
    return stack


def busy(setup: str = SETUP) -> Stack:
    """One of each kind of flow."""
    stack = router(setup)
    asked(stack, 5000, 53, b"name?")
    asked(stack, 5001, 69, b"\0\1name\0octet\0")
    spoken(stack, 0, TcpHeader(6000, 21, seq=99, ack=0, flags=SYN, window=9000))
    spoken(stack, 1, TcpHeader(21, 6000, seq=499, ack=100, flags=SYN | ACK, window=9000))
    spoken(stack, 0, TcpHeader(6000, 21, seq=100, ack=500, flags=ACK, window=9000), b"NOOP\r\n")
    for command in (
        "conntrack -I -p sctp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2 --state CLOSED -t 5",
        "conntrack -I -p icmp -s 1.1.1.1 -d 2.2.2.2 --icmp-type 8 --icmp-code 0 --icmp-id 7 -t 20",
        "conntrack -I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 9 --dport 9 -t 50 --orig-zone 5 -m 7",
        "conntrack -I -p icmpv6 -s ::1 -d ::2 --icmpv6-type 128 --icmpv6-code 0 --icmpv6-id 7 -t 20",
        "conntrack -I -p tcp -s ::1 -d ::2 --sport 9 --dport 9 --state ESTABLISHED -t 50",
    ):
        virtual.run(command.split(), stack.host)
    return stack


def test_flows_go_on_with_their_translation_windows_and_marks(tmp_path: Path) -> None:
    path, old = tmp_path / "flows", busy()
    before = listed(old)
    stopped(old, path)
    new = started(path)
    assert sorted(listed(new).splitlines()) == sorted(before.splitlines())
    assert len(before.splitlines()) == 7
    assert listed(new, "expect") == listed(old, "expect") != ""
    assert answered(new, 53, 5000, b"here")[16:20] == INSIDE.to_bytes(4, "big")
    header = TcpHeader(21, 6000, seq=500, ack=106, flags=ACK, window=9000)
    assert spoken(new, 1, header)[16:20] == INSIDE.to_bytes(4, "big")
    reasons: list[str] = []
    new.host.init.conntrack.context.on_invalid = lambda pkt, why: reasons.append(why)
    spoken(new, 0, TcpHeader(6000, 21, seq=90_000, ack=500, flags=ACK, window=9000))
    assert reasons == ["SEQ is over upper bound 9107 (over the window of the receiver)"]


def test_a_second_save_of_what_was_loaded_is_the_same(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    stopped(busy(), first)
    stopped(started(first), second)
    assert sorted(first.read_bytes().splitlines()) == sorted(second.read_bytes().splitlines())


def test_what_is_expected_is_still_expected(tmp_path: Path) -> None:
    stopped(busy(PLAIN), tmp_path / "flows")
    new = started(tmp_path / "flows", PLAIN)
    assert answered(new, 7777, 5001, b"\0\3\0\1data", INSIDE) != b""
    assert listed(new, "expect") == ""


def test_numbers_that_a_helper_moved_stay_moved(tmp_path: Path) -> None:
    stack = busy()
    line = b"PORT 10,0,0,2,5,6\r\n"
    spoken(stack, 0, TcpHeader(6000, 21, seq=106, ack=500, flags=ACK, window=9000), line)
    stopped(stack, tmp_path / "flows")
    behind = TcpHeader(6000, 21, seq=106 + len(line), ack=500, flags=ACK, window=9000)
    sent = [spoken(one, 0, behind, b"NOOP\r\n") for one in (stack, started(tmp_path / "flows"))]
    assert sent[0] == sent[1]
    assert int.from_bytes(sent[0][24:28], "big") == 106 + len(b"PORT 10,9,0,1,5,6\r\n") != 0


def test_time_goes_on_while_nothing_runs(tmp_path: Path) -> None:
    stopped(busy(), tmp_path / "flows")
    kept = listed(started(tmp_path / "flows", later=40))
    assert sorted(line.split()[0] for line in kept.splitlines()) == ["tcp", "tcp", "udp"]
    assert "dport=53" not in kept
    assert listed(started(tmp_path / "flows", later=1e9)) == ""


def test_a_flow_whose_device_is_gone_does_not_go_on(tmp_path: Path) -> None:
    stopped(busy(), tmp_path / "flows")
    text = (tmp_path / "flows").read_text().replace('"device":"p2"', '"device":"p9"')
    (tmp_path / "flows").write_text(text)
    assert "dport=53" not in listed(started(tmp_path / "flows"))


def test_what_was_loaded_ends_when_its_time_is_over(tmp_path: Path) -> None:
    stopped(busy(), tmp_path / "flows")
    new = started(tmp_path / "flows")
    clock = new.host.clock
    while (deadline := new.host.next_deadline()) is not None and deadline < 350:
        clock.set(deadline)
        new.host.run_timers()
    assert new.host.init.conntrack.count == 1, "only the open connection of TCP lasts that long"


def test_the_first_start_finds_no_file(tmp_path: Path) -> None:
    assert listed(started(tmp_path / "flows")) == ""


def test_saving_bit_by_bit_writes_the_same(tmp_path: Path) -> None:
    stack = busy()
    stopped(stack, tmp_path / "at-once")
    trio.run(StateFile(str(tmp_path / "slowly")).save_bit_by_bit, stack.host)
    assert (tmp_path / "slowly").read_bytes() == (tmp_path / "at-once").read_bytes()
    assert os.stat(tmp_path / "slowly").st_mode & 0o777 == 0o600


def test_a_fault_of_the_disk_is_told_once_and_costs_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stack, file = busy(), StateFile(str(tmp_path / "no" / "folder"))
    file.save(stack.host)
    file.save(stack.host)
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path}/no/folder: flows are not kept: No such file or directory"
    ]


# --- files that are not as they were written ----------------------------------------------------------------


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as refused:
        started(path)
    return str(refused.value)


def test_a_file_that_was_cut_off_anywhere_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "flows"
    stopped(busy(), path)
    whole = path.read_bytes()
    for cut in range(0, len(whole) - 1, 97):
        path.write_bytes(whole[:cut])
        assert refusal(path).startswith(f"{path}:")


@pytest.mark.parametrize(
    ("change", "line", "why"),
    [
        ({"original": "AAAA"}, 2, "no flow has such a tuple"),
        ({"zone": [70000, 3]}, 2, "no flow has such a zone"),
        ({"left": 1e300}, 2, "no flow has such a number"),
        ({"mark": -1}, 2, "no flow has such a number"),
        ({"proto": "AAAA"}, 2, "no flow has such a"),
        ({"helper": "sip"}, 2, "no flow has such a helper"),
        ({"shifts": [[0, 0, 0]]}, 2, "no flow has such a shift"),
        ({"shifts": [[-1, 0, 0], [0, 0, 0]]}, 2, "no flow has such a shift"),
        ({"packets": [-1, 0]}, 2, "no flow has such a count"),
        ({"strange": 1}, 2, "Object contains unknown field `strange`"),
        ({"status": "x"}, 2, "Expected `int`, got `str`"),
        ({"kind": "flown"}, 2, "Invalid value 'flown'"),
        ({"kind": "end"}, 2, ""),
    ],
)
def test_a_flow_that_nobody_wrote_is_refused_with_its_line(
    tmp_path: Path, change: dict[str, object], line: int, why: str
) -> None:
    path = tmp_path / "flows"
    stopped(busy(), path)
    lines = path.read_text().splitlines()
    flow = {**json.loads(lines[line - 1]), **change}
    path.write_text("\n".join([*lines[: line - 1], json.dumps(flow), *lines[line:]]))
    text = refusal(path)
    assert text.startswith(f"{path}:{line}: ")
    assert why in text


def test_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "flows"
    stopped(busy(), path)
    path.write_text(path.read_text().replace('"v":1', '"v":2'))
    assert "this is no state of version 1" in refusal(path)


@pytest.mark.parametrize("content", [b"", b"\n", b"[]", b"\xff\xfe", b"{" * 100_000, b'{"kind":"state"}'])
def test_what_is_no_state_file_at_all_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "flows").write_bytes(content)
    assert str(tmp_path) in refusal(tmp_path / "flows")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert "Is a directory" in refusal(tmp_path)


def test_random_changes_are_refused_or_harmless(tmp_path: Path) -> None:
    path, chance = tmp_path / "flows", random.Random(7)
    stopped(busy(), path)
    whole = path.read_bytes()
    for _ in range(150):
        broken = bytearray(whole)
        for _ in range(chance.choice((1, 2, 20))):
            broken[chance.randrange(len(broken))] = chance.choice((chance.randrange(256), 0x30, 0x22))
        path.write_bytes(broken)
        try:
            stack = started(path)
        except ConfigError:
            continue
        listed(stack)
        listed(stack, "expect")
        spoken(stack, 1, TcpHeader(21, 6000, seq=500, ack=106, flags=ACK, window=9000))
        spoken(
            stack, 0, TcpHeader(6000, 21, seq=106, ack=500, flags=ACK, window=9000), b"PORT 1,2,3,4,5,6\r\n"
        )
