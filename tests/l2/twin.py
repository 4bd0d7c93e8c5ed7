"""The same links and frames on a kernel namespace and on pystack, and what both made of them.

The setup is text, in the few forms that `Twin.configure` reads; the kernel's side runs it as it stands.
"""

from __future__ import annotations

import json
from struct import pack

from pystack.compare.lab.capture import Capture, CapturedFrame
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.events import Event, Printk
from pystack.host import Host
from pystack.l2 import kinds
from pystack.l2.bridge import Bridge
from pystack.l2.devices import Link
from pystack.l2.fdb_user import FdbRequest, fdb_add, fdb_del, fdb_state
from pystack.l2.kinds import PeerSpec
from pystack.l2.nud import NUD_NOARP, NUD_PERMANENT, NUD_REACHABLE
from pystack.l3.addresses import Address
from pystack.netns import Netns
from pystack.packet import Packet
from pystack.wire import ipv4
from pystack.wire.ethernet import ETH_P_8021Q, parse_mac

WAYS = ("in", "broadcast", "multicast", "otherhost")
COUNTERS = {
    ("rx", "packets"): "rx_packets",
    ("rx", "bytes"): "rx_bytes",
    ("rx", "errors"): "rx_errors",
    ("rx", "dropped"): "rx_dropped",
    ("rx", "multicast"): "multicast",
    ("tx", "packets"): "tx_packets",
    ("tx", "bytes"): "tx_bytes",
    ("tx", "errors"): "tx_errors",
    ("tx", "dropped"): "tx_dropped",
}
_IGMPV3_ROUTERS = bytes.fromhex("01005e000016")
FLAG_STATES = {"static": NUD_NOARP, "dynamic": NUD_REACHABLE, "local": NUD_PERMANENT}

Sighting = tuple[str, str, bytes]  # device, way, frame


