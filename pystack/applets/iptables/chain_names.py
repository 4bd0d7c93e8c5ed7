"""What a chain may be called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.applets.iptables.refused import Refused
from pystack.applets.iptables.spec import VERDICTS

LONGEST: Final = 28


def check_new(name: str, target_named: Callable[[str], object | None]) -> None:
    """Whether a chain may be called so; raises Refused. Linux: assert_valid_chain_name()"""
    check_length(name)
    if name.startswith(("-", "!")):
        raise Refused(f"chain name not allowed to start with `{name[0]}'")
    if name in VERDICTS or target_named(name) is not None:
        raise Refused("chain name may not clash with target name")
    if any(sign.isspace() for sign in name):
        raise Refused(f"Invalid chain name `{name}'")


def check_length(name: str) -> None:
    """Whether a chain can be called so at all; raises Refused."""
    if len(name) > LONGEST:
        raise Refused(f"chain name `{name}' too long (must be under {LONGEST + 1} chars)")
