"""The keeper: opens what the configuration names and nothing else, and cleans up after any end."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pystack.daemon.keeper import Terms
from pystack.daemon.keeper_link import KeeperGone, KeeperLink, KeeperRefused, start_keeper
from pystack.daemon.ledger import Ledger

CONFIG = """\
setup = ["lab.setup"]
[port.q]
driver = "unix"
type = "stream"
path = "q.sock"
listen = true
[port.eth0]
driver = "packet"
[uplink]
via = "kernel-nat"
networks = ["10.0.0.0/24"]
[hooks]
netns = "/nowhere"
"""
UPLINK = {
    "name": "uplink",
    "driver": "uplink",
    "link": "172.31.255.252/30",
    "ifname": "pystack0",
    "netns": "",
}
UNIX_PORT = {"name": "q", "driver": "unix", "type": "stream", "uid": -1, "gid": -1}

Start = Callable[..., KeeperLink]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts keepers, and sees to it that none outlives the test."""
    (tmp_path / "lab.toml").write_text(CONFIG)
    (tmp_path / "lab.setup").write_text("true\n")
    links: list[KeeperLink] = []

    def start_one(*, allow: bool = False) -> KeeperLink:
        links.append(start_keeper(Terms(str(tmp_path / "lab.toml"), allow_system_changes=allow)))
        return links[-1]

    yield start_one
    for link in links:
        try:
            link.end()
        except (KeeperGone, ChildProcessError):  # the test ended it
            continue


def hang_up(link: KeeperLink) -> None:
    """Die, as far as the keeper can tell, and wait for its end."""
    link._calls.close()
    link.pulse.close()
    os.waitpid(link.pid, 0)


def fds_of(answer: tuple[dict[str, object], list[int]]) -> list[int]:
    return answer[1]


def test_a_daemon_gets_its_socket_and_at_the_end_nothing_is_left(start: Start, tmp_path: Path) -> None:
    link, path = start(), str(tmp_path / "d.sock")
    link.call("claim", socket=path)
    [fd] = fds_of(link.call("control", socket=path))
    with socket.socket(fileno=fd) as listener, socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        listener.accept()[0].close()
        assert os.stat(path).st_mode & 0o777 == 0o660
        assert not os.get_inheritable(fd)
    link.end()
    assert sorted(os.listdir(tmp_path)) == ["lab.setup", "lab.toml"]


def test_a_daemon_that_dies_leaves_nothing(start: Start, tmp_path: Path) -> None:
    link, path = start(), str(tmp_path / "d.sock")
    link.call("config")
    link.call("claim", socket=path)
    for fd in fds_of(link.call("control", socket=path)):
        os.close(fd)
    for fd in fds_of(link.call("open", path=str(tmp_path / "q.sock"), **UNIX_PORT)):
        os.close(fd)
    assert (tmp_path / "q.sock").is_socket()
    hang_up(link)
    assert sorted(os.listdir(tmp_path)) == ["lab.setup", "lab.toml"]


def test_a_second_daemon_of_the_same_name_is_told_so(start: Start, tmp_path: Path) -> None:
    first, second, path = start(), start(), str(tmp_path / "d.sock")
    first.call("claim", socket=path)
    [fd] = fds_of(first.call("control", socket=path))
    with pytest.raises(KeeperRefused, match="a daemon runs there already") as caught:
        second.call("claim", socket=path)
    assert caught.value.rc == 2
    os.close(fd)


def test_what_a_killed_keeper_left_does_not_stop_the_next(start: Start, tmp_path: Path) -> None:
    path = str(tmp_path / "d.sock")
    first = start()
    first.call("claim", socket=path)
    [fd] = fds_of(first.call("control", socket=path))
    os.kill(first.pid, signal.SIGKILL)
    assert first.pulse.recv(1) == b"", "the daemon notices"
    with pytest.raises(KeeperGone):
        first.call("config")
    os.close(fd)
    assert (tmp_path / "d.sock").is_socket()
    second = start()
    second.call("claim", socket=path)
    [fd] = fds_of(second.call("control", socket=path))
    os.close(fd)


