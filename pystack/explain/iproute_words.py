"""Routes and rules as `ip route` and `ip rule` write them: what a user knows them by."""

from __future__ import annotations

from collections.abc import Callable

from pystack.applets.io import Io
from pystack.applets.iproute.names import TABLES
from pystack.applets.iproute.options import Options
from pystack.applets.iproute.printer import Printer
from pystack.applets.iproute.route_filter import RouteFilter
from pystack.applets.iproute.route_print import print_route
from pystack.applets.iproute.rule_show import print_rule
from pystack.l3.fib import Fib
from pystack.l3.fib_types import FibRoute
from pystack.l3.rules import FibRule


def route_text(route: FibRoute, fib: Fib) -> str:
    """`default via 10.0.0.1 dev eth0`; its table is said beside it, who made it by the line."""
    found = RouteFilter(table=route.table, protocol=route.info.protocol, scope=route.info.scope)
    return _written(lambda printer: print_route(printer, Options(), route, fib, found))


def rule_text(rule: FibRule) -> str:
    """`from 10.0.0.0/8 lookup 7`"""
    return _written(lambda printer: print_rule(printer, Options(), rule)).partition(": ")[2]


def table_name(number: int) -> str:
    """`main`"""
    return TABLES.name(number)


def _written(write: Callable[[Printer], None]) -> str:
    io = Io()
    write(Printer(io.out, oneline=True))
    text = b"".join(chunk for _, chunk in io.pending).decode()
    return " ".join(text.replace("\\", " ").split())
