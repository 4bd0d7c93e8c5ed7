"""`ip link`: show, add, set, del."""

from __future__ import annotations

from dataclasses import dataclass

from pystack.applets.iproute import address_show
from pystack.applets.iproute.link_kinds import TAKE_ANYTHING, bridge_options, bridge_slave_options, veth_peer
from pystack.applets.iproute.link_request import LinkParser, LinkRequest
from pystack.applets.iproute.link_vlan import vlan_options
from pystack.applets.iproute.nsid import remember_peers
from pystack.applets.iproute.options import Options
from pystack.applets.iproute.usage import KIND_USAGES
from pystack.applets.iproute.usage_of_objects import LINK_USAGE, explained
from pystack.applets.iproute.words import USAGE_CODE, ToolExit, Words, device_named, no_device, refused
from pystack.applets.session import Session
from pystack.device import IFF_ALLMULTI, IFF_MULTICAST, IFF_NOARP, IFF_PROMISC, IFF_UP
from pystack.errors import EEXIST, EOPNOTSUPP, NetError, NotModelled
from pystack.l2 import kinds
from pystack.l2.devices import DeviceTable, Link, LinkEvent
from pystack.l2.port import PortDevice
from pystack.l2.veth import Veth
from pystack.l2.vlan_device import VlanOptions


def run(words: Words, options: Options, session: Session) -> int:
    """Linux: iproute2 ip/iplink.c do_iplink()"""
    if not words:
        return address_show.show_links(words, options, session)
    if words.begins("add"):
        words.take()
        return _add(words, session)
    if words.begins("set", "change"):
        words.take()
        return _set(words, session)
    if words.begins("replace"):
        raise NotModelled("ip link replace", ("add", "set", "del", "show"))
    if words.begins("delete"):
        words.take()
        return _delete(words, session)
    if words.begins("show", "lst", "list"):
        words.take()
        return address_show.show_links(words, options, session)
    if words.begins("xstats", "afstats", "property"):
        raise NotModelled(f"ip link {words.word}", ("add", "set", "del", "show"))
    if words.begins("help"):
        words.take()
        return _help(words, session)
    raise ToolExit(USAGE_CODE, f'Command "{words.word}" is unknown, try "ip link help".\n')


def _help(words: Words, session: Session) -> int:
    """Linux: iproute2 ip/iplink.c do_help()"""
    kind = words.take() if words else ""
    if kind in KIND_USAGES:
        session.io.out.write(KIND_USAGES[kind])
        return 0
    if kind in kinds.LINUX_KINDS:
        raise NotModelled(f"link type {kind}", kinds.MODELLED)
    raise explained(LINK_USAGE)


@dataclass(slots=True)
class _OfKind:
    """What follows `type KIND`, by kind; None for other kinds."""

    peer: LinkRequest | None = None
    bridge: dict[str, int] | None = None
    vlan: VlanOptions | None = None


def _add(words: Words, session: Session) -> int:
    request = LinkParser(words, session, creates=True).parse()
    if request.kind is None:
        raise ToolExit(1, 'Not enough information: "type" argument is required\n')
    if request.kind in kinds.LINUX_KINDS and request.kind not in kinds.MODELLED:
        raise NotModelled(f"link type {request.kind}", kinds.MODELLED)
    link = None if request.link is None else device_named(request.link, session.netns.devices)
    try:
        _create(request, _of_kind(request, session), link, session)
    except NetError as error:
        raise refused(error) from None
    remember_peers(session.host)
    return 0


def _of_kind(request: LinkRequest, session: Session) -> _OfKind:
    rest = request.rest
    if request.kind == "veth":
        return _OfKind(peer=veth_peer(rest, session))
    if request.kind == "bridge":
        return _OfKind(bridge=bridge_options(rest))
    if request.kind == "vlan":
        return _OfKind(vlan=vlan_options(rest))
    if rest and request.kind not in TAKE_ANYTHING:
        raise ToolExit(1, f'Garbage instead of arguments "{rest[0]} ...". Try "ip link help".\n')
    return _OfKind()


def _create(request: LinkRequest, said: _OfKind, link: Link | None, session: Session) -> None:
    """Linux: net/core/rtnetlink.c rtnl_newlink_create()"""
    here = session.netns.devices
    home = here if request.netns is None else request.netns.devices
    kind, peer = request.kind or "", said.peer
    spec = _peer_spec(peer, here) if kind == "veth" else None
    kinds.validate(kind, request.name, request.address, request.mtu, spec, said.vlan)
    known = here.by_index(request.index) if request.index else here.get(request.name or "")
    if known is not None:
        raise NetError(EEXIST)
    if peer is not None and peer.broadcast is not None:
        peer.broadcast = kinds.checked_broadcast(peer.broadcast)
    dev = kinds.create(
        home,
        kind,
        request.name,
        address=request.address,
        mtu=request.mtu,
        tx_queue_len=None if request.txqueuelen is None else request.txqueuelen & 0xFFFFFFFF,
        ifindex=request.index or None,
        broadcast=request.broadcast,
        peer=spec,
        options=said.bridge,
        link=link,
        vlan=said.vlan,
    )
    if request.group is not None:
        dev.group = request.group
    try:
        if peer is not None and isinstance(dev, Veth) and dev.peer is not None:
            _configure_peer(dev.peer, peer)
        _configure(dev, request)
        if request.master is not None:
            home.set_master(dev, request.master)
    except NetError:
        kinds.delete(home, dev)
        raise


