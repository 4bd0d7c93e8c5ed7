"""The daemon's configuration: what Linux commands cannot say.

A TOML file becomes a `Config`, or a ConfigError that holds every complaint at once, each with its line. The
keys and their types are in settings.py; what they mean together is checked here.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
import tomllib
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Final, Literal, get_args, get_origin

import msgspec
from msgspec.structs import replace

from pystack.daemon.dhcp_section import read_dhcp
from pystack.daemon.hooks_section import hooks_complaints
from pystack.daemon.names import (
    TAKEN,
    holds_nul,
    is_device_name,
    is_netns_name,
    printable,
    wrong_with_socket_path,
)
from pystack.daemon.settings import (
    DRIVERS,
    NOT_BUILT_YET_KEYS,
    SECTIONS,
    TOP_LEVEL,
    UPLINK,
    Config,
    DaemonSettings,
    DhcpSection,
    DhcpSettings,
    HookSettings,
    PacketSettings,
    PcapSettings,
    Port,
    ServiceSettings,
    Settings,
    SetupText,
    TapSettings,
    UnixSettings,
    UplinkSettings,
)
from pystack.daemon.text_lines import lines_of_text
from pystack.daemon.uplink_section import read_uplink
from pystack.toml_lines import TomlLines

ReadText = Callable[[str], str]
CheckSetup = Callable[[SetupText], list[str]]  # complaints, each with its place

NAME: Final = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}"


class ConfigError(Exception):
    """Everything that is wrong, a sentence each, with file and line where there are any."""

    def __init__(self, complaints: list[str]) -> None:
        super().__init__("\n".join(complaints))
        self.complaints = complaints


def load(path: str, read: ReadText, check_setup: CheckSetup) -> Config:
    """The configuration in a file, with the setups that it names. Raises ConfigError."""
    try:
        text = read(path)
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{path}: not UTF-8"]) from None
    table = _parsed(path, text)
    reader = _Reader(path, text, read)
    config = reader.config(table)
    complaints = [f"{path}:{line}: {complaint}" for line, complaint in sorted(reader.complaints)]
    for setup in config.setups:
        complaints += check_setup(setup)
    if complaints:
        raise ConfigError(complaints)
    return config


def _parsed(path: str, text: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        complaint = _toml_complaint(path, str(error))
    except ValueError:  # Python reads no number of more than 4300 digits
        complaint = f"{path}: a number is too long"
    except RecursionError:
        complaint = f"{path}: nested too deeply"
    raise ConfigError([complaint]) from None


def _toml_complaint(path: str, message: str) -> str:
    """tomllib says the line at the end, in brackets; we say it in front as everywhere."""
    if found := re.fullmatch(r"(.*) \(at line (\d+), column \d+\)", message, re.DOTALL):
        return f"{path}:{found[2]}: {found[1]}"
    return f"{path}: {message}"


class _Reader:
    """One file on its way to a Config; complaints are gathered, not raised, until the end."""

    def __init__(self, path: str, source: str, read: ReadText) -> None:
        self.path = path
        self.source = source
        self.lines = TomlLines(source)
        self.read = read
        self.complaints: list[tuple[int, str]] = []

    def config(self, table: dict[str, object]) -> Config:
        """The whole file; worth something only if nothing was complained about."""
        self.check_known(table, TOP_LEVEL, (), "section or key")
        name = self.name(table)
        setups = [*self.setup_files(table), *self.setup_text(table)]
        ports = self.ports(table)
        sections = {
            section: self.settings(kind, table[section], (section,))
            for section, kind in SECTIONS.items()
            if section in table
        }
        self.check_built(table)
        if isinstance(uplink := sections.get("uplink"), UplinkSettings):
            ports.append(self.uplink(uplink, setups))
        self.check_distinct(ports)
        daemon, services = sections.get("daemon"), sections.get("services")
        settings = daemon if isinstance(daemon, DaemonSettings) else DaemonSettings()
        hooks = self.hooks(sections.get("hooks"), settings)
        return Config(
            name,
            self.path,
            tuple(setups),
            tuple(ports),
            self.accounts(settings),
            self.dhcp(table),
            services if isinstance(services, ServiceSettings) else ServiceSettings(),
            hooks,
        )

    def complain(self, path: tuple[str, ...], text: str) -> None:
        """Remember a complaint about what stands at `path`."""
        where = ".".join(path)
        self.complaints.append((self.lines.of(*path), printable(f"{where}: {text}" if where else text)))

    def check_known(
        self, table: Mapping[str, object], known: tuple[str, ...], path: tuple[str, ...], what: str
    ) -> None:
        """Complain about every key that has no meaning here, with the nearest one that has."""
        for key in table:
            if key not in known:
                self.complain((*path, key), f"unknown {what}{nearest(key, known)}")

    def name(self, table: Mapping[str, object]) -> str:
        """The daemon's name: part of its socket's path."""
        stem = os.path.basename(self.path).removesuffix(".toml")
        name = table.get("name", stem if re.fullmatch(NAME, stem) else "pystack")
        if not isinstance(name, str) or not re.fullmatch(NAME, name):
            self.complain(("name",), "letters, digits, '_', '-' and '.' make a name, 64 at most")
            return ""
        return name

    def setup_files(self, table: Mapping[str, object]) -> list[SetupText]:
        """The files of the key `setup`, relative to this one."""
        listed = self.value(list[object], table.get("setup", []), ("setup",))
        paths = [self.value(str, path, ("setup",)) for path in listed] if isinstance(listed, list) else []
        texts = []
        for path in paths:
            if not isinstance(path, str):
                continue
            whole = os.path.join(os.path.dirname(self.path), path)
            try:
                texts.append(SetupText(whole, self.read(whole)))
            except OSError as error:
                self.complain(("setup",), f"{path}: {error.strerror}")
            except UnicodeDecodeError:
                self.complain(("setup",), f"{path}: not UTF-8")
        return texts

    def setup_text(self, table: Mapping[str, object]) -> list[SetupText]:
        """The commands that stand in this file itself."""
        text = self.value(str, table.get("setup_text", ""), ("setup_text",))
        if not isinstance(text, str) or not text:
            return []
        return [SetupText(self.path, text, lines_of_text(self.source, self.lines.of("setup_text"), text))]

    def ports(self, table: Mapping[str, object]) -> list[Port]:
        """Every [port.NAME]."""
        section = table.get("port", {})
        if not isinstance(section, dict):
            self.complain(("port",), "a port is a section, [port.NAME]")
            return []
        found = [self.port(name, keys) for name, keys in section.items()]
        return [port for port in found if port is not None]

    def uplink(self, settings: UplinkSettings, setups: list[SetupText]) -> Port:
        """[uplink] as a port; what it takes inside pystack comes before all setups."""
        port, setup, complaints = read_uplink(settings, f"{self.path}:{self.lines.of('uplink')}")
        for key, complaint in complaints:
            self.complain(("uplink", key), complaint)
        setups.insert(0, setup)
        return port

    def port(self, name: str, keys: object) -> Port | None:
        """One [port.NAME]."""
        path = ("port", name)
        if not isinstance(keys, dict):
            self.complain(path, "a port is a section, [port.NAME]")
            return None
        if not is_device_name(name):
            self.complain(path, "not a device name: 1 to 15 octets without '/', ':', '%' or white space")
        if name in TAKEN:
            self.complain(path, TAKEN[name])
        driver = keys.get("driver")
        if not isinstance(driver, str) or driver not in DRIVERS:
            known = f" (known: {', '.join(DRIVERS)})"
            what = "driver is missing" if driver is None else f"unknown driver {driver!r}"
            hint = nearest(driver, tuple(DRIVERS)) if isinstance(driver, str) else ""
            self.complain((*path, "driver"), what + (hint or known))
            return None
        rest = {key: value for key, value in keys.items() if key != "driver"}
        settings = self.settings(DRIVERS[driver], rest, path)
        if settings is None:
            return None
        settings = self.complete(settings, path)
        return Port(name, driver, settings, f"{self.path}:{self.lines.of(*path)}")

    def dhcp(self, table: Mapping[str, object]) -> tuple[DhcpSection, ...]:
        """Every [dhcp.DEVICE]."""
        section = table.get("dhcp", {})
        if not isinstance(section, dict):
            self.complain(("dhcp",), "a server is a section, [dhcp.DEVICE]")
            return ()
        found = []
        for device, keys in section.items():
            path = ("dhcp", device)
            if isinstance(settings := self.settings(DhcpSettings, keys, path), DhcpSettings):
                config, complaints = read_dhcp(device, settings)
                for key, complaint in complaints:
                    self.complain((*path, *key), complaint)
                found.append(DhcpSection(config, f"{self.path}:{self.lines.of(*path)}"))
        return tuple(found)

    def complete(self, settings: Settings, path: tuple[str, ...]) -> Settings:
        """What the keys of one port must be together; paths become relative to this file."""
        if isinstance(settings, TapSettings | PacketSettings):
            if settings.ifname and not is_device_name(settings.ifname):
                self.complain((*path, "ifname"), "not a device name")
            if not is_netns_name(settings.netns):
                self.complain((*path, "netns"), "neither a name nor a path of a network namespace")
        elif isinstance(settings, UnixSettings):
            if settings.type == "dgram" and not settings.peer:
                self.complain(path, "a dgram port needs peer, the path of QEMU's own socket")
            if settings.type == "stream" and settings.peer:
                self.complain((*path, "peer"), "only a dgram port has a peer")
            if settings.type == "dgram" and settings.listen:
                self.complain((*path, "listen"), "only a stream port listens")
            beside = replace(settings, path=self.beside(settings.path), peer=self.beside(settings.peer))
            self.check_socket(beside.path, (*path, "path"))
            if beside.peer:
                self.check_socket(beside.peer, (*path, "peer"))
            return beside
        elif isinstance(settings, PcapSettings):
            if not (settings.path or settings.record):
                self.complain(path, "a pcap port needs path (replay), record, or both")
            elif settings.path == settings.record:
                self.complain((*path, "record"), "the file that is replayed would be overwritten")
            return replace(settings, path=self.beside(settings.path), record=self.beside(settings.record))
        return settings

    def check_socket(self, socket_path: str, path: tuple[str, ...]) -> None:
        """A path that a socket can have."""
        if why := wrong_with_socket_path(socket_path):
            self.complain(path, why)

    def beside(self, path: str) -> str:
        """A path as the file means it: relative to itself."""
        return os.path.join(os.path.dirname(self.path), path) if path else ""

    def check_distinct(self, ports: list[Port]) -> None:
        """Two ports cannot hold the same thing."""
        seen: dict[tuple[str, ...], str] = {}
        for port in ports:
            if port.name == UPLINK and port.driver in DRIVERS:
                self.complain(("port", port.name), "that is the device of [uplink]")
        for port in ports:
            for held in held_by(port):
                other = seen.setdefault(held, port.name)
                if other != port.name:
                    where = ("uplink",) if port.driver == UPLINK else ("port", port.name)
                    self.complain(where, f"{' '.join(held)} is port.{other}'s already")

    def settings(self, kind: type[Settings], table: object, path: tuple[str, ...]) -> Settings | None:
        """A section key by key, so that one wrong value does not hide the next."""
        if not isinstance(table, dict):
            self.complain(path, f"a section, [{'.'.join(path)}]")
            return None
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        before = len(self.complaints)
        known = (*fields, "driver") if path[0] == "port" else tuple(fields)
        self.check_known(table, known, path, "key")
        for key, field in fields.items():
            if key in table:
                self.value(field.type, table[key], (*path, key))
            elif field.required:
                self.complain(path, f"{key} is missing")
        return msgspec.convert(table, kind) if len(self.complaints) == before else None

    def value(self, type_: object, value: object, path: tuple[str, ...]) -> object:
        """A value of the type, or a complaint."""
        if holds_nul(value):
            self.complain(path, "a NUL has no place here")
            return None
        try:
            return msgspec.convert(value, type_)
        except msgspec.ValidationError as error:
            known = get_args(type_) if get_origin(type_) is Literal else ()
            hint = nearest(str(value), known) if known else ""
            self.complain(path, plain(str(error)) + hint)
            return None

    def accounts(self, daemon: DaemonSettings) -> DaemonSettings:
        """User and group exist."""
        if daemon.user:
            try:
                pwd.getpwnam(daemon.user)
            except KeyError:
                self.complain(("daemon", "user"), f"there is no user {daemon.user}")
        if daemon.group:
            try:
                grp.getgrnam(daemon.group)
            except KeyError:
                self.complain(("daemon", "group"), f"there is no group {daemon.group}")
        if daemon.socket:
            self.check_socket(self.beside(daemon.socket), ("daemon", "socket"))
        return replace(daemon, socket=self.beside(daemon.socket))

    def check_built(self, table: Mapping[str, object]) -> None:
        """What is known and right, but not written yet, is refused rather than left out."""
        for section, key in NOT_BUILT_YET_KEYS:
            keys = table.get(section)
            if isinstance(keys, dict) and keys.get(key):
                self.complain((section, key), "not built yet")

    def hooks(self, hooks: Settings | None, daemon: DaemonSettings) -> HookSettings | None:
        """[hooks], if it is there and right."""
        if not isinstance(hooks, HookSettings):
            return None
        for key, complaint in hooks_complaints(hooks):
            self.complain(("hooks", key), complaint)
        if daemon.user:
            self.complain(
                ("hooks",), "not with daemon.user: to follow the kernel takes the rights it gives up"
            )
        return hooks


def held_by(port: Port) -> list[tuple[str, ...]]:
    """What a port occupies outside, so that no other port can."""
    settings = port.settings
    if isinstance(settings, TapSettings | PacketSettings | UplinkSettings):
        where = ("in the namespace", settings.netns) if settings.netns else ()
        return [("the device", settings.ifname or port.name, *where)]
    if isinstance(settings, UnixSettings):
        return [("the socket", settings.path)]
    if isinstance(settings, PcapSettings) and settings.record:
        return [("the file", settings.record)]
    return []


def nearest(word: str, known: tuple[str, ...]) -> str:
    """The known word that was probably meant, as an appendix to a complaint."""
    close = get_close_matches(word.lower(), known, n=1, cutoff=0.5)
    return f" (did you mean {close[0]}?)" if close else f" (known: {', '.join(known)})"


def plain(message: str) -> str:
    """msgspec's sentence without its quotes, beginning small as all of ours."""
    message = message.replace("`", "")
    return message[:1].lower() + message[1:]
