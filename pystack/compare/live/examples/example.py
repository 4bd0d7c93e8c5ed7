"""The first packet of a cause of difference, as a scenario, and what a lab says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pystack.compare.lab.errors import LabBroken
from pystack.compare.lab.side import SideError
from pystack.compare.live.causes import Cause
from pystack.compare.live.changed import CHANGED
from pystack.compare.live.examples.clone import Clone
from pystack.compare.live.examples.reproduction import Reproduction
from pystack.compare.live.judge import Told
from pystack.compare.records import Hop
from pystack.compare.scenario import Scenario
from pystack.compare.words import NOTHING, printable

_LONGEST_TITLE: Final = 120


@dataclass(slots=True)
class Example:
    """One of a cause."""

    number: int
    cause: Cause
    reproduction: Reproduction
    state: Sequence[Told]
    scenario: Scenario = field(init=False)  # as small as it is known to be
    result: str = "not played in a lab yet"
    differs: bool = False  # there, too
    clone: list[Hop] | None = None  # the packet's way in another kernel with the state of the copy

    def __post_init__(self) -> None:
        self.scenario = self.reproduction.scenario

    @property
    def title(self) -> str:
        """Of its scenario; which rule decided stands elsewhere."""
        text, _, _ = self.cause.text.partition("; ")
        return printable(f"compare live: {self.cause.cls} at {self.cause.at}: {text}")[:_LONGEST_TITLE]

    @property
    def changed(self) -> list[Told]:
        """Lines of the setup that only one of both has."""
        return [told for told in self.state if told.what == CHANGED]

    def reproduce(self, clone: Clone) -> None:
        """Play it, and make it small: first as far as our host alone can tell, which is quick."""
        verdict, whole = self.cause.example, self.reproduction.scenario
        try:
            small = clone.shrunk_way(whole, verdict)
            for scenario in (small, whole):
                difference = clone.difference(scenario, verdict)
                if difference is not None:
                    self.scenario = clone.shrunk(scenario, difference)
                    self.differs = True
                    self.result = f"differs in the lab, too: {difference.cls} {difference.cause}"
                    return
        except (SideError, LabBroken) as error:
            self.result = f"not played in a lab: {error}"
            return
        self.scenario = small
        self.result = f"not reproduced in the lab: both sides get the same setup; {_kernels(self.changed)}"

    def ask_clone(self, clone: Clone) -> None:
        """Have a kernel vote that has the state of the copy."""
        try:
            self.clone = clone.kernel_way(self.reproduction.scenario, self.cause.example)
        except (SideError, LabBroken) as error:
            self.result = f"not played in a lab: {error}"


def _kernels(rows: Sequence[Told]) -> str:
    if not rows:
        return "no line of the kernel's setup differs from the copy's"
    theirs = [told.kernel for told in rows if told.kernel != NOTHING]
    ours = [told.pystack for told in rows if told.pystack != NOTHING]
    told = f"the kernel's lines differ: {'; '.join(theirs) or 'it has fewer'}"
    return told + (f"; the copy has: {'; '.join(ours)}" if ours else "")
