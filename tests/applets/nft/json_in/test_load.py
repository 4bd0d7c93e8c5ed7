"""JSON texts are read as libjansson reads them, and nothing else is taken for one."""

import pytest

from pystack.applets.nft.json_in.load import DEPTH_MAX, Loaded, NotJson, load


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{}", {}),
        (" [ ] \n", []),
        ('{"a": [1, -2, 3.5, true, false, null, "x"]}', {"a": [1, -2, 3.5, True, False, None, "x"]}),
        (r'["a\"\\\/\b\f\n\r\t\u0041"]', ['a"\\/\b\f\n\r\tA']),
        ('{"a": 1, "a": 2}', {"a": 2}),
        ("[9223372036854775807]", [(1 << 63) - 1]),
        ("[1e2]", [100.0]),
    ],
)
def test_a_text_is_read(text: str, value: Loaded) -> None:
    assert load(text) == value


def test_signs_beyond_ascii_come_as_octets() -> None:
    octets = "ü😀".encode().decode("latin-1")
    assert load(f'["{octets}"]') == [octets]
    assert load(r'["\u00fc\ud83d\ude00"]') == [octets]


@pytest.mark.parametrize(
    "text",
    [
        *("", "1", '"a"', "null", "add table ip t", "[] []", "[1,]", '{"a"}', '{"a": 1,}', "{1: 2}"),
        *("[01]", "[+1]", "[.5]", "[nan]", "[9223372036854775808]", "[1e999]", "[" + "1" * 5000 + "]"),
        *('["\n"]', r'["\u0000"]', r'["\ud83d"]', r'["\x"]', '["a', "[", "{", "[\xff]", "[tru]"),
        "[" * 100_000,
    ],
)
def test_what_is_no_json_is_told_apart(text: str) -> None:
    with pytest.raises(NotJson):
        load(text)


def test_nesting_has_an_end() -> None:
    assert load("[" * DEPTH_MAX + "]" * DEPTH_MAX)
    with pytest.raises(NotJson):
        load("[" * (DEPTH_MAX + 2) + "]" * (DEPTH_MAX + 2))
