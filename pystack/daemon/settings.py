"""What a configuration may say: sections, keys, their types and defaults, and what is meant by them.

The classes are the keys; `config.py` reads a file into them.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from pystack.hooks.shim.placement import USUAL
from pystack.services.dhcp import DhcpConfig


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what a section may hold; a field is a key, its type what the key takes."""


class TapSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A TAP: its other end is the kernel."""

    ifname: str = ""
    netns: str = ""
    offload: bool = True


class PacketSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A device that exists, taken over from behind with AF_PACKET."""

    ifname: str = ""
    netns: str = ""
    offload: bool = True


class UnixSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A socket of QEMU's, `-netdev stream` or `-netdev dgram`."""

    type: Literal["stream", "dgram"]
    path: str
    peer: str = ""
    listen: bool = False


class PcapSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Frames from a capture, with the times of the capture; frames sent are recorded."""

    path: str = ""
    record: str = ""


class MemorySettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing is outside: what is sent is gone."""


class UplinkSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The way out for what stands behind the ports."""

    via: Literal["kernel-nat"]
    networks: list[str] = []
    link: str = "172.31.255.252/30"
    ifname: str = "pystack0"
    netns: str = ""


class DhcpSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Addresses for those behind a device."""

    range: list[str]
    router: str | None = None
    dns: list[str] = []
    domain: str = ""
    lease_time: int = 3600
    static: dict[str, str] = {}


class ServiceSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the stack itself serves."""

    echo: bool = False
    discard: bool = False
    daytime: bool = False
    http: bool = False


class DaemonSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the daemon behaves."""

    socket: str = ""
    group: str = ""
    user: str = ""
    web: str = ""
    metrics: str = ""


class HookSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where we reach into the kernel's own path."""

    netns: str = ""
    mode: Literal["observe", "decide", "divert"] = "observe"
    points: list[str] = msgspec.field(default_factory=lambda: list(USUAL))
    queue_base: int = 100
    deadline_ms: int = 200
    backend: Literal["raw", "library"] = "raw"


UPLINK: Final = "uplink"  # the device inside pystack
DRIVERS: Final[dict[str, type[Settings]]] = {
    "tap": TapSettings,
    "packet": PacketSettings,
    "unix": UnixSettings,
    "pcap": PcapSettings,
    "memory": MemorySettings,
}
SECTIONS: Final[dict[str, type[Settings]]] = {
    "services": ServiceSettings,
    "uplink": UplinkSettings,
    "daemon": DaemonSettings,
    "hooks": HookSettings,
}
TOP_LEVEL: Final = ("name", "setup", "setup_text", "port", "dhcp", *SECTIONS)
NOT_BUILT_YET_KEYS: Final = (("daemon", "web"), ("daemon", "metrics"))

Complaint = tuple[str, str]  # a key of a section, and a sentence


class Port(msgspec.Struct, frozen=True):
    """A device of pystack's whose other end is outside. Two ports that are equal are the same port."""

    name: str
    driver: str
    settings: Settings
    place: str = ""  # "FILE:LINE", for complaints

    def same(self, other: Port) -> bool:
        """Whether a reload can leave it as it is."""
        return (self.name, self.driver, self.settings) == (other.name, other.driver, other.settings)


class DhcpSection(msgspec.Struct, frozen=True):
    """A server that is to run."""

    config: DhcpConfig
    place: str  # "FILE:LINE", for complaints


class SetupText(msgspec.Struct, frozen=True):
    """Commands that make the stack; `lines` says where each line of the text stands in its file, if that is
    not the file's own text.
    """

    file: str
    text: str
    lines: tuple[int, ...] = ()

    def line(self, number: int) -> int:
        """Where a line of the text stands in the file."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else number


class Config(msgspec.Struct, frozen=True):
    """A configuration without fault."""

    name: str
    file: str  # as the user named it; empty: the built-in lab
    setups: tuple[SetupText, ...]
    ports: tuple[Port, ...]
    daemon: DaemonSettings = DaemonSettings()
    dhcp: tuple[DhcpSection, ...] = ()
    services: ServiceSettings = ServiceSettings()
    hooks: HookSettings | None = None


LAB_TEXT: Final = """\
ip link set lo up
ip link add br0 type bridge
ip link set vm1 master br0
ip link set vm2 master br0
ip address add 10.77.0.1/24 dev br0
ip link set vm1 up
ip link set vm2 up
ip link set br0 up
"""
LAB: Final = Config(
    name="lab",
    file="",
    setups=(SetupText("(built-in lab)", LAB_TEXT),),
    ports=(Port("vm1", "tap", TapSettings()), Port("vm2", "tap", TapSettings())),
)