def test_what_is_not_a_socket_is_not_replaced(start: Start, tmp_path: Path) -> None:
    (tmp_path / "d.sock").write_text("precious")
    with pytest.raises(KeeperRefused, match="exists and is not a socket"):
        start().call("claim", socket=str(tmp_path / "d.sock"))
    assert (tmp_path / "d.sock").read_text() == "precious"


def test_a_folder_that_is_not_there_is_said(start: Start, tmp_path: Path) -> None:
    with pytest.raises(KeeperRefused, match="No such file or directory") as caught:
        start().call("claim", socket=str(tmp_path / "none" / "d.sock"))
    assert caught.value.rc == 4


def test_the_files_of_the_configuration_are_opened_and_no_others(start: Start, tmp_path: Path) -> None:
    link = start()
    answer, _ = link.call("config")
    assert answer == {"files": [str(tmp_path / "lab.toml"), str(tmp_path / "lab.setup")]}
    assert link.read_text(str(tmp_path / "lab.setup")) == "true\n"
    with pytest.raises(KeeperRefused, match="is no file of this configuration"):
        link.read_text("/etc/shadow")
    (tmp_path / "lab.setup").unlink()
    with pytest.raises(FileNotFoundError):
        link.read_text(str(tmp_path / "lab.setup"))


@pytest.mark.parametrize(
    "request_",
    [
        {"name": "q", "driver": "unix", "type": "stream", "path": "/tmp/elsewhere"},
        {"name": "vm9", "driver": "tap", "ifname": "", "netns": "", "offload": True},
        {"name": "eth0", "driver": "packet", "ifname": "eth1", "netns": "", "offload": True},
        {"name": "eth0", "driver": "packet", "ifname": "", "netns": "b", "offload": True},
        {**UPLINK, "networks": ["0.0.0.0/0"]},
        {**UPLINK, "networks": ["10.0.0.0/24"], "link": "10.0.0.0/24"},
        {**UPLINK, "networks": ["10.0.0.0/24"], "ifname": "eth0"},
    ],
)
def test_a_port_that_is_not_in_the_configuration_is_not_opened(
    start: Start, tmp_path: Path, request_: dict[str, object]
) -> None:
    link = start(allow=True)
    link.call("config")
    link.call("claim", socket=str(tmp_path / "d.sock"))
    with pytest.raises(KeeperRefused, match="is not in the configuration"):
        link.call("open", uid=-1, gid=-1, **request_)


def test_a_device_is_not_taken_over_unless_that_was_allowed(start: Start, tmp_path: Path) -> None:
    link = start()
    link.call("config")
    link.call("claim", socket=str(tmp_path / "d.sock"))
    with pytest.raises(KeeperRefused, match="--allow-system-changes"):
        link.call("open", name="eth0", driver="packet", ifname="", netns="", offload=True, uid=-1, gid=-1)
    with pytest.raises(KeeperRefused, match="--allow-system-changes"):
        link.call("open", networks=["10.0.0.0/24"], uid=-1, gid=-1, **UPLINK)


def test_shims_are_for_the_namespace_of_the_configuration_if_that_was_allowed(
    start: Start, tmp_path: Path
) -> None:
    for allow, netns, why in (
        (True, "", "hooks: not in the configuration"),
        (False, "/nowhere", "hooks: that changes this system: it takes --allow-system-changes"),
    ):
        link = start(allow=allow)
        link.call("config")
        with pytest.raises(KeeperRefused, match=why):
            link.call("hooks", netns=netns)
    link = start(allow=True)
    link.call("config")
    link.call("claim", socket=str(tmp_path / "d.sock"))
    link.call("hooks", netns="/nowhere")
    assert '"what": "shims", "netns": "/nowhere"' in (tmp_path / "d.state").read_text()
    link.end()
    assert not (tmp_path / "d.state").exists()


