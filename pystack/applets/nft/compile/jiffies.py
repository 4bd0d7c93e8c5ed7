"""Times as texts have them, and as the kernel counts them."""

from __future__ import annotations

from typing import Final

_MILLI: Final = 1000


def jiffies_of(milliseconds: int | None, hz: int) -> int:
    """At least one, if it is a time at all. Linux: net/netfilter/nf_tables_api.c nf_msecs_to_jiffies64()"""
    return 0 if not milliseconds else milliseconds * hz // _MILLI or 1


def milliseconds_of(jiffies: int, hz: int) -> int:
    """Linux: net/netfilter/nf_tables_api.c nf_jiffies64_to_msecs()"""
    return jiffies * _MILLI // hz
