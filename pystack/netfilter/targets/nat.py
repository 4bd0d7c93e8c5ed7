"""Targets that say which address, and which port, a connection's packets shall have."""

from __future__ import annotations

from dataclasses import replace

from pystack.netfilter.conntrack.conn import Conn, tracked
from pystack.netfilter.hooks import NFPROTO_IPV4, OUTPUT
from pystack.netfilter.nat.ranges import MANIP_DST, MANIP_SRC, NatRange, manip_of
from pystack.netfilter.nat.setup import Nat
from pystack.netfilter.needs import Path
from pystack.netfilter.rule import Target
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP
from pystack.netfilter.view import View
from pystack.wire.ipv4 import INADDR_LOOPBACK
from pystack.wire.ipv6 import IN6ADDR_LOOPBACK


class NatTarget(Target):
    """Asked only for packets that begin a connection (nat/point.py)."""

    __slots__ = ("nat", "wanted")

    uses_connections = True

    def __init__(self, nat: Nat, wanted: NatRange) -> None:
        self.nat = nat
        self.wanted = wanted

    def to_address(self, conn: Conn, address: int, manip: int) -> int:
        """To one address, and the ports that the rule names."""
        return self.nat.setup_info(conn, replace(self.wanted, addresses=(address, address)), manip)


class Snat(NatTarget):
    """`-j SNAT`"""

    __slots__ = ()

    def apply(self, view: View) -> int:
        """Linux: net/netfilter/xt_nat.c xt_snat_target_v2()"""
        return self.nat.setup_info(_conn(view), self.wanted, MANIP_SRC)


class Dnat(NatTarget):
    """`-j DNAT`"""

    __slots__ = ()

    def apply(self, view: View) -> int:
        """Linux: net/netfilter/xt_nat.c xt_dnat_target_v2()"""
        return self.nat.setup_info(_conn(view), self.wanted, MANIP_DST)


class Masquerade(NatTarget):
    """`-j MASQUERADE`: the source is an address of the device by which the packet leaves."""

    __slots__ = ("_path",)

    def __init__(self, nat: Nat, wanted: NatRange, path: Path) -> None:
        super().__init__(nat, wanted)
        self._path = path

    def apply(self, view: View) -> int:
        """Linux: net/netfilter/nf_nat_masquerade.c nf_nat_masquerade_ipv4(), nf_nat_masquerade_ipv6()"""
        conn, dev = _conn(view), view.outdev
        is_ipv4 = conn.family == NFPROTO_IPV4
        if is_ipv4 and not conn.tuple(0).saddr:  # of a host that has no address yet
            return NF_ACCEPT
        source = 0 if dev is None else self._path.source_for(view.pkt, dev)
        if dev is None or not source:
            if is_ipv4:
                self._path.printk(f"{view.outname} ate my IP address")
            return NF_DROP
        if not conn.is_confirmed:
            conn.masq_index = dev.ifindex
        return self.to_address(conn, source, MANIP_SRC)


class Redirect(NatTarget):
    """`-j REDIRECT`: to this host."""

    __slots__ = ("_path",)

    def __init__(self, nat: Nat, wanted: NatRange, path: Path) -> None:
        super().__init__(nat, wanted)
        self._path = path

    def apply(self, view: View) -> int:
        """What is made here goes to lo.

        Linux: net/netfilter/nf_nat_redirect.c nf_nat_redirect_ipv4(), nf_nat_redirect_ipv6()
        """
        conn = _conn(view)
        if view.hook == OUTPUT:
            address = INADDR_LOOPBACK if conn.family == NFPROTO_IPV4 else IN6ADDR_LOOPBACK
        else:
            address = self._path.first_address(view.pkt.dev)
        return self.to_address(conn, address, MANIP_DST) if address else NF_DROP


class Netmap(NatTarget):
    """`-j NETMAP`: the network changes, the host's part of the address stays."""

    __slots__ = ("mask", "network")

    def __init__(self, nat: Nat, network: int, mask: int) -> None:
        super().__init__(nat, NatRange())
        self.network = network
        self.mask = mask

    def apply(self, view: View) -> int:
        """Linux: net/netfilter/xt_NETMAP.c netmap_tg4()"""
        manip = manip_of(view.hook)
        own = view.saddr if manip == MANIP_SRC else view.daddr
        return self.to_address(_conn(view), own & ~self.mask | self.network & self.mask, manip)


def _conn(view: View) -> Conn:
    conn = tracked(view.pkt)
    assert conn is not None, "nat's chains are not asked about other packets"
    return conn