class Twin:
    """Ports t1, t2, … on both sides, with the lab's addresses."""

    def __init__(self, kernel: KernelNetns) -> None:
        self.kernel = kernel
        self.host = Host()
        self.netns: Netns = self.host.init
        self.devices = self.netns.devices
        self.ports = [self.netns.add_port(port.name, port.address) for port in kernel.ports.values()]
        self.sightings: list[Sighting] = []
        self.log: list[str] = []
        self.capture: Capture | None = None
        self.host.events.subscribe(self._hear)

    def _hear(self, event: Event) -> None:
        if isinstance(event, Printk):
            self.log.append(event.text)

    # --- setup ------------------------------------------------------------------------------------------

    def configure(self, text: str) -> None:
        """Run a setup on both sides; addresses that the kernel drew are taken over."""
        self.kernel.sh(text).check()
        for line in text.splitlines():
            words = line.split()
            if words:
                self._apply(words)
        self._adopt_addresses()

    def _apply(self, words: list[str]) -> None:
        match words:
            case ["ip", "link", "add", name, "type", "veth", "peer", "name", peer]:
                kinds.create(self.devices, "veth", name, peer=PeerSpec(peer))
            case ["ip", "link", "add", name, "type", "bridge"]:
                self.devices.register(Bridge(name, self._drawn_address(name)))
            case ["ip", "link", "del", name]:
                kinds.delete(self.devices, self.devices[name])
            case ["ip", "link", "set", name, "type", kind, *options]:
                values = (_number(word) for word in options[1::2])
                kinds.change(self.devices[name], kind, dict(zip(options[::2], values, strict=True)))
            case ["ip", "link", "set", name, *changes]:
                self._set(self.devices[name], changes)
            case ["ip", "addr", "add", text, "dev", name]:
                local, _, length = text.partition("/")
                number = ipv4.parse_address(local)
                assert number is not None
                self.netns.ipv4.addresses.add(Address(self.devices[name], number, int(length)))
            case ["bridge", "fdb", "del", text, "dev", name, "master"]:
                fdb_del(self.devices[name], FdbRequest(_mac(text), master=True))
            case ["bridge", "fdb", command, text, "dev", name, *flags]:
                fdb_add(self.devices[name], _request(command, text, flags))
            case _:
                raise AssertionError(f"no such form: {' '.join(words)}")

    def _set(self, dev: Link, changes: list[str]) -> None:
        match changes:
            case ["up"]:
                self.devices.set_up(dev)
            case ["down"]:
                self.devices.set_down(dev)
            case ["nomaster"]:
                self.devices.set_master(dev, None)
            case ["master", name]:
                self.devices.set_master(dev, self.devices[name])
            case ["mtu", number]:
                self.devices.set_mtu(dev, int(number))
            case ["address", text]:
                self.devices.set_address(dev, _mac(text))
            case ["promisc", "on"]:
                self.devices.set_promiscuity(dev, 1)
            case _:
                raise AssertionError(f"no such change: {changes}")

    def _drawn_address(self, name: str) -> bytes:
        """What the kernel drew for a new bridge; any other where it has taken a port's meanwhile."""
        address = next(link.address for link in self.kernel.links() if link.name == name)
        taken = any(dev.address == address for dev in self.devices)
        return self.netns.rng.mac() if taken else address

    def _adopt_addresses(self) -> None:
        """Give our veths the addresses that the kernel drew for its own; bridges follow by themselves."""
        for link in self.kernel.links():
            dev = self.devices[link.name]
            if dev.kind == "veth" and dev.address != link.address:
                self.devices.set_address(dev, link.address)

    # --- frames -----------------------------------------------------------------------------------------

    def watch(self) -> None:
        """From now on keep who saw which frame, in one order over all devices, on both sides."""
        self.capture = self.kernel.capture()
        for dev in self.devices:
            dev.add_tap(self._see)

    def _see(self, pkt: Packet, leaving: bool) -> None:
        way = "out" if leaving else WAYS[pkt.pkt_type]
        self.sightings.append((pkt.dev.name, way, bytes(pkt.frame())))

    def exchange(self, port: str, frame: bytes) -> tuple[list[tuple[str, bytes]], list[tuple[str, bytes]]]:
        """What a frame causes to leave, port by port: the kernel's answer and ours."""
        theirs = [sent for sent in self.kernel.exchange(port, frame) if not _is_membership_report(sent[1])]
        self.netns.receive(self.devices[port], frame)
        self.host.run_backlog()
        return theirs, self.drain()

    def drain(self) -> list[tuple[str, bytes]]:
        ours = []
        for port in self.ports:
            ours += [(port.name, bytes(data)) for data, _ in port.tx]
            port.tx.clear()
        return ours

    def seen(self) -> tuple[list[Sighting], list[Sighting]]:
        """What was seen since the last call, by both sides."""
        assert self.capture is not None
        theirs = [
            (got.device, got.way, _with_tag(got))
            for got in self.capture.packets()
            if not _is_membership_report(got.frame)
        ]
        ours, self.sightings = self.sightings, []
        return theirs, ours

    # --- state ------------------------------------------------------------------------------------------

    def forwarding_tables(self) -> tuple[list[str], list[str]]:
        """The entries of bridges on both sides, each port's in its own order."""
        names = {link.ifindex: link.name for link in self.kernel.links()}
        theirs = [
            f"{entry.lladdr.hex(':')} {names[entry.ifindex]} {names[entry.master]} {entry.state:#x}"
            for entry in self.kernel.forwarding_entries()
            if entry.master
        ]
        bridges = [dev for dev in self.devices if isinstance(dev, Bridge)]
        ours = [
            f"{entry.address.hex(':')} {dev.name} {bridge.name} {fdb_state(bridge, entry):#x}"
            for dev in self.devices
            for bridge in bridges
            for entry in bridge.fdb
            if (bridge if entry.port is None else entry.port.dev) is dev
        ]
        return theirs, ours

    def counters(self) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
        """What `ip -s link` counts for every device, on both sides, in the order of COUNTERS."""
        shown = json.loads(self.kernel.run("ip -s -j link").check().out)
        theirs = {link["ifname"]: _flat(link["stats64"]) for link in shown}
        ours = {dev.name: [getattr(dev.stats, name) for name in COUNTERS.values()] for dev in self.devices}
        return theirs, ours

    def links(self) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
        """Name, MTU, state, carrier, promiscuity, address and master of every link, on both sides."""
        there = self.kernel.links()
        names = {link.ifindex: link.name for link in there}
        theirs: list[tuple[object, ...]] = [
            (
                link.name,
                link.mtu,
                link.operstate,
                link.promiscuity,
                link.address.hex(":"),
                names.get(link.master),
            )
            for link in there
        ]
        ours: list[tuple[object, ...]] = [
            (
                dev.name,
                dev.mtu,
                dev.operstate,
                dev.promiscuity,
                dev.address.hex(":"),
                None if dev.master is None else dev.master.name,
            )
            for dev in self.devices
        ]
        return theirs, ours


def _flat(stats: dict[str, dict[str, int]]) -> list[int]:
    return [stats[way][name] for way, name in COUNTERS]


def _mac(text: str) -> bytes:
    address = parse_mac(text)
    assert address is not None
    return address


def _is_membership_report(data: bytes) -> bool:
    """What Linux sends by itself up to a second after a bridge came up: it joins the group of snoopers."""
    return data[:6] == _IGMPV3_ROUTERS


def _with_tag(got: CapturedFrame) -> bytes:
    """The frame as it was on the wire: Linux carries a VLAN tag beside the octets."""
    if got.vlan is None:
        return got.frame
    return got.frame[:12] + pack("!HH", ETH_P_8021Q, got.vlan) + got.frame[12:]


def _number(word: str) -> int:
    return {"on": 1, "off": 0}[word] if word in ("on", "off") else int(word, 0)


def _request(command: str, text: str, flags: list[str]) -> FdbRequest:
    state = next((FLAG_STATES[flag] for flag in flags if flag in FLAG_STATES), NUD_PERMANENT)
    return FdbRequest(
        _mac(text),
        state,
        master="master" in flags,
        itself="master" not in flags,
        exclusive=command == "add",
        sticky="sticky" in flags,
        ext_learned="extern_learn" in flags,
    )
