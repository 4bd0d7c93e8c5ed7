"""Rules with every match and target of iptables and its kin, as nft lists them: the real one, and ours."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pystack.applets import virtual
from pystack.applets.virtual import Outside
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.drivers.named_files import read_file
from pystack.host import Host

RULES = Path(__file__).parent / "rules.save"
SETS = ["ipset create foo hash:ip", "ipset create bar hash:ip"]
LISTINGS = [
    "list ruleset",
    "-a list ruleset",
    "-s list ruleset",
    "-n list ruleset",
    "-j list ruleset",
    "list tables",
    "list chains",
    "list table ip nat",
    "list chain ip filter OUTPUT",
    "-j list chain bridge filter FORWARD",
]

pytestmark = [pytest.mark.root, pytest.mark.xdist_group("nft")]


def batches() -> Iterator[tuple[str, str]]:
    """The program that restores, and what."""
    for batch in RULES.read_text().split("# ")[1:]:
        program, _, lines = batch.partition("\n")
        yield f"{program}-restore", lines


class Sides:
    """The real programs in a namespace, and ours on a host."""

    def __init__(self, kernel: KernelNetns) -> None:
        self.kernel = kernel
        self.host = Host(seed=1)

    def ours(self, line: str, text: str = "") -> tuple[str, str]:
        outside = Outside(read_file=read_file, stdin=text.encode())
        done = virtual.run(["sh", "-c", line], self.host, outside=outside)
        return done.out, done.err

    def both(self, line: str) -> tuple[tuple[str, str], tuple[str, str]]:
        theirs = self.kernel.run(["sh", "-c", line])
        return self.ours(line), (theirs.out, theirs.err)


@pytest.fixture(scope="module")
def sides() -> Iterator[Sides]:
    with KernelNetns() as kernel:
        both = Sides(kernel)
        for line in SETS:
            assert both.both(line) == (("", ""), ("", ""))
        for program, lines in batches():
            script = f"{program} --noflush <<'END'\n{lines}END\n"
            ours, theirs = both.both(script)
            assert ours == theirs, program
        yield both


@pytest.mark.parametrize("listing", LISTINGS)
def test_every_rule_is_listed_as_the_real_nft_lists_it(sides: Sides, listing: str) -> None:
    ours, theirs = sides.both(f"nft {listing}")
    assert ours[0].splitlines() == theirs[0].splitlines()
    assert ours[1] == theirs[1]
