"""The sysctls of devices that the stack only stores: they come, are renamed and go with their device."""

from __future__ import annotations

from typing import Final

from pystack.device import ARPHRD_LOOPBACK
from pystack.l2.devices import DeviceTable, Link, LinkEvent
from pystack.sysctl import Path, Sysctls
from pystack.sysctl_table import CONF, CONF_LOOPBACK, IPV6_CONF, NEIGH, lay_out

_CONF: Final[Path] = ("net", "ipv4", "conf")
_NEIGH: Final[Path] = ("net", "ipv4", "neigh")
_IPV6: Final[Path] = ("net", "ipv6", "conf")


class StoredConf:
    """Lays out the table around what others bind."""

    def __init__(self, sysctls: Sysctls, devices: DeviceTable, *, of_the_host: bool) -> None:
        self._sysctls = sysctls
        self._has_neigh_default = of_the_host
        self._names: dict[Link, str] = {}
        lay_out(sysctls, of_the_host=of_the_host)
        devices.listen(self._on_link_event)

    def _on_link_event(self, event: LinkEvent, dev: Link) -> None:
        if event is LinkEvent.REGISTER:
            self._names[dev] = dev.name
            self._lay_out(dev)
        elif event is LinkEvent.CHANGENAME:  # what is below net.ipv4 moves with what is bound there
            old, self._names[dev] = self._names[dev], dev.name
            self._sysctls.rename((*_IPV6, old), (*_IPV6, dev.name))
        elif event is LinkEvent.UNREGISTER:
            del self._names[dev]
            self._sysctls.unbind((*_IPV6, dev.name))

    def _lay_out(self, dev: Link) -> None:
        """Linux: net/ipv4/devinet.c inetdev_init()

        Linux differs: in other namespaces too, neighbours begin with what the first one has as default.
        """
        default_neigh = (*_NEIGH, "default") if self._has_neigh_default else None
        specs = CONF_LOOPBACK if dev.type == ARPHRD_LOOPBACK else CONF
        conf = self._sysctls.lay_out((*_CONF, dev.name), specs, model=(*_CONF, "default"))
        if specs is CONF_LOOPBACK:
            conf.store("disable_policy", 1)
            conf.store("disable_xfrm", 1)
        self._sysctls.lay_out((*_NEIGH, dev.name), NEIGH, model=default_neigh)
        self._sysctls.lay_out((*_IPV6, dev.name), IPV6_CONF, model=(*_IPV6, "default")).settle()
