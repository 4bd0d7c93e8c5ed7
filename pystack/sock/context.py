"""What the IPv4 sockets of one namespace share besides their tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from itertools import count
from typing import Protocol

from pystack.clock import Clock
from pystack.drop import Drop, Outcomes
from pystack.l2.devices import DeviceTable
from pystack.l3.addresses import AddressBook
from pystack.l3.conf import Confs
from pystack.l3.fib import Fib
from pystack.l3.fib_types import Flow
from pystack.l3.groups import Groups
from pystack.l3.ip_options import OptionEcho
from pystack.l3.ip_output import IpOutput
from pystack.l3.needs import IcmpErrors
from pystack.l3.route import Router
from pystack.rng import Rng
from pystack.sysctl import Knob, Sysctls
from pystack.timers import Timers


@dataclass(slots=True)
class SocketSysctl:
    """net.ipv4, as far as sockets read it."""

    ip_local_port_range: tuple[int, int] = (32768, 60999)
    ip_local_reserved_ports: str = ""
    ip_nonlocal_bind: int = 0
    ping_group_range: tuple[int, int] = (1, 0)
    igmp_max_memberships: int = 20
    fwmark_reflect: int = 0

    def is_reserved(self, port: int) -> bool:
        """Whether no socket may be given this port that did not ask for it."""
        for span in filter(None, self.ip_local_reserved_ports.split(",")):
            low, _, high = span.partition("-")
            if int(low) <= port <= int(high or low):
                return True
        return False


class HasCookie(Protocol):
    """A socket, a request for one, or what is left of one."""

    cookie: int


class SocketContext:
    """One per namespace. Linux: sock_net(sk)"""

    def __init__(
        self,
        *,
        clock: Clock,
        rng: Rng,
        drop: Drop,
        outcomes: Outcomes,
        devices: DeviceTable,
        sysctls: Sysctls,
        timers: Timers,
    ) -> None:
        self.clock = clock
        self.timers = timers
        self.sysctls = sysctls
        self.rng = rng
        self.drop = drop
        self.outcomes = outcomes
        self.snmp = drop.snmp
        self.devices = devices
        self.sysctl = SocketSysctl()
        self.fib: Fib  # these are built after the sockets to which input delivers
        self.confs: Confs
        self.addresses: AddressBook
        self.groups: Groups
        self.router: Router
        self.output: IpOutput
        self.icmp_errors: IcmpErrors
        self.learn_mtu: Callable[[Flow, int], None]
        self.options: OptionEcho
        self._cookies = count(1)
        for entry in fields(SocketSysctl):
            sysctls.bind(("net", "ipv4", entry.name), Knob(self.sysctl, entry.name))

    def cookie_of(self, end: HasCookie) -> int:
        """The number that tells one socket from all others; it gets one when first asked.

        Linux: net/core/sock_diag.c __sock_gen_cookie()
        """
        end.cookie = end.cookie or next(self._cookies)
        return end.cookie

    # -- the host that fills in the options of what it sends: wire/ip_options.py Station ---------------------

    def midtime(self) -> int:
        """Milliseconds since midnight UTC."""
        return self.options.midtime()

    def is_foreign(self, address: int) -> bool:
        """Whether an address belongs to nobody here."""
        return self.options.is_foreign(address)

    def address(self) -> int:
        """Nothing came, so it came for none of our addresses."""
        return 0