def test_a_port_that_is_released_is_taken_back_at_once(start: Start, tmp_path: Path) -> None:
    link = start()
    link.call("config")
    link.call("claim", socket=str(tmp_path / "d.sock"))
    for fd in fds_of(link.call("open", path=str(tmp_path / "q.sock"), **UNIX_PORT)):
        os.close(fd)
    link.call("release", name="q")
    assert not (tmp_path / "q.sock").exists()


@pytest.mark.parametrize(
    "message", [b"", b"{}", b"[]", b'{"op": []}', b'{"op": "sing"}', b"\xff", b"[" * 9000]
)
def test_nonsense_is_refused_and_survived(start: Start, tmp_path: Path, message: bytes) -> None:
    link = start()
    if message:
        link._calls.send(message)
        assert b"refused" in link._calls.recv(4096)
    link.call("claim", socket=str(tmp_path / "d.sock"))


@pytest.mark.parametrize(
    "request_", [{"uid": "x"}, {"uid": 1 << 70}, {"path": "a\0b"}, {"path": None}, {"type": "pipe"}]
)
def test_a_port_that_makes_no_sense_is_refused_and_survived(
    start: Start, tmp_path: Path, request_: dict[str, object]
) -> None:
    link = start()
    link.call("config")
    link.call("claim", socket=str(tmp_path / "d.sock"))
    with pytest.raises(KeeperRefused):
        link.call("open", **{"path": str(tmp_path / "q.sock"), **UNIX_PORT, **request_})
    link.call("config")


def test_what_cannot_be_written_down_is_not_left_behind(start: Start, tmp_path: Path) -> None:
    link = start()
    link.call("config")
    with pytest.raises(KeeperRefused, match="no ledger yet"):
        link.call("open", path=str(tmp_path / "q.sock"), **UNIX_PORT)
    assert sorted(os.listdir(tmp_path)) == ["lab.setup", "lab.toml"]


def test_an_answer_that_came_too_late_is_not_taken_for_the_next(start: Start, tmp_path: Path) -> None:
    link = start()
    link.call("config")
    link._calls.settimeout(0.05)
    os.kill(link.pid, signal.SIGSTOP)
    with pytest.raises(KeeperGone, match="does not answer"):
        link.call("file", path=str(tmp_path / "lab.toml"))
    os.kill(link.pid, signal.SIGCONT)
    link._calls.settimeout(10.0)
    assert link.call("claim", socket=str(tmp_path / "d.sock")) == ({}, [])
    assert link.read_text(str(tmp_path / "lab.setup")) == "true\n"


def test_a_daemon_has_one_place_and_cannot_ask_for_another(start: Start, tmp_path: Path) -> None:
    link = start()
    link.call("claim", socket=str(tmp_path / "d.sock"))
    with socket.socket(socket.AF_UNIX) as others:
        others.bind(str(tmp_path / "other.sock"))
    with pytest.raises(KeeperRefused, match="has its place already"):
        link.call("claim", socket=str(tmp_path / "other.sock"))
    with pytest.raises(KeeperRefused, match="is not the place of this daemon"):
        link.call("control", socket=str(tmp_path / "elsewhere.sock"))
    assert sorted(os.listdir(tmp_path)) == ["d.state", "lab.setup", "lab.toml", "other.sock"]


def test_the_terminals_signals_do_not_reach_the_keeper(start: Start, tmp_path: Path) -> None:
    link = start()
    link.call("claim", socket=str(tmp_path / "d.sock"))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(link.pid, number)
    link.call("config")
    assert os.getpgid(link.pid) == link.pid


def test_leftovers_that_cannot_be_taken_back_keep_the_ledger(start: Start, tmp_path: Path) -> None:
    ledger = Ledger.claim(str(tmp_path / "d.state"))
    ledger.note({"what": "socket", "path": str(tmp_path / "old.sock")})
    ledger.release()
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(tmp_path / "old.sock"))
    start().call("claim", socket=str(tmp_path / "d.sock"))
    assert not (tmp_path / "old.sock").exists(), "taken back by the next start"
