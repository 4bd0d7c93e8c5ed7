"""The multicast groups that this host is in, device by device. Linux: net/ipv4/igmp.c"""

from __future__ import annotations

from typing import Final

from pystack.l2.devices import DeviceTable, Link, LinkEvent

ALL_HOSTS: Final = 0xE0000001  # 224.0.0.1: every host is in it


class Groups:
    """Linux: struct in_device, its mc_list"""

    def __init__(self, devices: DeviceTable) -> None:
        self._users: dict[tuple[Link, int], int] = {}
        devices.listen(self._on_link_event)

    def join(self, dev: Link, group: int) -> None:
        """One more wants the group. Linux: net/ipv4/igmp.c ip_mc_inc_group()"""
        self._users[dev, group] = self._users.get((dev, group), 0) + 1

    def leave(self, dev: Link, group: int) -> None:
        """One less. Linux: net/ipv4/igmp.c ip_mc_dec_group()"""
        left = self._users.get((dev, group), 0) - 1
        if left > 0:
            self._users[dev, group] = left
        else:
            self._users.pop((dev, group), None)

    def is_member(self, dev: Link, group: int) -> bool:
        """Linux: net/ipv4/igmp.c ip_check_mc_rcu()"""
        return group == ALL_HOSTS or (dev, group) in self._users

    def _on_link_event(self, event: LinkEvent, dev: Link) -> None:
        if event is LinkEvent.UNREGISTER:
            for key in [known for known in self._users if known[0] is dev]:
                del self._users[key]