def _peer_spec(peer: LinkRequest | None, here: DeviceTable) -> kinds.PeerSpec:
    """A peer without a namespace of its own lives in the caller's."""
    if peer is None:
        return kinds.PeerSpec(devices=here)
    return kinds.PeerSpec(
        name=peer.name,
        address=peer.address,
        mtu=peer.mtu,
        ifindex=peer.index or None,
        up=bool(peer.flags & IFF_UP),
        devices=here if peer.netns is None else peer.netns.devices,
    )


def _configure_peer(dev: Link, request: LinkRequest) -> None:
    """Linux: drivers/net/veth.c veth_newlink()"""
    if request.txqueuelen is not None:
        dev.tx_queue_len = request.txqueuelen & 0xFFFFFFFF
    if request.broadcast is not None:
        dev.broadcast = request.broadcast
    if request.group is not None:
        dev.group = request.group
    _configure(dev, request)


def _configure(dev: Link, request: LinkRequest) -> None:
    """An alias is lost. Linux: net/core/rtnetlink.c rtnl_configure_link()"""
    _change_flags(dev, request)


def _set(words: Words, session: Session) -> int:
    request = LinkParser(words, session, creates=False).parse()
    dev = session.netns.devices.get(request.dev or "")
    if dev is None:
        raise no_device(request.dev or "")
    if request.address is not None and len(request.address) != len(dev.address):
        length = len(request.address)
        text = f"Invalid address length {length} - must be {len(dev.address)} bytes\n"
        raise ToolExit(1, text)
    settings = None if request.kind is None else _settings(request, request.kind)
    try:
        if request.broadcast is not None:
            request.broadcast = kinds.checked_broadcast(request.broadcast)
        if settings is not None and request.kind is not None:
            if request.kind.endswith("_slave") and dev.master is None:
                raise NetError(EOPNOTSUPP)
            kinds.change(dev, request.kind, settings)
        _apply(dev, request, session)
    except NetError as error:
        raise refused(error) from None
    remember_peers(session.host)
    return 0


def _settings(request: LinkRequest, kind: str) -> dict[str, int] | VlanOptions | None:
    """The options behind `type KIND`; None where there are none, which Linux takes as nothing to do."""
    if not request.rest:
        return None
    if kind == "bridge":
        return bridge_options(request.rest)
    if kind == "bridge_slave":
        return bridge_slave_options(request.rest)
    if kind == "vlan":
        return vlan_options(request.rest)
    if kind in TAKE_ANYTHING:
        return {}
    if kind in kinds.LINUX_KINDS:
        raise NotModelled(f"ip link set … type {kind} {request.rest[0]}", ("bridge", "bridge_slave", "vlan"))
    text = f'Garbage instead of arguments "{request.rest[0]} ...". Try "ip link help".\n'
    raise ToolExit(1, text)


def _apply(dev: Link, request: LinkRequest, session: Session) -> None:
    """In the kernel's order; what was done before a refusal stays.

    Linux: net/core/rtnetlink.c do_setlink()
    """
    devices = session.netns.devices
    if request.netns is not None:
        if request.index:
            raise NotModelled("ip link set … netns … index", ("netns alone",))
        _move(dev, devices, request)
        devices = request.netns.devices
    if request.address is not None:
        devices.set_address(dev, request.address)
    if request.mtu is not None:
        devices.set_mtu(dev, request.mtu)
    if request.group is not None:
        dev.group = request.group
    if request.name is not None and request.name != dev.name:
        devices.rename(dev, request.name)
    if request.alias is not None:
        dev.alias = request.alias
    if request.broadcast is not None:
        dev.broadcast = request.broadcast
        devices.notify(LinkEvent.CHANGEADDR, dev)
    _change_flags(dev, request)
    if request.master is not None or request.nomaster:
        devices.set_master(dev, request.master)
    if request.carrier is not None:
        raise NetError(EOPNOTSUPP)
    if request.txqueuelen is not None:
        dev.tx_queue_len = request.txqueuelen & 0xFFFFFFFF


def _move(dev: Link, devices: DeviceTable, request: LinkRequest) -> None:
    """The new name is given on the way, so that it need only be free over there."""
    assert request.netns is not None
    if request.name is not None and request.name != dev.name:
        if request.name in request.netns.devices:
            raise NetError(EEXIST)
        devices.rename(dev, request.name)
    devices.move(dev, request.netns.devices)


def _change_flags(dev: Link, request: LinkRequest) -> None:
    """Linux: net/core/dev.c __dev_change_flags()"""
    devices = dev.devices
    change, wanted = request.change, request.flags
    before = dev.flags
    plain = change & (IFF_NOARP | IFF_MULTICAST)
    dev.flags = before & ~plain | wanted & plain
    if change & IFF_UP and wanted & IFF_UP:
        devices.set_up(dev)
    elif change & IFF_UP:
        devices.set_down(dev)
    for bit, count in ((IFF_PROMISC, devices.set_promiscuity), (IFF_ALLMULTI, devices.set_allmulti)):
        if change & bit and (wanted ^ dev.gflags) & bit:
            dev.gflags ^= bit
            count(dev, 1 if wanted & bit else -1)
    if plain and dev.up and (before ^ dev.flags) & plain:
        devices.notify(LinkEvent.CHANGE, dev)


def _delete(words: Words, session: Session) -> int:
    request = LinkParser(words, session, creates=False).parse()
    dev = session.netns.devices.get(request.dev or "")
    if dev is None:
        raise no_device(request.dev or "")
    if isinstance(dev, PortDevice):
        raise NotModelled(f"deleting {dev.name}, which belongs to its driver", ("ip link set … down",))
    try:
        kinds.delete(session.netns.devices, dev)
    except NetError as error:
        raise refused(error) from None
    return 0
