"""What a command prints keeps its order and its octets, whatever pieces it came in."""

from hypothesis import given
from hypothesis import strategies as st

from pystack.daemon.output import gathered

CHUNKS = st.lists(st.tuples(st.sampled_from(["out", "err", "file3"]), st.binary(max_size=3)))


@given(CHUNKS)
def test_no_octet_changes_its_place(chunks: list[tuple[str, bytes]]) -> None:
    assert singly(gathered(chunks)) == singly(chunks)


def singly(chunks: list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    return [(stream, octets[at : at + 1]) for stream, octets in chunks for at in range(max(1, len(octets)))]


def test_the_end_of_a_file_stays_alone() -> None:
    chunks = [("file3", b"a"), ("file3", b"b"), ("file3", b""), ("file3", b"c"), ("out", b"d"), ("out", b"e")]
    assert gathered(chunks) == [("file3", b"ab"), ("file3", b""), ("file3", b"c"), ("out", b"de")]
