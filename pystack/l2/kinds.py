"""`ip link add`, `ip link set … type` and `ip link del`: the kinds of devices that a user can make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from pystack.errors import EADDRNOTAVAIL, EINVAL, ENOTCONN, EOPNOTSUPP, ERANGE, NetError, NotModelled
from pystack.l2 import bridge_options
from pystack.l2.bridge import Bridge
from pystack.l2.devices import IFNAMSIZ, DeviceTable, Link, LinkEvent
from pystack.l2.dummy import Dummy
from pystack.l2.veth import Veth
from pystack.l2.vlan_device import VlanDevice, VlanOptions, new_vlan
from pystack.l2.vlan_device import validate as validate_vlan
from pystack.rng import Rng
from pystack.wire.ethernet import ETH_ALEN, is_valid_unicast

MODELLED: Final = ("bridge", "dummy", "veth", "vlan")

# What else Linux makes; any other word is unknown to both. `ip link help`
LINUX_KINDS: Final = frozenset(
    "amt bareudp batadv bond bond_slave can cfhsi dsa erspan geneve gre gretap gtp hsr ifb ip6erspan ip6gre "
    "ip6gretap ip6tnl ipip ipoib ipvlan ipvtap lowpan macsec macvlan macvtap netdevsim netkit nlmon rmnet "
    "sit team tun vcan veth virt_wifi vlan vrf vti vti6 vxcan vxlan wireguard wwan xfrm".split()
)


@dataclass(frozen=True, slots=True)
class PeerSpec:
    """What follows `peer` in `ip link add v0 type veth peer …`."""

    name: str | None = None  # may be a template such as `veth%d`, which is also the default
    address: bytes | None = None
    mtu: int | None = None
    ifindex: int | None = None  # heeded only if the first end's is given as well
    up: bool = False
    devices: DeviceTable | None = None
    """Where the peer is to live; None: where the first end lives.

    Linux puts a peer without a namespace of its own into the caller's, also when `netns` put the first end
    elsewhere: the applet says so here.
    """


def create(
    devices: DeviceTable,
    kind: str,
    name: str | None = None,
    *,
    address: bytes | None = None,
    mtu: int | None = None,
    tx_queue_len: int | None = None,
    ifindex: int | None = None,
    broadcast: bytes | None = None,
    peer: PeerSpec | None = None,
    options: Mapping[str, int] | None = None,
    link: Link | None = None,
    vlan: VlanOptions | None = None,
) -> Link:
    """Make a device and register it, still down; a VLAN on the device `link`, which may live elsewhere.

    `options` is what follows `type KIND`, by ip's own words and with the numbers that ip sends: a bridge's
    ageing_time in hundredths of a second. Raises NetError as the kernel answers, and NotModelled for kinds
    and options that only Linux has. Of a veth pair the peer is registered first, as in Linux.

    Linux: net/core/rtnetlink.c rtnl_newlink_create()
    """
    if kind not in MODELLED:
        if kind in LINUX_KINDS:
            raise NotModelled(f"link type {kind}", MODELLED)
        raise NetError(EOPNOTSUPP, "Unknown device type")
    _check_options(kind, options, peer)
    validate(kind, name, address, mtu, peer, vlan)
    name = f"{kind}%d" if name is None else name
    if kind == "vlan":
        dev: Link = new_vlan(name, link, validate_vlan(vlan), address, mtu)
    else:
        dev = _MAKERS[kind](name, devices.net.rng, address)
    _configure(dev, address, mtu, tx_queue_len, broadcast)
    if isinstance(dev, Veth):
        _register_pair(devices, dev, ifindex, peer)
        return dev
    devices.register(dev, ifindex)
    if isinstance(dev, VlanDevice):
        _join(devices, dev)
    if isinstance(dev, Bridge):
        _finish_bridge(devices, dev, address, options)
    return dev


def change(dev: Link, kind: str, options: Mapping[str, int] | VlanOptions) -> None:
    """`ip link set DEV type KIND OPTIONS`. Linux: net/core/rtnetlink.c rtnl_changelink()"""
    if isinstance(options, VlanOptions):
        validate_vlan(options)
        if not isinstance(dev, VlanDevice):
            raise NetError(EOPNOTSUPP)
        dev.change(options)
    elif kind == "bridge_slave":
        if not isinstance(dev.master, Bridge):
            raise NetError(EINVAL)
        bridge_options.set_port_options(dev.master, dev.master.port_of[dev], options)
    elif kind != dev.kind or not isinstance(dev, Bridge):  # no other kind has settings
        raise NetError(EOPNOTSUPP)
    else:
        _check_options(kind, options, None)
        bridge_options.set_options(dev, options)
    if dev.up:  # whatever was changed: so a port that was set to `disabled` forwards again
        dev.devices.notify(LinkEvent.CHANGE, dev)


def delete(devices: DeviceTable, dev: Link) -> None:
    """`ip link del`: only what could be made by `ip link add`; of a pair both ends go.

    Linux: net/core/rtnetlink.c rtnl_delete_link()
    """
    # Linux differs: it deletes a TAP under whoever holds it; here a port belongs to its driver.
    if dev.kind not in MODELLED:
        raise NetError(EOPNOTSUPP)
    devices.unregister(dev)


def _check_options(kind: str, options: Mapping[str, int] | None, peer: PeerSpec | None) -> None:
    if peer is not None and kind != "veth":
        raise NetError(EINVAL)
    if kind == "bridge":
        bridge_options.check(options or {})
    elif options:
        raise NotModelled(f"{kind} option {next(iter(options))}")


def _check_address(address: bytes | None, extack: str = "") -> None:
    if address is None:
        return
    if len(address) != ETH_ALEN:
        raise NetError(EINVAL, extack)
    if not is_valid_unicast(address):
        raise NetError(EADDRNOTAVAIL, extack)


def validate(
    kind: str,
    name: str | None,
    address: bytes | None,
    mtu: int | None,
    peer: PeerSpec | None,
    vlan: VlanOptions | None = None,
) -> None:
    """What is wrong whatever devices there are. Linux: drivers/net/veth.c veth_validate() and its like"""
    names = (name, None if peer is None else peer.name)
    if any(given is not None and len(given) >= IFNAMSIZ for given in names):
        raise NetError(ERANGE, "Attribute failed policy validation")
    _check_address(address, "8021q: Invalid link address" if kind == "vlan" else "")
    _check_veth_mtu(kind, mtu)
    if kind == "vlan":
        validate_vlan(vlan)
    if peer is not None:
        _check_address(peer.address)
        _check_veth_mtu("veth", peer.mtu)


def _check_veth_mtu(kind: str, mtu: int | None) -> None:
    if kind == "veth" and mtu is not None and not Veth.min_mtu <= mtu <= Veth.max_mtu:
        raise NetError(EINVAL)


def checked_broadcast(address: bytes) -> bytes:
    """Linux: net/core/rtnetlink.c validate_linkmsg()"""
    if len(address) < ETH_ALEN:
        raise NetError(EINVAL)
    return address[:ETH_ALEN]


def _configure(
    dev: Link, address: bytes | None, mtu: int | None, tx_queue_len: int | None, broadcast: bytes | None
) -> None:
    """Linux: net/core/rtnetlink.c rtnl_create_link()"""
    dev.address_assigned = address is not None
    if mtu is not None:
        DeviceTable.check_mtu(dev, mtu)
        dev.mtu = mtu
    if tx_queue_len is not None:
        dev.tx_queue_len = tx_queue_len
    if broadcast is not None:
        dev.broadcast = checked_broadcast(broadcast)


def _drawn(address: bytes | None, rng: Rng) -> bytes:
    return rng.mac() if address is None else address


_Maker = Callable[[str, Rng, bytes | None], Link]

_MAKERS: Final[Mapping[str, _Maker]] = {
    "bridge": lambda name, rng, address: Bridge(name, _drawn(address, rng)),
    "dummy": lambda name, rng, address: Dummy(name, _drawn(address, rng)),
    "veth": lambda name, rng, address: Veth(name, _drawn(address, rng)),
}


def _register_pair(devices: DeviceTable, dev: Veth, ifindex: int | None, peer: PeerSpec | None) -> None:
    """Linux: drivers/net/veth.c veth_newlink()"""
    spec = PeerSpec() if peer is None else peer
    home = devices if spec.devices is None else spec.devices
    other = Veth("veth%d" if spec.name is None else spec.name, _drawn(spec.address, home.net.rng))
    _configure(other, spec.address, spec.mtu, None, None)
    home.register(other, None if ifindex is None else spec.ifindex)
    try:
        if spec.up:
            raise NetError(ENOTCONN)  # its other end is not there yet
        devices.register(dev, ifindex)
    except NetError:
        home.unregister(other)
        raise
    Veth.join(dev, other)


def _join(devices: DeviceTable, vlan: VlanDevice) -> None:
    """Linux: net/8021q/vlan.c register_vlan_dev()"""
    try:
        vlan.join()
    except NetError:
        devices.unregister(vlan)
        raise


def _finish_bridge(
    devices: DeviceTable, bridge: Bridge, address: bytes | None, options: Mapping[str, int] | None
) -> None:
    """Linux: net/bridge/br_netlink.c br_dev_newlink()"""
    try:
        if address is not None:
            bridge.set_mac_address(address)
        bridge_options.set_options(bridge, options or {})
    except NetError:
        devices.unregister(bridge)
        raise
