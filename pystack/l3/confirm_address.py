"""Whether a device has an address that goes with another host's: what some of ARP's sysctls ask."""

from __future__ import annotations

from collections.abc import Sequence

from pystack.l3.addresses import RT_SCOPE_HOST, RT_SCOPE_LINK, Address


def confirms(held: Sequence[Address], other: int, local: int, scope: int, *, localnet: bool) -> bool:
    """Whether one of these addresses is `local`, of that scope or wider, and `other` in a network of theirs.

    0 stands for any. Which address answers for which network is not quite what one would think, so this
    follows the kernel's walk step by step.

    Linux: net/ipv4/devinet.c confirm_addr_indev()
    """
    narrowest = RT_SCOPE_LINK if localnet else RT_SCOPE_HOST
    address, same = 0, False
    for one in held:
        fits = min(one.scope, narrowest) <= scope
        if not address and local in (0, one.local) and fits:
            address = one.local
            if same:
                break
        if same:
            continue
        same = (not local or one.holds(local)) and (not other or one.holds(other))
        if same and address:
            if local or not other or one.holds(address):
                break
            if fits:
                address = one.local
                break
            same = False
    return same and bool(address)
