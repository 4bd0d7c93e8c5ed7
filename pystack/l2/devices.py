"""The devices of one namespace, what may be done to them, and who is told.

Everything a user changes about a device goes through here, so that those who depend on it (addresses, routes,
neighbours, bridges) hear of it in Linux's order: NETDEV_GOING_DOWN before the device stops, NETDEV_DOWN
after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum

from pystack.device import IFF_ALLMULTI, IFF_PROMISC, IFF_UP, NetDevice
from pystack.errors import EADDRNOTAVAIL, EBUSY, EEXIST, EINVAL, NetError
from pystack.events import Changed
from pystack.l2.context import LinkContext
from pystack.wire.ethernet import ETH_ALEN, is_valid_unicast

IFNAMSIZ = 16


class LinkEvent(Enum):
    """Linux: enum netdev_cmd"""

    REGISTER = "NETDEV_REGISTER"
    UNREGISTER = "NETDEV_UNREGISTER"
    UP = "NETDEV_UP"
    GOING_DOWN = "NETDEV_GOING_DOWN"
    DOWN = "NETDEV_DOWN"
    CHANGE = "NETDEV_CHANGE"  # carrier or flags
    CHANGEMTU = "NETDEV_CHANGEMTU"
    CHANGEADDR = "NETDEV_CHANGEADDR"
    CHANGENAME = "NETDEV_CHANGENAME"
    CHANGEUPPER = "NETDEV_CHANGEUPPER"


class Link(NetDevice):
    """A device that lives in a namespace, among the others of its table."""

    devices: DeviceTable  # both set by attach()
    net: LinkContext

    def attach(self, devices: DeviceTable) -> None:
        """Come to live in a namespace."""
        self.devices = devices
        self.net = devices.net
        self.netif_receive_skb = devices.net.ingress.netif_receive_skb


Listener = Callable[[LinkEvent, Link], None]


def is_valid_name(name: str) -> bool:
    """Linux: net/core/dev.c dev_valid_name()"""
    if not name or len(name.encode(errors="surrogateescape")) >= IFNAMSIZ or name in (".", ".."):
        return False
    return not any(character in "/:" or character.isspace() for character in name)


class DeviceTable:
    """Linux: net->dev_base_head"""

    def __init__(self, net: LinkContext, netns: str) -> None:
        self.net = net
        self._netns = netns
        self._by_name: dict[str, Link] = {}
        self._by_index: dict[int, Link] = {}
        self._listeners: tuple[Listener, ...] = ()
        self._held = 0  # changes under way that hold back news of carriers
        self._carrier_news: list[Link] = []
        self._unregistering: Link | None = None
        self._next_ifindex = 1

    def __iter__(self) -> Iterator[Link]:
        """By ifindex."""
        return iter([self._by_index[index] for index in sorted(self._by_index)])

    def __len__(self) -> int:
        return len(self._by_index)

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> Link:
        return self._by_name[name]

    def get(self, name: str) -> Link | None:
        """The device of that name."""
        return self._by_name.get(name)

    def by_index(self, ifindex: int) -> Link | None:
        """The device of that number."""
        return self._by_index.get(ifindex)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Hear of every change from now on, in the order in which listeners came; the returned function
        stops it.
        """
        self._listeners = (*self._listeners, listener)

        def stop() -> None:
            self._listeners = tuple(known for known in self._listeners if known is not listener)

        return stop

    def notify(self, event: LinkEvent, dev: Link) -> None:
        """Linux: net/core/dev.c call_netdevice_notifiers()"""
        for listener in self._listeners:
            listener(event, dev)
        self.announce(dev, "del" if event is LinkEvent.UNREGISTER else "new")

    def announce(self, dev: Link, action: str = "new") -> None:
        """Tell `ip monitor`. Linux: net/core/rtnetlink.c rtmsg_ifinfo()"""
        if self.net.events.wanted:
            self.net.events.emit(Changed(self._netns, "link", action, dev.name))

    def free_name(self, template: str) -> str:
        """The first free name of a template such as `veth%d`. Linux: net/core/dev.c dev_alloc_name()"""
        if template.count("%") != 1 or "%d" not in template:
            raise NetError(EINVAL)
        number = 0
        while template.replace("%d", str(number)) in self._by_name:
            number += 1
        return template.replace("%d", str(number))

    def register(self, dev: Link, ifindex: int | None = None) -> None:
        """Linux: net/core/dev.c register_netdevice()"""
        if not is_valid_name(dev.name):
            raise NetError(EINVAL)
        if "%" in dev.name:
            dev.name = self.free_name(dev.name)
        if dev.name in self._by_name:
            raise NetError(EEXIST)
        if ifindex is not None and ifindex in self._by_index:
            raise NetError(EBUSY)
        if ifindex is None:
            while self._next_ifindex in self._by_index:
                self._next_ifindex += 1
            ifindex = self._next_ifindex
            self._next_ifindex += 1
        dev.ifindex = ifindex
        dev.attach(self)
        self._by_name[dev.name] = dev
        self._by_index[ifindex] = dev
        self.net.origins.note(dev)
        self.notify(LinkEvent.REGISTER, dev)

    def unregister(self, dev: Link) -> None:
        """Take a device out for ever. Linux: net/core/dev.c unregister_netdevice_many()"""
        before, self._unregistering = self._unregistering, dev
        dev.dellink()
        self._leave(dev)
        self._unregistering = before
        dev.uninit()

    def is_unregistering(self, dev: Link) -> bool:
        """Whether it leaves for ever, not for another namespace."""
        return dev is self._unregistering

    def move(self, dev: Link, target: DeviceTable) -> None:
        """Give a device to another namespace: it arrives down and without addresses.

        Linux: net/core/dev.c __dev_change_net_namespace()
        """
        if target is self:
            return
        if dev.netns_local:
            raise NetError(EINVAL, "The interface netns is immutable")
        if dev.name in target:
            raise NetError(EEXIST)
        wanted = dev.ifindex if target.by_index(dev.ifindex) is None else None
        self._leave(dev)
        target.register(dev, wanted)

    def _leave(self, dev: Link) -> None:
        if dev.flags & IFF_UP:
            self.set_down(dev)
        if dev.master is not None:
            self.set_master(dev, None)
        self.notify(LinkEvent.UNREGISTER, dev)
        self.net.backlog.forget(dev, self.net.drop)
        del self._by_name[dev.name]
        del self._by_index[dev.ifindex]
        dev.qdisc = "noop"
        dev.ifindex = 0  # marks packets that still point here as homeless

    def set_up(self, dev: Link) -> None:
        """Linux: net/core/dev.c dev_open()"""
        if dev.flags & IFF_UP:
            return
        self._held += 1
        dev.flags |= IFF_UP
        try:
            dev.open()
        except NetError:
            dev.flags &= ~IFF_UP
            self._release()
            raise
        dev.qdisc = dev.default_qdisc
        self.set_rx_mode(dev)
        self.notify(LinkEvent.UP, dev)
        self._release()

    def set_down(self, dev: Link) -> None:
        """Linux: net/core/dev.c dev_close()"""
        if not dev.flags & IFF_UP:
            return
        self._held += 1
        self.notify(LinkEvent.GOING_DOWN, dev)
        dev.flags &= ~IFF_UP
        dev.stop()
        self.notify(LinkEvent.DOWN, dev)
        self._release()

    def set_carrier(self, dev: Link, carrier: bool) -> None:
        """Plug in or out. News of it waits until the change that caused it is told, as Linux leaves it to
        linkwatch.

        Linux: net/sched/sch_generic.c netif_carrier_on(), netif_carrier_off()
        """
        if dev.carrier == carrier:
            return
        dev.carrier = carrier
        dev.carrier_changes += 1
        if dev not in self._carrier_news:
            self._carrier_news.append(dev)
        self._held += 1
        self._release()

    def _release(self) -> None:
        """End a change; the outermost one tells of the carriers. Linux: net/core/link_watch.c"""
        if self._held == 1:
            while self._carrier_news:
                dev = self._carrier_news.pop(0)
                if dev.flags & IFF_UP:
                    self.notify(LinkEvent.CHANGE, dev)
        self._held -= 1

    def rename(self, dev: Link, name: str) -> None:
        """Linux: net/core/dev.c dev_change_name()"""
        if not is_valid_name(name):
            raise NetError(EINVAL)
        if "%" in name:
            name = self.free_name(name)
        if name == dev.name:
            return
        if name in self._by_name:
            raise NetError(EEXIST)
        del self._by_name[dev.name]
        dev.name = name
        self._by_name[name] = dev
        self.notify(LinkEvent.CHANGENAME, dev)

    def set_mtu(self, dev: Link, mtu: int) -> None:
        """Linux: net/core/dev.c dev_set_mtu_ext()"""
        if mtu == dev.mtu:
            return
        self.check_mtu(dev, mtu)
        dev.change_mtu(mtu)
        self.notify(LinkEvent.CHANGEMTU, dev)

    @staticmethod
    def check_mtu(dev: Link, mtu: int) -> None:
        """Linux: net/core/dev.c dev_validate_mtu()"""
        if mtu < dev.min_mtu:
            raise NetError(EINVAL, "mtu less than device minimum")
        if dev.max_mtu and mtu > dev.max_mtu:
            raise NetError(EINVAL, "mtu greater than device maximum")

    def set_address(self, dev: Link, address: bytes) -> None:
        """Linux: net/core/dev.c dev_set_mac_address()"""
        if dev.address != address:
            if len(address) != ETH_ALEN or not is_valid_unicast(address):
                raise NetError(EADDRNOTAVAIL)
            dev.set_mac_address(address)
        dev.address_assigned = True
        self.notify(LinkEvent.CHANGEADDR, dev)

    def set_promiscuity(self, dev: Link, change: int) -> None:
        """Count one more or one less reason to see every frame.

        Linux: net/core/dev.c __dev_set_promiscuity()
        """
        dev.promiscuity += change
        self._set_filter(dev, IFF_PROMISC, dev.promiscuity, "promiscuous")

    def set_allmulti(self, dev: Link, change: int) -> None:
        """Count one more or one less reason to see every group frame.

        Linux: net/core/dev.c __dev_set_allmulti()
        """
        dev.allmulti += change
        self._set_filter(dev, IFF_ALLMULTI, dev.allmulti, "allmulticast")

    def set_rx_mode(self, dev: Link) -> None:
        """A device that can filter by no more than its own address hears every frame if there are others.

        Linux: net/core/dev.c __dev_set_rx_mode()
        """
        if dev.up and dev.filters_unicast:
            return dev.sync_unicast()
        if not dev.up or bool(dev.unicast_addresses) == dev.promiscuous_for_them:
            return
        dev.promiscuous_for_them = not dev.promiscuous_for_them
        self.set_promiscuity(dev, 1 if dev.promiscuous_for_them else -1)

    def hear(self, dev: Link, address: bytes, change: int) -> None:
        """Count one more or one less who wants to hear a unicast address that is not the device's own.

        Linux: net/core/dev_addr_lists.c dev_uc_add(), dev_uc_del()
        """
        users = dev.unicast_addresses.get(address, 0) + change
        if users > 0:
            dev.unicast_addresses[address] = users
        else:
            dev.unicast_addresses.pop(address, None)
        self.set_rx_mode(dev)

    def _set_filter(self, dev: Link, flag: int, reasons: int, mode: str) -> None:
        before = dev.flags
        dev.flags = before | flag if reasons else before & ~flag
        if dev.flags == before:
            return
        name = f"{dev.name} (unregistering)" if dev is self._unregistering else dev.name
        self.net.printk(f"{name}: {'entered' if reasons else 'left'} {mode} mode")
        dev.change_rx_flags(flag, reasons)
        self.announce(dev)

    def set_master(self, dev: Link, master: Link | None) -> None:
        """Make a device a port of another, or of none. Linux: net/core/rtnetlink.c do_set_master()"""
        if dev.master is not None:
            if dev.master is master:
                return
            dev.master.del_slave(dev)
            self.notify(LinkEvent.CHANGEUPPER, dev)
        if master is not None:
            master.add_slave(dev)
            self.notify(LinkEvent.CHANGEUPPER, dev)
