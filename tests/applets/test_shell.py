"""Setups are run as `sh -e` runs them."""

import pytest

from pystack.applets import virtual
from pystack.applets.io import Io
from pystack.applets.lexer import parse
from pystack.applets.registry import check_setup, start
from pystack.applets.requests import SIGINT, SIGQUIT, SIGTERM, FileRefused, Interrupted, Wait
from pystack.applets.virtual import Outside, run_setup
from pystack.host import Host


def sh(text: str, host: Host | None = None, outside: Outside | None = None) -> virtual.Completed:
    return virtual.run(["sh", "-c", text], Host() if host is None else host, outside=outside)


def test_commands_run_in_order_and_print_as_they_go() -> None:
    assert sh("echo one; echo two\necho -n three").text == "one\ntwo\nthree"


def test_the_first_failure_stops_the_setup_and_names_its_line() -> None:
    done = sh("echo one\nfalse\necho two")
    assert (done.rc, done.out, done.err) == (1, "one\n", "pystack: -c:2: false: exit code 1\n")


def test_nothing_runs_while_the_text_has_faults_and_all_are_told() -> None:
    done = sh("echo one\nnosuch x\necho $y\nfrobnicate\n")
    assert (done.rc, done.out) == (2, "")
    assert [line[:16] for line in done.err.splitlines()] == [
        "pystack: -c:2: n",
        "pystack: -c:3: v",
        "pystack: -c:4: f",
        "pystack: -c: not",
    ]
    assert "nosuch is not modelled (known: " in done.err
    assert done.err.endswith("pystack: -c: nothing was run\n")


def test_what_is_all_wrong_needs_no_word_about_the_rest() -> None:
    assert sh("frobnicate").err.startswith("pystack: -c:1: frobnicate is not modelled (known: ")


def test_a_setup_is_checked_without_being_run() -> None:
    assert check_setup("echo a\n", "x") == []
    assert check_setup("echo a | cat\n", "lab.setup") == ["pystack: lab.setup:1: pipes are not modelled"]


def test_a_configuration_that_is_given_as_a_setup_is_called_one() -> None:
    (told,) = check_setup('name = "lab1"\n', "lab.toml")
    assert told == "pystack: lab.toml:1: name = … is no command (pystack run -c takes configurations)"


def test_a_setup_tells_its_errors_and_names_its_file() -> None:
    assert run_setup(Host(), "echo a\n", "lab.setup") == []
    assert run_setup(Host(), "true\nfalse\n", "lab.setup") == ["pystack: lab.setup:2: false: exit code 1"]


def test_a_here_document_is_standard_input() -> None:
    assert sh("cat <<EOF\nabc\nEOF\n").out == "abc\n"


def test_files_are_read_and_written_by_whoever_runs_the_shell() -> None:
    files = {"in": b"hello\n"}

    def read(path: str) -> bytes:
        if path not in files:
            raise FileRefused(path, "No such file or directory")
        return files[path]

    outside = Outside(read_file=read, write_file=files.__setitem__)
    assert sh("cat < in > out; echo b > c", outside=outside).rc == 0
    assert files == {"in": b"hello\n", "out": b"hello\n", "c": b"b\n"}
    done = sh("\ncat < missing", outside=outside)
    assert done.err.startswith("pystack: -c:2: cannot open missing: No such file or directory\n")
    done = sh("cat missing", outside=outside)
    assert done.err.startswith("cat: missing: No such file or directory\n")


def test_without_anyone_to_open_files_they_are_refused() -> None:
    assert sh("cat < x").rc == 2


def test_a_file_of_commands_is_run_and_its_lines_are_named() -> None:
    outside = Outside(read_file=lambda path: b"true\nfalse\n")
    done = virtual.run(["sh", "lab.setup"], Host(), outside=outside)
    assert done.err == "pystack: lab.setup:2: false: exit code 1\n"


def test_what_is_piped_in_is_run() -> None:
    done = virtual.run(["sh"], Host(), outside=Outside(stdin=b"echo a\necho b"))
    assert done.out == "a\nb\n"


def test_a_prompt_goes_on_after_a_failure_and_waits_for_the_rest_of_a_command() -> None:
    io = Io(tty=True)
    job = start(["sh"], Host(), io=io)
    for typed in (b"false\n", b"echo 'a\n", b"b'\n", b"echo a | b\n", b""):
        job.resume(typed)
    said = b"".join(chunk for _, chunk in io.take()).decode()
    assert job.rc == 0  # of the last command that ran
    assert said == "# # > a\nb\n# pystack: pipes are not modelled\n# \n"


def said_at_a_prompt(*typed: bytes | Interrupted) -> tuple[int | None, str]:
    """The exit code, if it ended, and all that was said."""
    io = Io(tty=True)
    job = start(["sh"], Host(), io=io)
    for entry in typed:
        if isinstance(entry, Interrupted):
            job.throw(entry)
        else:
            job.resume(entry)
    return job.rc, b"".join(chunk for _, chunk in io.take()).decode()


