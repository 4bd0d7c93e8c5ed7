"""From what the kernel's tools say to a host of ours in the same state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, TypeVar

from pystack.applets.virtual import Completed, Outside, run
from pystack.host import Host
from pystack.l2.devices import Link
from pystack.netns import Netns

STDIN: Final = "-"
Item = TypeVar("Item")


def portions(items: Iterable[Item], most: int) -> Iterator[list[Item]]:
    """All of them, so many at a time."""
    rest = iter(items)
    while portion := list(islice(rest, most)):
        yield portion


@dataclass(slots=True)
class Building:
    """A host that grows, and what it could not be given."""

    host: Host
    netns: Netns  # where everything goes
    ports: dict[str, Link] = field(default_factory=dict)  # devices whose other end is outside
    left_out: list[str] = field(default_factory=list)  # a sentence each
    of_programs: list[str] = field(default_factory=list)  # likewise, but only the host's own programs notice
    filters_vlans: set[str] = field(default_factory=set)  # bridges that do, while ours do not
    unknown_devices: set[str] = field(default_factory=set)

    @property
    def entrances(self) -> dict[str, int]:
        """The numbers of the ports."""
        return {name: dev.ifindex for name, dev in self.ports.items()}

    def do(self, argv: Sequence[str], stdin: str = "", *, what: str = "") -> bool:
        """Run a command of ours; what it refuses is left out, under the name `what`."""
        ended = self._run(argv, stdin)
        if ended.rc == 0:
            return True
        said = [line.strip() for line in ended.err.splitlines() if line.strip()]
        reason = (said or [f"exit code {ended.rc}"])[0].removeprefix("pystack: ")
        self.left_out.append(f"{what or ' '.join(argv)}: {reason}")
        return False

    def said(self, argv: Sequence[str]) -> str:
        """What a command of ours prints."""
        return self._run(argv, "").out

    def tries(self, argv: Sequence[str], stdin: str) -> bool:
        """The same for a command whose refusals are looked at by the caller."""
        return self._run(argv, stdin).rc == 0

    def _run(self, argv: Sequence[str], stdin: str) -> Completed:
        outside = Outside(stdin=stdin.encode(errors="surrogateescape"))
        return run(argv, self.host, self.netns, outside)

    def knows(self, device: str) -> bool:
        """Whether a device could be taken over."""
        return self.netns.devices.get(device) is not None

    def device(self, name: str) -> Link:
        """One that was taken over."""
        found = self.netns.devices.get(name)
        assert found is not None, f"nobody asks for {name} who has not seen it"
        return found
