"""A word that is none is answered with the one that was meant."""

import pytest

from pystack.applets.nearest import nearest, slips
from pystack.applets.registry import COMMANDS

KNOWN = ("arping", "bridge", "cat", "ip", "ping", "sysctl", "tcpdump")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("brdige", "bridge"),
        ("bridg", "bridge"),
        ("sysclt", "sysctl"),
        ("tpcdump", "tcpdump"),
        ("ipp", "ip"),
        ("pign", "ping"),
        ("ls", None),
        ("frobnicate", None),
    ],
)
def test_a_slip_is_understood_and_another_word_is_not(word: str, meant: str | None) -> None:
    assert nearest(word, KNOWN) == meant


def test_slips_are_counted() -> None:
    assert [slips("abc", other) for other in ("abc", "acb", "ab", "abcd", "xbc", "", "cba")] == [
        0,
        1,
        1,
        1,
        1,
        3,
        2,
    ]


def test_nothing_is_near_to_nothing() -> None:
    assert nearest("x", ()) is None


def test_a_command_that_is_none_is_answered_with_the_one_that_was_meant() -> None:
    refusal = COMMANDS.refusal("brdige")
    assert refusal is not None
    assert refusal.startswith("brdige is not modelled (known: ")
    assert refusal.endswith("); did you mean bridge?")


def test_of_a_command_s_variants_only_the_command_is_listed() -> None:
    refusal = COMMANDS.refusal("frobnicate") or ""
    known = refusal.partition("(known: ")[2].rstrip(")").split(", ")
    assert {"iptables", "xtables-monitor"} <= set(known)
    assert "iptables-legacy-save" in COMMANDS.names
    assert "iptables-legacy-save" not in known