@pytest.mark.parametrize(
    ("typed", "rc"), [(b"exit\n", 1), (b"quit\n", 1), (b"exit 3\n", 3), (b"true; quit\n", 0), (b"", 1)]
)
def test_a_prompt_is_left_by_exit_and_quit_and_the_end_of_input(typed: bytes, rc: int) -> None:
    assert said_at_a_prompt(b"false\n", typed)[0] == rc


def test_a_setup_knows_no_quit_and_no_help() -> None:
    assert "quit is not modelled (known: " in sh("quit").err
    assert "help is not modelled (known: " in sh("help").err


def test_help_lists_the_commands() -> None:
    rc, said = said_at_a_prompt(b"help\n")
    assert rc is None
    assert said.startswith("# commands: : arping arptables ")


def test_a_key_that_edits_runs_nothing_and_is_told() -> None:
    told = "# pystack: arrows and other such keys do nothing here: type the line again\n# "
    for keys in (b"\x1b[A\n", b"echo a\x1b[D\n", b"echo \x7fa\n"):
        assert said_at_a_prompt(keys) == (None, told)


def test_ctrl_c_gives_up_the_line_and_the_command_and_never_the_session() -> None:
    interrupts = [Interrupted(number) for number in (SIGINT, SIGQUIT, SIGINT, SIGINT)]
    assert said_at_a_prompt(*interrupts, b"echo a\n") == (None, "# " + "\n# " * 4 + "a\n# ")
    assert said_at_a_prompt(b"echo 'a\n", Interrupted(), b"echo b\n") == (None, "# > \n# b\n# ")
    assert said_at_a_prompt(b"sleep 9; echo a\n", Interrupted(), b"") == (130, "# \n# \n")


@pytest.mark.parametrize("typed", [[], [b"sleep 9\n"]])
def test_a_prompt_whose_user_is_gone_ends(typed: list[bytes]) -> None:
    assert said_at_a_prompt(*typed, Interrupted(SIGTERM))[0] == 143


def test_exit_ends_a_setup_with_its_code() -> None:
    assert sh("echo a; exit 3; echo b").rc == 3


def test_sleep_moves_the_virtual_clock_and_nothing_else() -> None:
    host = Host()
    assert sh("sleep 90; sleep 1m", host).rc == 0
    assert host.clock.now == 150.0


def test_a_signal_ends_what_does_not_listen_to_it() -> None:
    host = Host()
    job = start(["sleep", "9"], host)
    assert isinstance(job.request, Wait)
    job.throw(Interrupted())
    assert job.rc == 130


def test_a_hang_up_closes_what_runs() -> None:
    job = start(["sh", "-c", "sleep 9; echo a"], Host())
    job.close()
    assert job.rc is not None
    assert job.io.take() == []


@pytest.mark.parametrize(
    ("words", "out"),
    [
        (["a", "b"], "a b\n"),
        (["-n", "a"], "a"),
        (["a\\tb"], "a\tb\n"),
        (["a\\0101b"], "aAb\n"),
        (["a\\cb"], "a"),
        (["-e", "a"], "-e a\n"),
        (["\\x"], "\\x\n"),
    ],
)
def test_echo_speaks_as_dash_does(words: list[str], out: str) -> None:
    assert virtual.run(["echo", *words], Host()).out == out


def test_modules_that_the_stack_has_built_in_are_accepted_and_others_refused_by_name() -> None:
    assert sh("modprobe br_netfilter; modprobe -a bridge veth").rc == 0
    assert "module sctp is not modelled (known: 8021q, br_netfilter, " in sh("modprobe sctp").err


def test_counters_are_read_as_files_of_proc() -> None:
    assert sh("cat /proc/net/snmp").out.startswith("Ip: Forwarding DefaultTTL ")
    assert sh("cat < /proc/net/netstat").out.startswith("TcpExt: ")
    assert sh("cat /proc/net/softnet_stat").out.startswith("00000000 00000000 ")
    missing = "/proc/sys/net/ipv4/nothing"
    assert f"cat: {missing}: No such file or directory\n" in sh(f"cat {missing}").err


@pytest.mark.parametrize(
    "text", ["cat /proc/net/netlink", "cat < /proc/net/unix", "echo 1 > /sys/class/net/x"]
)
def test_other_files_of_the_kernel_are_refused_by_name(text: str) -> None:
    done = sh(text)
    path = text.split()[-1]
    assert f"{path} is not modelled (known: " in done.err
    assert done.rc == 2


def test_the_words_of_a_refusal_are_one_line_a_fault() -> None:
    commands, faults = parse("a|b|c\n")
    assert not commands
    assert len(faults) == 1
