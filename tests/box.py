"""A host in a test's hands: its ports are lists of frames, its time moves when the test says so."""

from collections import Counter

from pystack.host import Host
from pystack.l2.devices import Link
from pystack.l2.kinds import create
from pystack.l2.port import PortDevice
from pystack.l3.addresses import IFA_F_PERMANENT, RT_SCOPE_UNIVERSE, Address
from pystack.l3.fib_types import RT_TABLE_MAIN, RTN_UNICAST, FibInfo, FibRoute, Nexthop
from pystack.netns import Netns
from pystack.profile import Profile
from pystack.wire.checksum import Buffer
from pystack.wire.virtio import NONE, Offload
from tests.frames import ip


class Box:
    """One host; what is not said otherwise happens in its first namespace."""

    def __init__(self, *, seed: int = 1, profile: Profile | None = None) -> None:
        self.host = Host(seed=seed, profile=profile)
        self.ns: Netns = self.host.init
        self.ns.devices.set_up(self.ns.loopback)

    # -- building ------------------------------------------------------------------------------------------

    def port(self, name: str, mac: bytes, *addresses: str, ns: Netns | None = None) -> PortDevice:
        """A port that is up, with addresses such as `10.0.0.1/24`."""
        home = ns or self.ns
        dev = home.add_port(name, mac)
        home.devices.set_up(dev)
        for text in addresses:
            self.address(dev, text, ns=home)
        return dev

    def dummy(self, name: str, *addresses: str) -> Link:
        dev = create(self.ns.devices, "dummy", name)
        self.ns.devices.set_up(dev)
        for text in addresses:
            self.address(dev, text)
        return dev

    def address(
        self,
        dev: Link,
        text: str,
        *,
        scope: int = RT_SCOPE_UNIVERSE,
        peer: str | None = None,
        broadcast: str | None = None,
        ns: Netns | None = None,
    ) -> Address:
        """`ip addr add TEXT [peer PEER] [brd BROADCAST] dev DEV [scope SCOPE]`"""
        local, _, length = text.partition("/")
        address = Address(
            dev,
            ip(local),
            int(length or 32),
            peer=None if peer is None else ip(peer),
            broadcast=0 if broadcast is None else ip(broadcast),
            scope=scope,
            flags=IFA_F_PERMANENT,
        )
        (ns or self.ns).ipv4.addresses.add(address)
        return address

    def forward(self, *, ns: Netns | None = None) -> None:
        """`sysctl net.ipv4.ip_forward=1`"""
        self.sysctl("net.ipv4.ip_forward", "1", ns=ns)

    def sysctl(self, key: str, value: str, *, ns: Netns | None = None) -> None:
        knob = (ns or self.ns).sysctls.find(key)
        assert knob is not None, key
        knob.write(value)

    def route(
        self,
        destination: str,
        dev: Link | None = None,
        via: str | None = None,
        *,
        src: str | None = None,
        scope: int = RT_SCOPE_UNIVERSE,
        type_: int = RTN_UNICAST,
        metric: int = 0,
        table: int = RT_TABLE_MAIN,
        mtu: int | None = None,
        onlink: int = 0,
    ) -> FibRoute:
        """`ip route add DESTINATION [via VIA] [dev DEV] [src SRC] [scope SCOPE]`"""
        prefix, _, length = destination.partition("/")
        hops = () if dev is None and via is None else (Nexthop(dev, ip(via or "0.0.0.0"), flags=onlink),)
        info = FibInfo(
            type_,
            hops,
            scope=scope,
            prefsrc=0 if src is None else ip(src),
            priority=metric,
            metrics=None if mtu is None else {"mtu": mtu},
        )
        route = FibRoute(table, ip(prefix), int(length or 32), info)
        self.ns.ipv4.fib.add(route)
        return route

    # -- running -------------------------------------------------------------------------------------------

    def send(self, dev: Link, frame: Buffer, offload: Offload = NONE, *, ns: Netns | None = None) -> None:
        """A frame arrives at a port, and all that follows at once follows."""
        (ns or self.ns).receive(dev, frame, offload)
        self.settle()

    def settle(self) -> None:
        while len(self.host.backlog):
            self.host.run_backlog()

    def advance(self, seconds: float) -> None:
        """Let time pass, every timer at its own moment."""
        end = self.host.clock.now + seconds
        while (deadline := self.host.next_deadline()) is not None and deadline <= end:
            self.host.clock.set(deadline)
            self.host.run_timers()
            self.settle()
        self.host.clock.set(end)

    def sent(self, dev: Link) -> list[bytes]:
        """What left by a port since the last time that was asked."""
        assert isinstance(dev, PortDevice)
        frames = [bytes(frame) for frame, _ in dev.tx]
        dev.tx.clear()
        return frames

    def drops(self) -> Counter[str]:
        """How packets of this host ended badly, by reason."""
        return Counter({reason.name: count for reason, count in self.host.outcomes.dropped.items()})

    def assert_every_packet_is_accounted_for(self) -> None:
        assert self.host.outcomes.outstanding() == self.host.queued()
