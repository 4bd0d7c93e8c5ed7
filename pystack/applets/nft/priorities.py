"""The names of priorities: which number each means in a family and at a hook.

Linux: nftables src/rule.c std_prio_lookup(), prio2str()
"""

from __future__ import annotations

from typing import Final

_PRIORITIES: Final = {
    "raw": -300,
    "mangle": -150,
    "dstnat": -100,
    "filter": 0,
    "security": 50,
    "srcnat": 100,
}
_BRIDGE_PRIORITIES: Final = {"dstnat": -300, "filter": -200, "out": 100, "srcnat": 300}
_HOOK_OF: Final = {"dstnat": "prerouting", "srcnat": "postrouting"}
_BRIDGE_HOOK_OF: Final = {**_HOOK_OF, "out": "output"}
_REACH: Final = 10  # how far from a name a number may be and still be printed with it


def priority_number(name: str, family: str, hook: str) -> int | None:
    """What a name means; None where it has no meaning."""
    value = _priorities(family).get(name)
    return value if value is not None and _is_known(name, family, hook) else None


def priority_text(value: int, family: str, hook: str, *, numeric: bool = False) -> str:
    """`filter + 5`, or the number itself."""
    near = (name for name, known in _priorities(family).items() if abs(value - known) <= _REACH)
    name = None if numeric else next(near, None)
    if name is None or not _is_known(name, family, hook):
        return str(value)
    offset = value - _priorities(family)[name]
    return f"{name} {'+' if offset > 0 else '-'} {abs(offset)}" if offset else name


def _priorities(family: str) -> dict[str, int]:
    return _BRIDGE_PRIORITIES if family == "bridge" else _PRIORITIES


def _is_known(name: str, family: str, hook: str) -> bool:
    if family == "bridge":
        return _BRIDGE_HOOK_OF.get(name, hook) == hook
    if family in ("arp", "netdev"):
        return name == "filter"
    return _HOOK_OF.get(name, hook) == hook
