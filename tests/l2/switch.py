"""A host with one bridge and some ports, for tests to send frames through."""

from collections.abc import Iterable

from pystack.events import Event, Printk
from pystack.host import Host
from pystack.l2 import bridge_options, kinds
from pystack.l2.bridge import Bridge
from pystack.l2.bridge_port import BridgePort
from pystack.l2.devices import Link
from pystack.l2.port import PortDevice
from pystack.l2.veth import Veth
from pystack.wire.ethernet import BROADCAST, header

VM1 = bytes.fromhex("02aa00000001")
VM2 = bytes.fromhex("02aa00000002")
VM3 = bytes.fromhex("02aa00000003")
NOBODY = bytes.fromhex("02aa000000ff")
GROUP = bytes.fromhex("01005e000105")
UNUSED_TYPE = 0x88B5  # IEEE 802 local experimental: no protocol handles it


def port_address(number: int) -> bytes:
    """As a lab gives them: 02:00:00:00:00:01 and on."""
    return (0x020000000000 + number).to_bytes(6, "big")


def frame(
    source: bytes = VM1, destination: bytes = BROADCAST, payload: bytes = b"x" * 46, kind: int = UNUSED_TYPE
) -> bytes:
    return header(destination, source, kind) + payload


class Switch:
    """Ports t1, t2, … of br0, all up."""

    def __init__(self, ports: int = 3, *, seed: int = 0) -> None:
        self.host = Host(seed=seed)
        self.netns = self.host.init
        self.devices = self.netns.devices
        self.log: list[str] = []
        self.taps = [self.netns.add_port(f"t{n}", port_address(n)) for n in range(1, ports + 1)]
        self.bridge = self.add_bridge("br0")
        for tap in self.taps:
            self.enslave(tap)

    # --- building ---------------------------------------------------------------------------------------

    def add_bridge(self, name: str) -> Bridge:
        bridge = kinds.create(self.devices, "bridge", name)
        assert isinstance(bridge, Bridge)
        self.devices.set_up(bridge)
        return bridge

    def add_veth(self, name: str, peer: str) -> Veth:
        veth = kinds.create(self.devices, "veth", name, peer=kinds.PeerSpec(peer))
        assert isinstance(veth, Veth)
        return veth

    def enslave(self, dev: Link, bridge: Bridge | None = None) -> None:
        self.devices.set_master(dev, self.bridge if bridge is None else bridge)
        self.devices.set_up(dev)

    def listen(self) -> None:
        """Keep the kernel's log from now on."""
        self.host.events.subscribe(self._hear)

    def _hear(self, event: Event) -> None:
        if isinstance(event, Printk):
            self.log.append(event.text)

    def tap(self, number: int) -> PortDevice:
        return self.taps[number - 1]

    def port(self, number: int) -> BridgePort:
        return self.bridge.port_of[self.tap(number)]

    def set(self, number: int, **options: int) -> None:
        """`ip link set tN type bridge_slave …`"""
        bridge_options.set_port_options(self.bridge, self.port(number), options)

    def set_bridge(self, **options: int) -> None:
        """`ip link set br0 type bridge …`"""
        bridge_options.set_options(self.bridge, options)

    # --- traffic ----------------------------------------------------------------------------------------

    def send(self, number: int, data: bytes) -> list[str]:
        """Let a frame arrive; the names of the ports by which something left, in the order of the ports."""
        self.netns.receive(self.tap(number), data)
        self.host.run_backlog()
        return [name for name, _ in self.drain()]

    def drain(self) -> list[tuple[str, bytes]]:
        sent = [(tap.name, bytes(data)) for tap in self.taps for data, _ in tap.tx]
        for tap in self.taps:
            tap.tx.clear()
        return sent

    def journal(self, devices: Iterable[Link]) -> list[str]:
        """From now on, who sees a frame: `t1:in`, `br0:in`, `t2:out`, in one order over all devices."""
        seen: list[str] = []
        for dev in devices:
            dev.add_tap(lambda pkt, leaving: seen.append(f"{pkt.dev.name}:{'out' if leaving else 'in'}"))
        return seen

    def wait(self, seconds: float) -> None:
        """Let virtual time pass, timer by timer."""
        end = self.host.clock.now + seconds
        deadline = self.host.next_deadline()
        while deadline is not None and deadline <= end:
            self.host.clock.set(deadline)
            self.host.run_timers()
            self.host.run_backlog()
            deadline = self.host.next_deadline()
        self.host.clock.set(end)

    def drops(self) -> dict[str, int]:
        return {reason.name: count for reason, count in self.host.outcomes.dropped.items()}

    def conserved(self) -> bool:
        """Every packet has met exactly one end or waits somewhere."""
        return self.host.outcomes.outstanding() == self.host.queued()
