"""Which kernel a host imitates, where kernels differ."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """A kernel's version, and the choices of its configuration that packets can feel."""

    version: tuple[int, int] = (6, 18)
    hz: int = 250
    iptables: str = "nft"  # the back end that the plain command names mean
    br_netfilter: bool = True
