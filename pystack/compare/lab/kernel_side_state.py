"""What a lab holds at the end, in the words of the tools that show it.

A tool is a process, and a process costs more than a scenario. So rows come by netlink and are put into words
here; with `thorough` the tools are asked too, and have to say the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from pystack.applets.conntrack.text import flow_line
from pystack.compare.connections import without_time
from pystack.compare.lab.errors import LabBroken
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.compare.lab.kernel_side_tables import Tables
from pystack.compare.lab.readback import FdbEntry, Neighbour
from pystack.compare.lab.side import STATES
from pystack.compare.records import State

NTF_SELF, NTF_PROXY, NTF_ROUTER = 0x02, 0x08, 0x80
FDB_FLAGS: Final = {
    NTF_SELF: "self",
    NTF_ROUTER: "router",
    0x10: "extern_learn",
    0x20: "offload",
    0x40: "sticky",
}
NEIGH_FLAGS: Final = {NTF_ROUTER: "router", NTF_PROXY: "proxy", 0x10: "extern_learn"}
NUD_NOARP: Final = 0x40
FDB_STATES: Final = {0x80: "permanent", NUD_NOARP: "static", 0x04: "stale", 0x02: ""}
NEIGH_STATES: Final = {
    0x01: "INCOMPLETE",
    0x02: "REACHABLE",
    0x04: "STALE",
    0x08: "DELAY",
    0x10: "PROBE",
    0x20: "FAILED",
    NUD_NOARP: "NOARP",
    0x80: "PERMANENT",
}

Names = Mapping[int, str]


def fdb_text(entries: Iterable[FdbEntry], names: Names) -> str:
    """As `bridge fdb show` has it. Reading: iproute2 bridge/fdb.c print_fdb()"""
    return "".join(_fdb_line(entry, names) for entry in entries)


def _fdb_line(entry: FdbEntry, names: Names) -> str:
    words = [entry.lladdr.hex(":"), "dev", names[entry.ifindex]]
    if entry.vlan:
        words += ["vlan", str(entry.vlan)]
    words += [word for flag, word in FDB_FLAGS.items() if entry.flags & flag]
    if entry.master:
        words += ["master", names[entry.master]]
    return " ".join([*words, FDB_STATES.get(entry.state, f"state={entry.state:#x}")]) + "\n"


def neigh_text(entries: Iterable[Neighbour], names: Names) -> str:
    """As `ip neigh show` has it. Reading: iproute2 ip/ipneigh.c print_neigh()"""
    return "".join(_neigh_line(entry, names) for entry in entries if entry.state != NUD_NOARP)


def _neigh_line(entry: Neighbour, names: Names) -> str:
    words = [entry.address, "dev", names[entry.ifindex]]
    if entry.lladdr:
        words += ["lladdr", entry.lladdr.hex(":")]
    words += [word for flag, word in NEIGH_FLAGS.items() if entry.flags & flag]
    words += [word for state, word in NEIGH_STATES.items() if entry.state & state]
    return " ".join(words) + " \n"


class StateReader:
    """Reads the state of a lab's first namespace."""

    def __init__(self, kernel: KernelNetns, tables: Tables, *, thorough: bool) -> None:
        self._kernel = kernel
        self._tables = tables
        self._thorough = thorough
        self._routes: tuple[object, str] = (None, "")

    def read(self, step: int, names: Names) -> list[State]:
        """A record for each of STATES."""
        neighbours, entries = self._tables.rows()
        flows = self._tables.connections()
        texts = {
            "fdb": fdb_text(entries, names),
            "neigh": neigh_text(neighbours, names),
            "conntrack": "".join(f"{flow_line(flow)}\n" for flow in flows),
        }
        if self._thorough:
            self._compare(texts)
        texts["route"] = self._route_text()
        return [State(step, what, texts[what]) for what in STATES]

    def _compare(self, texts: Mapping[str, str]) -> None:
        for what, text in texts.items():
            said = self._kernel.run(STATES[what]).check().out if text or what != "conntrack" else ""
            if sorted(map(without_time, said.splitlines())) != sorted(map(without_time, text.splitlines())):
                raise LabBroken(f"{' '.join(STATES[what])} says\n{said}netlink says\n{text}")

    def _route_text(self) -> str:
        """Routes have too many words to imitate, and seldom change: the tool is asked when they did."""
        rows = self._kernel.routes()
        if self._thorough or self._routes[0] != rows:
            self._routes = rows, self._kernel.run(STATES["route"]).check().out
        return self._routes[1]


def names_of(kernel: KernelNetns) -> dict[int, str]:
    """The devices of a lab's first namespace."""
    return {link.ifindex: link.name for link in kernel.links()}


def drawn_addresses(kernel: KernelNetns, namespaces: Iterable[str]) -> dict[str, bytes]:
    """The link addresses of all devices that are no ports: by name, in another namespace by NETNS/NAME."""
    found: dict[str, bytes] = {}
    for netns in namespaces:
        links = kernel.links(netns)
        found |= {
            f"{netns}/{link.name}" if netns else link.name: link.address
            for link in links
            if link.kind not in ("", "tun") and len(link.address) == 6
        }
    return found
