"""`pystack` as it is typed: against a daemon that runs, with the streams, files and signals of its user."""

from __future__ import annotations

import os
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pystack import client
from pystack.applets.registry import COMMANDS
from pystack.client import Options, UsageError, parse
from pystack.daemon.client_session import Names, Unreachable, connect
from pystack.daemon.protocol import Request
from tests.daemon.running import (
    PATIENCE,
    PYSTACK,
    Daemon,
    clean_environment,
    daemon,
    memory_daemon_config,
    pystack,
)

CAN = "(bridge, compare, doctor, explain, fuzz, hooks, ip, status can)"  # print JSON

pytestmark = pytest.mark.slow  # a daemon is started, and an interpreter for every command


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """One daemon for all tests here; they leave it as they found it."""
    folder = tmp_path_factory.mktemp("m")
    with daemon(folder, "-c", memory_daemon_config(folder)) as running:
        yield running


def test_a_command_prints_and_ends_with_its_exit_code(running: Daemon) -> None:
    ended = running.run("sh", "-c", "echo hello; false")
    assert (ended.rc, ended.out) == (1, "hello\n")
    assert ended.err == "pystack: -c:1: false: exit code 1\n"


def test_the_socket_may_be_named_in_the_environment(running: Daemon) -> None:
    assert pystack("echo", "x", PYSTACK_SOCKET=str(running.socket)).out == "x\n"


def test_linked_under_an_applets_name_it_is_that_applet(running: Daemon, tmp_path: Path) -> None:
    (tmp_path / "echo").symlink_to(Path(client.__file__))
    ended = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.argv[0] = {str(tmp_path / 'echo')!r}\n"
         "from pystack.client import main; sys.exit(main())", "--json", "x"],
        env={**clean_environment(), "PYSTACK_SOCKET": str(running.socket)},
        capture_output=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert ended.stdout == b"--json x\n", "what follows is all the applet's"


@pytest.mark.parametrize(
    ("words", "err"),
    [
        ("-n b stop", "pystack: -n: stop is about the whole daemon\n"),
        ("-n b status", "pystack: -n: status is about the whole daemon\n"),
        (
            "--json stop",
            f"pystack: --json: stop cannot do it {CAN}\n",
        ),
        (
            "--json setup",
            f"pystack: --json: setup cannot do it {CAN}\n",
        ),
    ],
)
def test_an_option_that_would_mean_nothing_is_refused(running: Daemon, words: str, err: str) -> None:
    ended = running.run(*words.split())
    assert (ended.rc, ended.out, ended.err) == (2, "", err)


