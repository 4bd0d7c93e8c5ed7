"""Extended regular expressions of POSIX, held against what regcomp(3) and regexec(3) say."""

import pytest

from pystack.applets.ere import compile_ere


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("ip_f.*d$", "net.ipv4.ip_forward", True),
        ("d$", "forward\n", False),
        ("^(net|vm)", "vm.swappiness", True),
        ("[[:alpha:]]+_max$", "net.core.rmem_max", True),
        ("[^[:digit:]]", "123", False),
        ("[]x]", "]", True),
        ("[^]x]", "]", False),
        (r"soma[\x]conn", "somaxconn", True),
        (r"soma[\x]conn", "soma\\conn", True),
        (r"\bmax", "rmem_max", False),
        (r"\<time", "a time", True),
        (r"e\>", "time-out", True),
        (r"\d", "d", True),
        (r"\d", "5", False),
        (r"a\.b", "a.b", True),
        (r"a\.b", "axb", False),
        ("(a)\\1", "aa", True),
        ("x{2,3}", "xx", True),
        ("[a&&b]", "&", True),
        ("", "anything", True),
    ],
)
def test_a_pattern_finds_what_the_c_library_finds(pattern: str, text: str, found: bool) -> None:
    compiled = compile_ere(pattern)
    assert compiled is not None
    assert (compiled.search(text) is not None) is found


@pytest.mark.parametrize("pattern", ["[", "(", "a\\", "[[:nope:]]", "(?i)x", "[[:alpha:]", "x{3,1}", "[z-a]"])
def test_a_broken_pattern_is_none(pattern: str) -> None:
    assert compile_ere(pattern) is None
