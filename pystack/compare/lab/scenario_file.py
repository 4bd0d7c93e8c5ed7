"""Scenario files: TOML in, a Scenario out, or everything that is wrong with it, each with its line."""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Iterable
from typing import Final

from pystack.compare.features import FEATURES
from pystack.compare.known import BadRange, KernelRange
from pystack.compare.lab.nearest import nearest
from pystack.compare.lab.scenario_source import Path, Source, Table
from pystack.compare.lab.scenario_steps import ReadBytes, StepReader
from pystack.compare.scenario import Expectation, Scenario, Station, Topology
from pystack.explain.path_kind import KINDS
from pystack.l2.devices import is_valid_name
from pystack.wire.ethernet import is_valid_unicast, parse_mac

FORMAT: Final = 1
KEYS: Final = (
    "format title claim verdict kernel needs family ipv6 offload hash_seed ports capture setup host step "
    "expect"
).split()
HOST_KEYS: Final = ("port", "mac", "ip")
EXPECT_KEYS: Final = ("path", "log")
FAMILIES: Final = ("ip", "ip6")
RESERVED: Final = ("known.toml", "pending.txt")  # of a folder of scenarios
MOST_PORTS: Final = 64
_TOML_PLACE: Final = re.compile(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", re.DOTALL)
_DIGITS: Final = re.compile(r"[0-9_]+")


class ScenarioError(Exception):
    """A file is no scenario: a sentence for each reason."""

    def __init__(self, complaints: list[str]) -> None:
        super().__init__("\n".join(complaints))
        self.complaints = complaints


def find(places: Iterable[str]) -> list[str]:
    """The scenario files that are meant by files and folders: folders by name, with all below them.

    Raises ScenarioError for places that hold none.
    """
    found: dict[str, str] = {}  # by what is behind links and dots: one file is played once
    complaints: list[str] = []
    for place in places:
        if os.path.isdir(place):
            below = _below(place)
            for file in below:
                found.setdefault(os.path.realpath(file), file)
            complaints += [] if below else [f"{place}: no scenarios there"]
        elif os.path.basename(place) in RESERVED:
            complaints.append(f"{place}: is the folder's own, and no scenario")
        elif not os.path.exists(place):
            complaints.append(f"{place}: No such file or directory")
        else:
            found.setdefault(os.path.realpath(place), place)
    if complaints:
        raise ScenarioError(complaints)
    return list(found.values())


def _below(folder: str) -> list[str]:
    files: list[str] = []
    for root, _, names in os.walk(folder):
        files += [
            os.path.join(root, name) for name in names if name.endswith(".toml") and name not in RESERVED
        ]
    return sorted(files)


def read(file: str) -> Scenario:
    """The scenario in a file. Raises ScenarioError."""
    return parse(read_text(file), file)


def read_text(file: str) -> str:
    """All of a file, which is UTF-8. Raises ScenarioError."""
    try:
        content = read_bytes(file)
        return content.decode("utf-8").removeprefix(
            "\ufeff"
        )  # some editors begin a file with the mark of its encoding
    except OSError as error:
        raise ScenarioError([f"{file}: {error.strerror}"]) from None
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ScenarioError([f"{file}:{line}: not UTF-8"]) from None


def read_bytes(file: str) -> bytes:
    """All of a file."""
    with open(file, "rb") as opened:
        return opened.read()


def parse(text: str, file: str, read_capture: ReadBytes = read_bytes) -> Scenario:
    """The scenario in a text. Raises ScenarioError."""
    table = parse_toml(text, file)
    source = Source(file, text)
    scenario = _scenario(source, table, read_capture)
    if source.complaints:
        raise ScenarioError(source.sorted_complaints())
    return scenario


def parse_toml(text: str, file: str) -> Table:
    """The table in a text. Raises ScenarioError."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _TOML_PLACE.fullmatch(str(error))  # says the line at the end; we say it in front
        line = found[2] if found and found[2] else len(text.splitlines())
        raise ScenarioError([f"{file}:{line}: {found[1] if found else error}"]) from None
    except ValueError:  # Python takes numbers of a few thousand digits
        longest = max(_DIGITS.finditer(text), key=lambda found: len(found[0]))
        line = text.count("\n", 0, longest.start()) + 1
        raise ScenarioError([f"{file}:{line}: a number of {len(longest[0])} digits"]) from None
    except RecursionError:
        raise ScenarioError([f"{file}: nested too deeply"]) from None


def _scenario(source: Source, table: Table, read_capture: ReadBytes) -> Scenario:
    source.check_known(table, KEYS)
    if "format" in table and table["format"] != FORMAT:
        source.complain(("format",), f"must be {FORMAT}")
    claim, verdict = _claim(source, table)
    ports = _ports(source, table)
    steps = StepReader(source, ports, read_capture)
    played = [
        read for path, one in source.tables(table, "step") if (read := steps.read(one, path)) is not None
    ]
    return Scenario(
        file=source.file,
        title=_title(source, table),
        topology=_topology(source, table, ports),
        steps=tuple(step for step, _ in played),
        stations=_stations(source, table, ports),
        capture=_devices(source, table, "capture"),
        claim=claim,
        verdict=verdict,
        kernel=_kernel(source, table),
        needs=_known_words(source, table, "needs", FEATURES),
        family=_known_words(source, table, "family", FAMILIES) or FAMILIES[:1],
        expectations=tuple(_expectation(source, one, path) for path, one in source.tables(table, "expect")),
        step_lines=tuple(line for _, line in played),
        setup_line=source.text_line(("setup",)),
        capture_line=source.line(("capture",)),
    )


# --- what it is about ---------------------------------------------------------------------------------


def _title(source: Source, table: Table) -> str:
    title = source.text(table, "title")
    if not title.strip():
        source.complain(("title",), "a scenario has a title, in a sentence")
    elif not title.isprintable():
        source.complain(("title",), "must be one line, of characters that can be printed")
    return title


def _claim(source: Source, table: Table) -> tuple[str, str]:
    claim, verdict = source.text(table, "claim"), source.text(table, "verdict")
    if "verdict" in table and verdict not in ("true", "false") and not verdict.startswith("true, but "):
        source.complain(("verdict",), 'must be "true", "false", or "true, but …"')
    if bool(claim) != bool(verdict):
        missing = "verdict" if claim else "claim"
        source.complain(("claim" if claim else "verdict",), f"needs a {missing}")
    return claim, verdict


def _kernel(source: Source, table: Table) -> str:
    text = source.text(table, "kernel")
    try:
        KernelRange.parse(text)
    except BadRange as error:
        source.complain(("kernel",), str(error))
    return text


def _known_words(source: Source, table: Table, key: str, known: Iterable[str]) -> tuple[str, ...]:
    names = tuple(known)
    words = source.words(table, key)
    for word in words:
        if word not in names:
            hint = nearest(word, names) or f" (known: {', '.join(names)})"
            source.complain((key,), f'unknown "{word}"{hint}')
    return tuple(word for word in words if word in names)


def _expectation(source: Source, table: Table, path: Path) -> Expectation:
    source.check_known(table, EXPECT_KEYS, path)
    log = table.get("log", [])
    lines = [log] if isinstance(log, str) else log
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        source.complain((*path, "log"), "must be a line, or a list of lines")
        lines = []
    way = source.text(table, "path", path)
    kind = way.split(" ")[0]
    if way and kind not in KINDS:
        hint = nearest(kind, KINDS) or f" (known: {', '.join(KINDS)})"
        source.complain((*path, "path"), f'there is no path "{kind}"{hint}')
    return Expectation(way, tuple(lines))


# --- what it plays on ---------------------------------------------------------------------------------


def _topology(source: Source, table: Table, ports: tuple[str, ...]) -> Topology:
    seed = table.get("hash_seed")
    return Topology(
        ports,
        source.commands(source.text(table, "setup"), ("setup",)),
        ipv6=source.flag(table, "ipv6"),
        offload=source.flag(table, "offload"),
        hash_seed=None if seed is None else source.number(seed, 0, 0xFFFFFFFF, ("hash_seed",)),
    )


def _ports(source: Source, table: Table) -> tuple[str, ...]:
    if "ports" not in table:
        source.complain(
            (), "ports: a scenario names the ports by which frames enter and leave; [] if none do"
        )
    ports = _devices(source, table, "ports")
    if len(ports) > MOST_PORTS:
        source.complain(("ports",), f"{len(ports)} are too many: up to {MOST_PORTS}")
    if "lo" in ports:
        source.complain(("ports",), '"lo" is in every namespace already')
    return ports


def _devices(source: Source, table: Table, key: str) -> tuple[str, ...]:
    names = source.words(table, key)
    for name in names:
        if not is_valid_name(name) or "%" in name or not name.isprintable():
            source.complain((key,), f"{name!r} cannot be a device's name")
    return names


def _stations(source: Source, table: Table, ports: tuple[str, ...]) -> tuple[Station, ...]:
    hosts = source.table(table.get("host", {}), ("host",))
    return tuple(
        _station(source, name, source.table(host, ("host", name)), ports) for name, host in hosts.items()
    )


def _station(source: Source, name: str, table: Table, ports: tuple[str, ...]) -> Station:
    path = ("host", name)
    source.check_known(table, HOST_KEYS, path)
    port = source.text(table, "port", path)
    if port not in ports:
        source.complain((*path, "port"), f'there is no port "{port}"{nearest(port, ports)}')
    mac = parse_mac(source.text(table, "mac", path))
    if mac is None or not is_valid_unicast(mac):
        source.complain((*path, "mac"), "must be the address of a station, such as ba:ec:24:5c:80:3a")
    addresses = [_address(source, text, (*path, "ip")) for text in source.words(table, "ip", path)]
    if not addresses and isinstance(table.get("ip", []), list):
        source.complain((*path, "ip"), "a host has at least one address")
    return Station(name, port, mac or bytes(6), tuple(addresses))


def _address(source: Source, text: str, path: Path) -> int:
    try:
        interface = ipaddress.ip_interface(text)
    except ValueError:
        source.complain(path, f'"{text}" is no address such as 172.16.10.11/24')
        return 0
    if interface.version == 6:
        source.complain(path, f'"{text}": hosts do not speak IPv6 yet')
    return int(interface.ip)
