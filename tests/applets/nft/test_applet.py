"""The command line of nft, and that its batches hold as a whole or not at all."""

import pytest

from pystack.applets import virtual
from pystack.applets.glob import glob_matches
from pystack.applets.requests import FileRefused
from pystack.applets.virtual import Completed, Outside
from pystack.host import Host

FILES = {
    "rules.nft": 'include "./more.nft"\nadd rule ip t c ip saddr $home accept\n',
    "./more.nft": "define home = 10.0.0.1\nadd table ip t\nadd chain ip t c\n",
    "./again.nft": 'include "./again.nft"\n',
    "defined.nft": "add table ip t\nadd chain ip t $name\n",
    "value.nft": "add table ip t\nadd chain ip t c\nadd rule ip t c tcp dport $port\n",
}


def read_file(path: str) -> bytes:
    if path not in FILES:
        raise FileRefused(path, "No such file or directory")
    return FILES[path].encode()


@pytest.fixture
def host() -> Host:
    return Host()


def find_files(pattern: str) -> bytes:
    return b"".join(f"{name}\n".encode() for name in sorted(FILES) if glob_matches(pattern, name))


def nft(host: Host, *words: str, text: str = "") -> Completed:
    outside = Outside(read_file=read_file, stdin=text.encode(), find_files=find_files)
    return virtual.run(["nft", *words], host, outside=outside)


def tables(host: Host) -> str:
    return nft(host, "list", "ruleset").out


def test_words_of_the_command_line_are_one_text(host: Host) -> None:
    assert nft(host, "add", "table", "ip", "t;", "add chain ip t c").rc == 0
    assert tables(host) == "table ip t {\n\tchain c {\n\t}\n}\n"


def test_one_bad_line_changes_nothing(host: Host) -> None:
    done = nft(host, "-f", "-", text="add table ip t\nadd chain ip t c\nadd rule ip t nosuch accept\n")
    assert done.rc == 1
    assert done.err.startswith(
        "/dev/stdin:3:15-20: Error: Could not process rule: No such file or directory\n"
    )
    assert tables(host) == ""


def test_all_that_the_kernel_refuses_is_told(host: Host) -> None:
    done = nft(host, "delete table ip a; delete table ip6 b")
    assert done.err.count("Error: Could not process rule: No such file or directory") == 2


def test_what_is_not_modelled_changes_nothing_either(host: Host) -> None:
    done = nft(host, "-f", "-", text="add table ip t\nadd chain ip t c\nadd rule ip t c ct event set new\n")
    assert (done.rc, tables(host)) == (2, "")
    assert "is not modelled" in done.err


def test_a_check_changes_nothing_and_says_what_would_be_wrong(host: Host) -> None:
    assert nft(host, "-c", "add table ip t").rc == 0
    assert nft(host, "-c", "add chain ip t c").rc == 1
    assert tables(host) == ""


def test_a_loop_is_blamed_on_the_rule_that_closes_it(host: Host) -> None:
    base = "add chain ip t b { type filter hook input priority 0; }; "
    nft(host, f"add table ip t; {base}add chain ip t c; add rule ip t c jump c")
    done = nft(host, "add rule ip t b counter; add rule ip t b jump c")
    assert done.err.splitlines()[0] == "Error: Could not process rule: Too many links"
    assert done.err.splitlines()[2] == " " * 25 + "^" * 23
    assert "jump c\n" not in tables(host).partition("chain b")[2].partition("}")[0]


def test_files_include_others_and_variables_are_replaced(host: Host) -> None:
    assert nft(host, "-f", "rules.nft").err == ""
    assert "ip saddr 10.0.0.1 accept" in tables(host)


def test_a_pattern_includes_all_that_it_finds(host: Host) -> None:
    assert nft(host, 'include "./m*.nft"; add chain ip t d').err == ""
    assert "chain c {" in tables(host)
    assert nft(host, 'include "./none*"; list tables').out == "table ip t\n"


def test_a_file_that_includes_itself_ends(host: Host) -> None:
    done = nft(host, "-f", "./again.nft")
    assert done.rc == 1
    assert "Include nested too deeply, max 16 levels" in done.err


def test_a_file_that_is_not_there_is_named(host: Host) -> None:
    done = nft(host, "-f", "nosuch")
    assert done.err == 'internal:0:0-0: Error: Could not open file "nosuch": No such file or directory\n\n\n'


def test_variables_come_from_the_command_line(host: Host) -> None:
    assert nft(host, "-D", "port=22", "-f", "value.nft").err == ""
    assert "tcp dport 22" in tables(host)
    refused = nft(host, "-D", "port", "-f", "value.nft")
    assert (refused.rc, refused.err) == (1, "Failed to define variable 'port'\n")


@pytest.mark.parametrize(
    ("words", "rc", "out", "err"),
    [
        ((), 1, "", "nft: no command specified\n"),
        (("-x",), 1, "", "nft: invalid option -- 'x'\n"),
        (("-f",), 1, "", "nft: option requires an argument -- 'f'\n"),
        (("-v",), 0, "nftables v1.0.6 (Lester Gooch #5)\n", ""),
        (("-D", "a=1", "list ruleset"), 1, "", "Error: -D/--define can only be used with -f/--filename\n"),
        (
            ("list", "ruleset", "-a"),
            1,
            "\n   ^             ~~\n",
            "Error: syntax error, options must be specified before commands\nnft list ruleset -a ",
        ),
    ],
)
def test_options_stand_in_front(host: Host, words: tuple[str, ...], rc: int, out: str, err: str) -> None:
    done = nft(host, *words)
    assert (done.rc, done.out, done.err) == (rc, out, err)


@pytest.mark.parametrize("option", ["-o", "-i", "-d"])
def test_options_without_a_model_are_refused_by_name(host: Host, option: str) -> None:
    done = nft(host, option, *(["all"] if option == "-d" else []), "list ruleset")
    assert done.rc == 2
    assert done.err.startswith("pystack: nft --")


def test_an_echo_says_what_was_added(host: Host) -> None:
    done = nft(host, "-e", "-a", "add table ip t; add chain ip t c; add rule ip t c counter")
    assert done.out.splitlines()[:3] == [
        "add table ip t # handle 1",
        "add chain ip t c # handle 1",
        "add rule ip t c counter packets 0 bytes 0 # handle 2",
    ]
    assert nft(host, "-e", "delete chain ip t c").out == ""


def test_a_table_with_an_owner_ends_with_the_program(host: Host) -> None:
    chain = "add chain ip t c { type filter hook input priority 0; }"
    assert nft(host, f"add table ip t {{ flags owner; }}; {chain}").rc == 0
    assert tables(host) == ""
    assert "ip t/c" not in virtual.run(["hooks"], host).out


def test_counters_show_what_they_had_before_they_are_reset(host: Host) -> None:
    nft(host, "add table ip t; add counter ip t k { packets 3 bytes 4 }")
    assert "packets 3 bytes 4" in nft(host, "reset counters").out
    assert "packets 0 bytes 0" in nft(host, "list counters").out