@pytest.mark.parametrize(
    "words", [["-S", "{}", "ip", "link"], ["--setup", "/dev/null", "ip", "link"], ["--help"]]
)
def test_output_that_finds_no_room_is_one_line(running: Daemon, words: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(
            [*PYSTACK, *(word.format(running.socket) for word in words)],
            stdout=full, stderr=subprocess.PIPE, env=clean_environment(), timeout=PATIENCE, check=False,
        )  # fmt: skip
    assert ended.returncode == 1
    assert ended.stderr == b"pystack: standard output cannot be written: No space left on device\n"


def test_a_command_line_that_is_too_long_is_said_to_be(running: Daemon) -> None:
    ended = running.run("echo", 70_000 * "x")
    assert (ended.rc, ended.out) == (2, "")
    assert (
        ended.err == "pystack: the command is too long for the daemon (64 KiB): sh can read it from a file\n"
    )


def test_a_width_that_is_no_number_is_no_traceback(running: Daemon) -> None:
    assert running.run("echo", "x", COLUMNS="²").out == "x\n"


def test_standard_input_reaches_the_command(running: Daemon) -> None:
    text = bytes(range(256)) * 1000
    ended = subprocess.run(
        [*PYSTACK, "-S", str(running.socket), "cat"],
        input=text, env=clean_environment(), capture_output=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (0, text)


def test_a_standard_input_that_is_closed_is_at_its_end(running: Daemon) -> None:
    command = f"{' '.join(PYSTACK)} -S {running.socket} cat <&-"
    ended = subprocess.run(
        ["sh", "-c", command], env=clean_environment(), capture_output=True, timeout=PATIENCE, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, b"")


def test_files_are_the_users_own_and_relative_to_his_folder(running: Daemon) -> None:
    (running.folder / "in.txt").write_text("content\n")
    ended = running.run("sh", "-c", "cat in.txt > out.txt; cat out.txt")
    assert (ended.rc, ended.out) == (0, "content\n")
    assert (running.folder / "out.txt").read_text() == "content\n"


def test_names_of_services_and_users_are_the_clients_own(running: Daemon) -> None:
    rule = "OUTPUT -p tcp -m tcp --dport domain -m owner --uid-owner root"
    assert running.run("iptables", "-A", *rule.split()).rc == 0
    shown = running.run("iptables", "-S", "OUTPUT").out
    assert shown.endswith("-A OUTPUT -p tcp -m tcp --dport 53 -m owner --uid-owner 0\n")
    assert running.run("iptables", "-F").rc == 0


def test_a_file_that_cannot_be_opened_is_said_in_the_tools_words(running: Daemon) -> None:
    ended = running.run("cat", "none.txt")
    assert (ended.rc, ended.err) == (1, "cat: none.txt: No such file or directory\n")


def test_a_setup_is_read_from_a_file_with_its_lines(running: Daemon) -> None:
    (running.folder / "x.setup").write_text("echo one\n\nfalse\n")
    ended = running.run("sh", "x.setup")
    assert (ended.rc, ended.out, ended.err) == (1, "one\n", "pystack: x.setup:3: false: exit code 1\n")


def test_output_that_nobody_reads_any_more_ends_the_command_as_sigpipe_does(running: Daemon) -> None:
    (running.folder / "long.txt").write_bytes(bytes(1 << 20))
    command = f"{{ {' '.join(PYSTACK)} -S {running.socket} cat long.txt; echo $? >&2; }} | true"
    ended = subprocess.run(
        ["sh", "-c", command], cwd=running.folder, env=clean_environment(), capture_output=True,
        timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert ended.stderr == b"141\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_the_commands(running: Daemon, number: signal.Signals) -> None:
    command = [*PYSTACK, "-S", str(running.socket), "sh", "-c", "echo begun; sleep 1000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=clean_environment()) as waiting:
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == b"begun\n"
        waiting.send_signal(number)
        assert waiting.wait(PATIENCE) == 128 + number


def test_a_prompt_talks_to_a_terminal(running: Daemon) -> None:
    master, slave = pty.openpty()
    command = [*PYSTACK, "-S", str(running.socket), "sh"]
    with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=clean_environment()) as shell:
        os.close(slave)
        seen = read_until(master, b"# ")
        os.write(master, b"echo typed\n")
        seen = read_until(master, b"typed\r\ntyped\r\n# ")
        os.write(master, b"\x04")
        assert shell.wait(PATIENCE) == 0, seen
    os.close(master)


def test_a_prompt_can_be_interrupted_for_ever(running: Daemon) -> None:
    master, slave = pty.openpty()
    command = [*PYSTACK, "-S", str(running.socket), "sh"]
    with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=clean_environment()) as shell:
        os.close(slave)
        read_until(master, b"# ")
        for count in range(5):
            shell.send_signal(signal.SIGINT)
            read_until(master, b"# ")
            os.write(master, f"echo again{count}\n".encode())
            read_until(master, f"again{count}\r\nagain{count}\r\n# ".encode())
        os.write(master, b"\x04")
        assert shell.wait(PATIENCE) == 0
    os.close(master)


def read_until(fd: int, word: bytes) -> bytes:
    seen = b""
    while word not in seen:
        octets = os.read(fd, 4096)
        assert octets, seen
        seen += octets
    return seen


# --- which daemon ----------------------------------------------------------------------------------------


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds all daemons there are."""
    monkeypatch.setattr("pystack.daemon.places.SYSTEM", str(tmp_path))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    return tmp_path


def listener(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(path))
    sock.listen()
    return sock


def test_the_one_daemon_that_runs_is_taken(runtime: Path) -> None:
    with listener(runtime / "a.sock"), socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(runtime / "b.sock"))
        with connect("") as connection:
            assert connection.getpeername() == str(runtime / "a.sock")


def test_run_and_doctor_take_the_socket_of_the_environment_too(tmp_path: Path) -> None:
    path = str(tmp_path / "d.sock")
    with daemon(
        tmp_path, "-c", memory_daemon_config(tmp_path), environment={"PYSTACK_SOCKET": path}, named=False
    ):
        assert pystack("status", PYSTACK_SOCKET=path).rc == 0
        assert "ok    daemon m " in pystack("doctor", PYSTACK_SOCKET=path).out


def test_several_daemons_are_listed(runtime: Path) -> None:
    with listener(runtime / "a.sock"), listener(runtime / "b.sock"), pytest.raises(Unreachable) as caught:
        connect("")
    assert caught.value.rc == 2
    assert str(caught.value) == f"several daemons run, choose one with -S: {runtime}/a.sock {runtime}/b.sock"


def test_no_daemon_is_exit_code_3(runtime: Path) -> None:
    with pytest.raises(Unreachable) as caught:
        connect("")
    assert caught.value.rc == 3
    ended = pystack("-S", str(runtime / "none.sock"), "ip", "link")
    assert (ended.rc, ended.out) == (3, "")
    assert ended.err == f"pystack: no daemon answers at {runtime}/none.sock: No such file or directory\n"


def test_a_daemon_that_dies_meanwhile_is_exit_code_3(tmp_path: Path) -> None:
    with daemon(tmp_path, "-c", memory_daemon_config(tmp_path)) as running:
        command = [*PYSTACK, "-S", str(running.socket), "sh", "-c", "echo begun; sleep 1000"]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment()
        ) as waiting:
            assert waiting.stdout is not None
            assert waiting.stdout.readline() == b"begun\n"
            running.end(signal.SIGKILL)
            _, err = waiting.communicate(timeout=PATIENCE)
            assert (waiting.returncode, err) == (3, b"pystack: the daemon is gone\n")


def test_a_daemon_that_speaks_nonsense_is_no_traceback(tmp_path: Path) -> None:
    with listener(tmp_path / "x.sock") as server:
        command = [*PYSTACK, "-S", str(tmp_path / "x.sock"), "ip", "link"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, env=clean_environment()) as talking:
            connection, _ = server.accept()
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n")
            _, err = talking.communicate(timeout=PATIENCE)
            connection.close()
    assert talking.returncode == 1
    assert err.startswith(b"pystack: the daemon and this client do not understand each other: not a frame")


# --- what is typed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "options", "command"),
    [
        ("ip link", Options(), ["ip", "link"]),
        ("-n b ip link", Options(ns="b"), ["ip", "link"]),
        ("-S /x --json status", Options(socket="/x", json=True), ["status"]),
        ("--setup=f ip -n b link", Options(setup="f"), ["ip", "-n", "b", "link"]),
        ("ping -S 1 --json", Options(), ["ping", "-S", "1", "--json"]),
        ("--help", Options(), ["--help"]),
    ],
)
def test_what_stands_before_the_command_is_ours(words: str, options: Options, command: list[str]) -> None:
    assert parse(words.split()) == (options, command)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("-x ip", "-x is not an option"),
        ("-S", "-S takes a value"),
        ("--json=1 ip", "--json is not an option"),
    ],
)
def test_an_option_that_is_none_is_named(words: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        parse(words.split())


@pytest.mark.parametrize(
    ("words", "rc", "err"),
    [
        ([], 2, "pystack: what is to be done? (pystack --help)\n"),
        (["web"], 2, "pystack: web: not built yet\n"),
        (["trace", "x"], 2, "pystack: trace: not built yet\n"),
        (["--setup", "/x", "run"], 2, "pystack: run: --setup is for commands inside a stack\n"),
        (["-n", "b", "doctor"], 2, "pystack: doctor: -n is for commands inside a stack\n"),
        (
            ["--json", "run"],
            2,
            f"pystack: --json: run cannot do it {CAN}\n",
        ),
        (["--setup", "/dev/null", "setup", "x"], 2, "pystack: setup: x is not an argument (it takes none)\n"),
        (
            ["--setup", "/dev/null", "--json", "setup"],
            2,
            f"pystack: --json: setup cannot do it {CAN}\n",
        ),
        (
            ["statsu"],
            2,
            "pystack: statsu: there is no such command; did you mean status? (pystack --help)\n",
        ),
        (["-S", "/x", "--setup", "/y", "ip"], 2, "pystack: -S, --setup and --host: one stack is enough\n"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(words: list[str], rc: int, err: str) -> None:
    ended = pystack(*words)
    assert (ended.rc, ended.out, ended.err) == (rc, "", err)


def test_help_and_version_need_no_daemon() -> None:
    assert pystack("--help").out == client.HELP
    assert pystack("--version").out.startswith("pystack 0.")
    for words in (["explain"], ["explain", "--help"]):
        assert pystack("-S", "/nowhere", *words).out.startswith("usage: pystack explain PACKET ")
    assert pystack("compare", "--help").out.startswith("usage: pystack compare lab SCENARIO")


@pytest.mark.parametrize("verb", ["sh", "hooks", "status", "reload", "setup", "stop", "explain"])
@pytest.mark.parametrize("ask", ["-h", "--help"])
def test_a_verb_says_how_it_is_used_whether_a_daemon_runs_or_not(verb: str, ask: str) -> None:
    ended = pystack("-S", "/nowhere", verb, ask)
    assert (ended.rc, ended.err) == (0, "")
    assert ended.out.startswith("usage: pystack ")
    assert f" {verb}" in ended.out.splitlines()[0]


@pytest.mark.parametrize(
    "words",
    [
        *("ip help", "ip link help", "bridge help", "ping -h", "nstat --help", "ipset help"),
        *("arptables --help", "arptables-legacy -h", "iptables -A INPUT --help"),
    ],
)
def test_an_applet_says_how_it_is_used_without_a_daemon(words: str) -> None:
    ended = pystack("-S", "/nowhere", *words.split())
    assert "usage" in (ended.out + ended.err).lower()


def test_a_word_that_no_daemon_would_know_is_said_to_be_none_whether_one_runs_or_not() -> None:
    ended = pystack("-S", "/nowhere", "frobnicate")
    assert ended.rc == 2
    assert ended.err.startswith("pystack: frobnicate is not modelled (known: ")
    assert pystack("-S", "/nowhere", "status").rc == 3


def test_no_verb_is_promised_for_later_and_there_already() -> None:
    for verb in client.NOT_BUILT_YET:
        assert COMMANDS.refusal(verb) is not None, f"{verb} is an applet now"
    assert not client.NOT_BUILT_YET & client.OWN_VERBS


@pytest.mark.parametrize(
    ("argv", "path", "known"),
    [
        (["tcpdump", "-w", "x.pcap"], "x.pcap", True),
        (["tcpdump", "-w", "x.pcap"], "/etc/shadow", False),
        (["sh", "-c", "cat < in.txt"], "in.txt", True),
        (["sh", "-c", "cat < 'a b'"], "a b", True),
        (["sh", "-c", 'cat < "a"b'], "ab", True),
        (["sh", "-c", "cat < a\\ b"], "a b", True),
        (["cat"], "/etc/shadow", False),
    ],
)
def test_a_file_that_the_user_did_not_name_is_not_opened(argv: list[str], path: str, known: bool) -> None:
    assert Names(Request(argv)).knows(path) is known


def test_what_nft_includes_may_be_asked_for() -> None:
    names = Names(Request(["nft", "-I", "/folder", "-f", "main.nft"]))
    names.learn(b'include "part.nft"\n')
    assert names.knows("/etc/part.nft")
    assert names.knows("/folder/part.nft")
    assert not names.knows("/other/part.nft")
    assert not names.knows("/etc/shadow")
    names.found.add("/folder/found")
    assert names.knows("/folder/found")


def test_what_a_shell_is_fed_may_name_files() -> None:
    shell, other = Names(Request(["sh"])), Names(Request(["cat"]))
    for names in (shell, other):
        names.learn(b"tcpdump -w x.pcap\n")
    assert shell.knows("x.pcap")
    assert not other.knows("x.pcap")
