"""Rulesets with slips in them are refused as nft refuses them, and never with anything else."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest

from pystack.applets import virtual
from pystack.applets.nft.place import COMMAND_LINE
from pystack.applets.nft.reading import read
from pystack.applets.nft.source import source_of
from pystack.applets.virtual import Outside
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.host import Host
from tests.applets.nft.mutations import mutated
from tests.applets.nft.real import answers
from tests.conftest import FULL

AT_ONCE = 100
OF_THE_PARSER = "Error: syntax error"


def said(text: str) -> str:
    """What our parser finds wrong with a text on the command line."""
    found = read(source_of(COMMAND_LINE, f"{text}\n".encode()))
    return "".join(error.octets().decode(errors="replace") for error in found.errors)


def test_whatever_is_written_is_read_or_refused() -> None:
    count = 200_000 if FULL else 2_000
    refused = sum(bool(said(text)) for text in mutated(count, seed=1))
    assert count // 2 < refused < count


def test_whatever_is_written_is_loaded_or_refused_and_leaves_nothing() -> None:
    host = Host(seed=1)
    for text in mutated(20_000 if FULL else 500, seed=2):
        outside = Outside(read_file=lambda _: b"", stdin=text.encode())
        done = virtual.run(["nft", "-c", "-f", "-"], host, outside=outside)
        assert (done.rc == 0) == (done.err == ""), text
        assert not host.init.nft.tables, text


@pytest.mark.parametrize("sign", ["(", "{", "jump {\n", "meter x { ip saddr "])
def test_things_in_each_other_end_somewhere(sign: str) -> None:
    assert said(f"add rule t c tcp dport {sign * 5000}")
    assert said(f"add rule t c {sign * 5000}")


@pytest.mark.parametrize("operator", ["|", "&", "^", "<<"])
def test_operators_behind_each_other_end_somewhere(operator: str) -> None:
    long, short = (f" {operator} ".join(["1"] * count) for count in (5000, 50))
    assert "memory exhausted" in said(f"add rule t c meta mark {long}")
    assert not said(f"add rule t c meta mark {short}")


@pytest.fixture
def kernel() -> Iterator[KernelNetns]:
    with KernelNetns() as lab:
        yield lab


@pytest.mark.root
@pytest.mark.xdist_group("nft")
def test_slips_are_named_as_the_real_nft_names_them(kernel: KernelNetns) -> None:
    texts = [text for text in mutated(20_000 if FULL else 500, seed=3) if "\x01" not in text]
    differences = []
    for start in range(0, len(texts), AT_ONCE):
        some = texts[start : start + AT_ONCE]
        theirs = answers(kernel, [f"nft -c -- {shlex.quote(text)} 2>&1" for text in some])
        differences += [
            f"{text}\n--- pystack\n{ours}\n--- nft\n{real}"
            for text, real in zip(some, theirs, strict=True)
            if not agree(ours := said(text), real)
        ]
    assert differences == []


def agree(ours: str, real: str) -> bool:
    """What the parser says comes first; what follows is for others to hold against each other."""
    return real.startswith(ours) and OF_THE_PARSER not in real[len(ours) :].split("\n")[0]
