"""A router between two stations, once of pystack's and once of the kernel's, that tracks connections.

Both tell of each packet how it stood to its connection where it was forwarded.
"""

from __future__ import annotations

import socket

from pystack.applets import virtual
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.events import Event, Printk
from pystack.hooks.ctnetlink import CT_DELETE, ConnReader
from pystack.hooks.nfnetlink import NETLINK_NETFILTER, NfnetlinkSocket
from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.info import IP_CT_UNTRACKED, STATE_INVALID, STATE_UNTRACKED, state_bit
from pystack.netfilter.conntrack.snapshot import Snapshot, snapshot
from pystack.netfilter.conntrack.tuples import Tuple
from pystack.netfilter.hooks import FORWARD, NFPROTO_IPV4, HookState
from pystack.netfilter.verdict import NF_ACCEPT
from pystack.packet import Packet
from pystack.wire.ethernet import ETH_P_IP, header
from tests.box import Box

LEFT, RIGHT = "10.1.0.2", "10.2.0.2"
STATION = {0: bytes.fromhex("020000000b01"), 1: bytes.fromhex("020000000b02")}
OURS = {0: bytes.fromhex("020000000001"), 1: bytes.fromhex("020000000002")}
PORTS = ("ct1", "ct2")

# What the kernel's rules write into TOS, for each state; the packets themselves have 0.
STATES = {"NEW": 0x08, "ESTABLISHED": 0x10, "RELATED": 0x04, "INVALID": 0x14, "UNTRACKED": 0x18}
BITS = {1: "INVALID", 2: "ESTABLISHED", 4: "RELATED", 8: "NEW", 256: "UNTRACKED"}

SETUP = f"""
ip link set lo up; ip link set ct1 up; ip link set ct2 up
ip addr add 10.1.0.1/24 dev ct1
ip addr add 10.2.0.1/24 dev ct2
ip neigh add {LEFT} lladdr {STATION[0].hex(":")} dev ct1
ip neigh add {RIGHT} lladdr {STATION[1].hex(":")} dev ct2
sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0
"""
RULES = "".join(
    f"iptables -t mangle -A FORWARD -m conntrack --ctstate {state} -j TOS --set-tos {tos}/0xff\n"
    for state, tos in STATES.items()
)


class PystackRouter:
    """The box, and what its FORWARD hook saw last."""

    def __init__(self) -> None:
        self.box = box = Box()
        self.devices = [
            box.port(name, OURS[side], f"10.{side + 1}.0.1/24") for side, name in enumerate(PORTS)
        ]
        box.forward()
        for side, station in enumerate((LEFT, RIGHT)):
            mac = STATION[side].hex(":")
            virtual.run(["ip", "neigh", "add", station, "lladdr", mac, "dev", PORTS[side]], box.host)
        for dev in self.devices:
            dev.features = 0  # sums are worked out before frames leave
        self.left: list[bytes] = []  # what left by the other port
        self.seen: str | None = None
        self.lines: list[str] = []  # of the kernel's log
        self.reasons: list[str] = []
        self.tracking = box.ns.conntrack
        self.tracking.use(NFPROTO_IPV4)
        self.tracking.context.on_invalid = lambda _, text: self.reasons.append(text)
        box.host.events.subscribe(self._log)
        box.ns.hooks.ip[FORWARD].register(self._look, 0, "look")

    def _look(self, pkt: Packet, state: HookState) -> int:
        if isinstance(pkt.ct, Conn):
            bit = state_bit(pkt.ctinfo)
        else:
            bit = STATE_UNTRACKED if pkt.ctinfo == IP_CT_UNTRACKED else STATE_INVALID
        self.seen = BITS[bit]
        return NF_ACCEPT

    def _log(self, event: Event) -> None:
        if isinstance(event, Printk):
            self.lines.append(event.text)

    def send(self, side: int, packet: bytes) -> str | None:
        """How a packet from one side stood at FORWARD; None if it did not get through."""
        self.seen = None
        self.lines.clear()
        self.reasons.clear()
        self.box.sent(self.devices[1 - side])
        self.box.send(self.devices[side], header(OURS[side], STATION[side], ETH_P_IP) + packet)
        frames = self.box.sent(self.devices[1 - side])
        self.left = [frame[14:] for frame in frames if frame[12:14] == b"\x08\x00"]
        return self.seen if frames else None

    def passed(self, side: int, packet: bytes) -> list[bytes]:
        """What leaves on the other side because of a packet."""
        self.send(side, packet)
        return self.left

    def draw_ports(self, packets: list[bytes]) -> None:
        """Where a port has to be found, find that of these packets."""
        port = int.from_bytes(packets[0][20:22], "big") if packets else 0
        self.box.ns.tables.nat.chooser.draw = lambda conn, manip, low: port - low & 0xFFFF

    def get(self, flow: Tuple) -> Snapshot | None:
        """A connection, as the kernel would tell it."""
        context = self.tracking.context
        conn = context.find(flow.key)
        return None if conn is None else snapshot(conn, context)


class KernelRouter:
    """The same of the kernel's."""

    def __init__(self, kernel: KernelNetns) -> None:
        self.kernel = kernel
        kernel.sh(SETUP + RULES).check()
        kernel.drain()
        fd = kernel.open_socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self.left: list[bytes] = []
        self.netlink = NfnetlinkSocket(fd)
        self.reader = ConnReader(self.netlink)

    def send(self, side: int, packet: bytes) -> str | None:
        """How a packet stood at FORWARD."""
        kernel = self.kernel
        destination = kernel.ports[PORTS[side]].address
        kernel.send(PORTS[side], header(destination, STATION[side], ETH_P_IP) + packet)
        frames = [frame for port, frame in kernel.drain() if port == PORTS[1 - side]]
        self.left = [frame[14:] for frame in frames if frame[12:14] == b"\x08\x00"]
        marks = (packet[1] for packet in self.left)
        return next((state for mark in marks for state, tos in STATES.items() if tos == mark), None)

    def passed(self, side: int, packet: bytes) -> list[bytes]:
        """What leaves on the other side because of a packet."""
        self.send(side, packet)
        return self.left

    def get(self, flow: Tuple) -> Snapshot | None:
        """A connection."""
        return self.reader.get(flow)

    def flush(self) -> None:
        """Begin anew."""
        self.netlink.request(CT_DELETE)

    def close(self) -> None:
        self.netlink.close()
