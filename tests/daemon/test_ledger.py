"""The ledger: whole lines or none, one holder, and what is still to be taken back."""

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.daemon import undo
from pystack.daemon.ledger import Ledger, LedgerBusy, Record, parse


def test_what_is_noted_is_read_back(tmp_path: Path) -> None:
    path = str(tmp_path / "a.state")
    ledger = Ledger.claim(path)
    ledger.note({"what": "tap", "ifname": "vm1"})
    ledger.note({"what": "socket", "path": "/x"})
    ledger.release()
    again = Ledger.claim(path)
    assert again.records() == [{"what": "tap", "ifname": "vm1"}, {"what": "socket", "path": "/x"}]
    again.clear()
    assert again.records() == []
    again.remove()
    assert not os.path.exists(path)


def test_a_ledger_has_one_holder(tmp_path: Path) -> None:
    path = str(tmp_path / "a.state")
    ledger = Ledger.claim(path)
    with pytest.raises(LedgerBusy):
        Ledger.claim(path, patience=0)
    ledger.remove()
    Ledger.claim(path, patience=0).remove()


def test_a_ledger_that_was_removed_while_somebody_waited_for_it_is_made_anew(tmp_path: Path) -> None:
    path = str(tmp_path / "a.state")
    ledger = Ledger.claim(path)
    os.unlink(path)
    other = Ledger.claim(path, patience=0)
    other.note({"what": "tap"})
    assert ledger.records() == []
    other.remove()
    ledger.release()


def test_a_link_that_somebody_laid_there_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "a.state").symlink_to(tmp_path / "precious")
    with pytest.raises(OSError, match="symbolic links"):
        Ledger.claim(str(tmp_path / "a.state"))


@pytest.mark.root
def test_a_ledger_that_another_user_laid_there_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "x.state"
    path.write_text('{"what": "change", "ifname": "lo", "key": "../../etc/passwd", "before": "x"}\n')
    os.chown(path, 65534, 65534)
    with pytest.raises(PermissionError, match="belongs to somebody else"):
        Ledger.claim(str(path))


def test_a_ledger_that_has_another_name_too_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    os.link(tmp_path / "precious", tmp_path / "x.state")
    with pytest.raises(PermissionError, match="belongs to somebody else"):
        Ledger.claim(str(tmp_path / "x.state"))
    assert (tmp_path / "precious").read_text() == "x"


@given(st.binary(max_size=200))
def test_any_octets_are_read_as_records_or_passed_over(text: bytes) -> None:
    for record in parse(text):
        assert isinstance(record, dict)
    undo.pending(parse(text))


def test_a_line_that_a_kill_cut_off_is_passed_over() -> None:
    assert parse(b'{"what": "tap"}\n{"what": "so') == [{"what": "tap"}]


def test_what_a_port_changed_is_pending_until_the_port_is_released() -> None:
    change: Record = {"what": "change", "port": "p1", "ifname": "e", "key": "up", "before": "0"}
    other: Record = {"what": "socket", "path": "/x"}
    assert undo.pending([change, other]) == [change, other]
    assert undo.pending([change, other, {"what": "released", "port": "p1"}]) == [other]
    assert undo.pending([change, {"what": "released", "port": "p1"}, change]) == [change]


def test_a_socket_is_removed_and_nothing_that_is_none(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        assert undo.is_alive(path)
    assert not undo.is_alive(path)
    assert undo.undo_all([{"what": "socket", "path": path}]) == []
    assert not os.path.exists(path)
    (tmp_path / "s").write_text("precious")
    undo.undo_all([{"what": "socket", "path": path}])
    assert (tmp_path / "s").read_text() == "precious"


def test_what_cannot_be_taken_back_is_said(tmp_path: Path) -> None:
    change: Record = {"what": "change", "ifname": "lo", "key": "net/none/such", "before": "0", "netns": ""}
    assert undo.undo_all([change]) == [], "a setting that is gone needs no restoring"


@pytest.mark.parametrize(
    ("record", "text"),
    [
        ({"what": "socket", "path": "/x"}, "socket /x"),
        ({"what": "tap", "ifname": "vm1", "netns": ""}, "TAP vm1"),
        ({"what": "tap", "ifname": "vm1", "netns": "b"}, "TAP vm1 in namespace b"),
        ({"what": "change", "ifname": "e0", "key": "up", "before": "0"}, "up of e0 (was 0)"),
    ],
)
def test_things_have_names_for_the_user(record: dict[str, object], text: str) -> None:
    assert undo.describe(record) == text
