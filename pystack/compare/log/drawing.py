"""A packet's way drawn as `explain --path` draws it, with the log's own lines beside the hooks."""

from __future__ import annotations

from collections.abc import Iterator

from pystack.compare.log.account import Account
from pystack.compare.log.message import BRIDGE
from pystack.compare.log.place import Hook
from pystack.explain.path_kind import LOOPBACK, Crossed
from pystack.explain.picture import picture
from pystack.explain.stage import Passing

_NO_LINE = "-"
_UP = Hook(BRIDGE, "INPUT")
_DOWN = Hook("ip", "POSTROUTING")
_OUT = Hook(BRIDGE, "POSTROUTING")


def drawing(account: Account) -> Iterator[str]:
    """Line by line; a hook without a line has a dash."""
    return picture(account.kind, list(_passed(account)), account.wiring)


def _passed(account: Account) -> Iterator[Passing]:
    passage, hooks = account.passage, account.hooks
    entered, ports = passage.entered_by, passage.ports_out
    first = passage.port_in or entered
    if first and first != LOOPBACK:
        yield _device("INGRESS", first)
    met = {line.hook for line in passage.lines}
    for hook in hooks:
        yield _at(account, hook)
        if hook == _UP and entered and entered != passage.port_in:
            yield _device("INGRESS", entered)
        elif hook == _DOWN and account.kind == "4-lo-4":
            yield _device("EGRESS", LOOPBACK)
        elif hook == _DOWN and "-2-" in account.kind and passage.left_by:
            yield _device("EGRESS", passage.left_by)
    for hook in sorted(met - set(hooks)):
        yield _at(account, hook)
    outs = ports or ((passage.left_by,) if passage.left_by not in ("", LOOPBACK) else ())
    if account.end.startswith("sent by"):
        for out in outs:
            yield _device("EGRESS", out)


def _at(account: Account, hook: Hook) -> Passing:
    lines = [line for line in account.passage.lines if line.hook == hook]
    indev = next((line.message.indev for line in lines), "")
    outdev = next((line.message.outdev for line in lines), "")
    crossed = Crossed(*account.passage.named(hook), indev or None, outdev or None)
    return Passing(crossed, _NO_LINE, tuple(line.text.strip() for line in lines))


def _device(hook: str, name: str) -> Passing:
    devices = (name, None) if hook == "INGRESS" else (None, name)
    return Passing(Crossed("netdev", hook, *devices), "")
