"""The sysctls of devices that the stack only stores: they come, are renamed and go with their device."""

from __future__ import annotations

from pystack.device import ARPHRD_LOOPBACK
from pystack.l2.devices import DeviceTable, Link, LinkEvent
from pystack.sysctl import Sysctls
from pystack.sysctl_defaults import CONF, IPV6_CONF, NEIGH, Path, bind_globals, bind_missing

_CONF: Path = ("net", "ipv4", "conf")
_NEIGH: Path = ("net", "ipv4", "neigh")
_IPV6: Path = ("net", "ipv6", "conf")


class StoredConf:
    """Fills the gaps that the others leave; made after those who bind what they read."""

    def __init__(self, sysctls: Sysctls, devices: DeviceTable) -> None:
        self._sysctls = sysctls
        self._names: dict[Link, str] = {}
        bind_globals(sysctls)
        for name in ("all", "default"):
            bind_missing(sysctls, (*_CONF, name), CONF)
            bind_missing(sysctls, (*_IPV6, name), IPV6_CONF)
        self._set((*_CONF, "all", "accept_source_route"), 0)
        devices.listen(self._on_link_event)

    def _on_link_event(self, event: LinkEvent, dev: Link) -> None:
        if event is LinkEvent.REGISTER:
            self._names[dev] = dev.name
            self._bind(dev)
        elif event is LinkEvent.CHANGENAME:
            old, self._names[dev] = self._names[dev], dev.name
            for folder in (_CONF, _NEIGH, _IPV6):
                self._sysctls.rename((*folder, old), (*folder, dev.name))
        elif event is LinkEvent.UNREGISTER:
            del self._names[dev]
            self._sysctls.unbind((*_IPV6, dev.name))  # what is below net.ipv4 goes with the rest there

    def _bind(self, dev: Link) -> None:
        """Linux: net/ipv4/devinet.c inetdev_init()"""
        conf = (*_CONF, dev.name)
        bind_missing(self._sysctls, conf, CONF, like=(*_CONF, "default"))
        bind_missing(self._sysctls, (*_NEIGH, dev.name), NEIGH)
        bind_missing(self._sysctls, (*_IPV6, dev.name), IPV6_CONF)
        if dev.type == ARPHRD_LOOPBACK:
            self._set((*conf, "disable_policy"), 1)
            self._set((*conf, "disable_xfrm"), 1)

    def _set(self, path: Path, value: int) -> None:
        knob = self._sysctls.get(path)
        if knob is not None:
            setattr(knob.owner, knob.attribute, value)
