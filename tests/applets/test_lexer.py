"""The setup language, with dash as the judge of what a text means."""

import shutil
import subprocess

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pystack.applets.lexer import Command, parse

SHOW = """show() { printf '%s' "$#"; for word; do printf '[%s]' "$word"; done; echo; }
"""
READ = """read_in() { cat; echo '|'; }
"""


def words(text: str) -> list[list[str]]:
    commands, faults = parse(text)
    assert faults == []
    return [command.words for command in commands]


def faults(text: str) -> list[tuple[int, str]]:
    return [(fault.line, fault.text) for fault in parse(text)[1]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ip link", [["ip", "link"]]),
        ("ip link; ip addr\nip neigh", [["ip", "link"], ["ip", "addr"], ["ip", "neigh"]]),
        ("  # nothing\n\n", []),
        ("ip link # all of it", [["ip", "link"]]),
        ("ip a#b", [["ip", "a#b"]]),
        ("echo 'a b' \"c d\" e\\ f ''", [["echo", "a b", "c d", "e f", ""]]),
        ("ip link \\\n  show", [["ip", "link", "show"]]),
        ("a'b'\"c\"d", [["abcd"]]),
        ('echo "a\\"b\\$c\\d"', [["echo", 'a"b$c\\d']]),
        ("echo '$HOME `x` *'", [["echo", "$HOME `x` *"]]),
        ("echo a=b ! if", [["echo", "a=b", "!", "if"]]),
    ],
)
def test_a_text_is_read_as_words(text: str, expected: list[list[str]]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("ip link\nip addr | grep x", 2, "pipes"),
        ("ip link &", 1, "background"),
        ("ip link && ip addr", 1, "&& is not modelled"),
        ("ip link || true", 1, "|| is not modelled"),
        ("echo $HOME", 1, "variables"),
        ('echo "$HOME"', 1, "variables"),
        ("echo `date`", 1, "command substitution"),
        ("echo $(date)", 1, "variables and $()"),
        ("ls *", 1, "file name patterns"),
        ("ip link show v?", 1, "file name patterns"),
        ("cat ~/x", 1, "home folders"),
        ("(ip link)", 1, "subshells"),
        ("\n\nX=1", 3, "X=1: variables"),
        ("if true; then ip link; fi", 1, "if: loops, conditions"),
        ("for i in 1 2; do ip link; done", 1, "for: loops"),
        ("f() { ip link; }", 1, "subshells and functions"),
        ("echo a >> f", 1, ">> is not modelled"),
        ("echo a 2> f", 1, "2>: only < and >"),
        ("echo a >&2", 1, ">& is not modelled"),
        ("echo a >", 1, "nothing follows >"),
        ("> f", 1, "a redirection without a command"),
        ("; ip link", 1, "a ; with no command before it"),
        ("ip link\necho 'a\nb", 2, "the quote ' is not closed"),
        ('ip link\necho "a\nb', 2, 'the quote " is not closed'),
        ("cat << EOF\nabc", 1, "the here-document is not ended by EOF"),
        ("cat << EOF\na $b\nEOF", 2, "variables"),
    ],
)
def test_what_is_more_than_simple_commands_is_refused_with_its_line(text: str, line: int, what: str) -> None:
    found = faults(text)
    assert [number for number, _ in found[:1]] == [line]
    assert what in found[0][1]


def test_all_faults_are_told_at_once() -> None:
    assert [line for line, _ in faults("a | b\nip link\nc $d\ne &\n")] == [1, 3, 4]


def test_a_line_after_a_fault_is_still_read() -> None:
    commands, _ = parse("a | b\nip link\n")
    assert [command.words for command in commands] == [["ip", "link"]]


def test_commands_know_their_lines_through_quotes_continuations_and_here_documents() -> None:
    text = "echo 'a\nb'\nip \\\nlink\ncat <<X\n1\n2\nX\nlast\n"
    assert [(c.words[0], c.line) for c in parse(text)[0]] == [("echo", 1), ("ip", 3), ("cat", 5), ("last", 9)]


def test_redirections_are_kept_beside_the_words() -> None:
    assert parse("cat < in > out x")[0] == [Command(1, ["cat", "x"], "in", None, "out")]


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("cat <<EOF\na b\n\tc\nEOF\n", "a b\n\tc\n"),
        ("cat <<'EOF'\n$a `b` \\$\nEOF\n", "$a `b` \\$\n"),
        ("cat <<EOF\n\\$a \\\\ \\b\nEOF\n", "$a \\ \\b\n"),
        ("cat <<-EOF\n\t\ta\n\tEOF\n", "a\n"),
        ("cat <<EOF\nEOF\n", ""),
    ],
)
def test_a_here_document_is_the_commands_input(text: str, body: str) -> None:
    commands, wrong = parse(text)
    assert wrong == []
    assert [command.stdin_text for command in commands] == [body]
    assert dash(READ + text.replace("cat", "read_in")) == body + "|\n"


def test_two_here_documents_of_one_line_follow_in_order() -> None:
    commands, wrong = parse("cat <<A; cat <<B\n1\nA\n2\nB\nip link\n")
    assert wrong == []
    assert [command.stdin_text for command in commands] == ["1\n", "2\n", None]


def dash(script: str) -> str:
    if not (shell := shutil.which("dash")):
        pytest.skip("needs dash")
    done = subprocess.run([shell, "-e"], input=script, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else f"failed: {done.stderr}"


def shown(commands: list[Command]) -> str:
    return "".join(
        f"{len(c.words) - 1}" + "".join(f"[{word}]" for word in c.words[1:]) + "\n" for c in commands
    )


@given(st.text(alphabet="ab \t\n;'\"\\#=", max_size=24))
def test_whatever_is_accepted_means_the_same_to_dash(tail: str) -> None:
    text = "show " + tail.replace(";", "; show ").replace("\n", "\nshow ") + "\n"
    commands, wrong = parse(text)
    assume(not wrong)
    assume(all(command.words[0] == "show" for command in commands))
    assert shown(commands) == dash(SHOW + text)


@given(st.text(alphabet="abX=1 \t\n;'\"\\#<>|&()$`*?[~!{}", max_size=60))
def test_no_text_breaks_the_lexer(text: str) -> None:
    commands, wrong = parse(text)
    lines = text.count("\n") + 1
    assert all(1 <= fault.line <= lines and fault.text for fault in wrong)
    assert all(1 <= command.line <= lines and command.words for command in commands)
