"""Imports point down, and the core is pure: both are read off the source, never trusted.

Every import counts: those inside functions, and those under `if TYPE_CHECKING`, which
would otherwise hide an upward dependency from the reader.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parent.parent / "pystack"

# From the top down. A module imports its own layer or a lower one; a new file or folder directly
# under pystack/ is given its place here.
LAYERS: tuple[frozenset[str], ...] = tuple(
    frozenset(layer.split())
    for layer in (
        "__main__ cli client",
        "daemon",
        "web",
        "compare",
        "hooks drivers",
        "explain applets",
        "services",
        "host netns",
        "sock",
        "l3",
        "l2",
        "netfilter",
        "packet device drop clock timers rng events counters sysctl sysctl_kinds sysctl_table "
        "sysctl_table_host sysctl_table_ipv4 sysctl_table_netfilter errors origins profile toml_lines",
        "wire",
    )
)
LEVEL = {name: level for level, layer in enumerate(reversed(LAYERS), start=1) for name in layer}
PACKAGE_LEVEL = 0  # pystack/__init__.py itself: everyone may read the version there

SHELL = frozenset("__main__ cli client daemon web compare hooks drivers".split())
# compare/lab and live meet the kernel, and compare/log reads files; these modules only compute.
PURE_IN_COMPARE = frozenset(
    f"pystack.compare.{name}"
    for name in (
        "adopted_ports align calls connections diff drawn equivalences explanation features findings "
        "fuzz fuzz.areas "
        "fuzz.bridge fuzz.bridge_site fuzz.bridge_steps fuzz.cause fuzz.dice fuzz.frames fuzz.shrink "
        "fuzz.socket_binds fuzz.socket_datagrams fuzz.socket_peer fuzz.socket_streams fuzz.sockets html "
        "junit known live.causes live.frames live.judge live.passing live.report log log.account "
        "log.datagram log.drawing log.finding log.grouping log.judge log.kind log.laws log.lines log.machine "
        "log.message log.moment log.order log.passage log.place log.rebuild log.relations log.replay "
        "log.report log.surroundings log_lines markup moved outcome path points predict probes records "
        "refusals relative report rows scenario station stream text_masks texts words"
    ).split()
)

CORE_STDLIB = frozenset(
    "__future__ struct dataclasses enum typing collections heapq bisect functools itertools operator array "
    "math re binascii zlib hmac hashlib ipaddress errno".split()
)
# Ways round an import list: input, output, and code that no reader of imports can see.
IMPURE_BUILTINS = frozenset("open print input eval exec compile breakpoint __import__".split())

THIRD_PARTY = frozenset("trio msgspec scapy netfilterqueue pytun pyroute2 rich".split())
WEB_THIRD_PARTY = frozenset("hypercorn starlette".split())


# Circles that stay, each with its reason.
KNOWN_CIRCLES = frozenset(
    [
        # A packet says by which device it came, a device is handed packets: neither has a meaning without
        # the other, and a base class between them would cost every packet.
        frozenset(["pystack.device", "pystack.packet"]),
    ]
)


class Import(NamedTuple):
    line: int
    module: str
    at_start: bool  # runs when the module is imported, not only when a function of it is called


def place_of(module: str) -> str:
    """The name directly under pystack/ that a module belongs to; "" for the package itself."""
    return [*module.split("."), ""][1]


def is_core(module: str) -> bool:
    return place_of(module) not in SHELL or module in PURE_IN_COMPARE


def imports_of(module: str, tree: ast.Module, is_package: bool = False) -> Iterator[Import]:
    lazy = {id(child) for node in ast.walk(tree) if is_lazy(node) for child in ast.walk(node)}
    for node in ast.walk(tree):
        at_start = id(node) not in lazy
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(node.lineno, alias.name, at_start)
        elif isinstance(node, ast.ImportFrom):
            origin = absolute(module, node, is_package)
            # `from pystack import drop` names a module, `from pystack.drop import Drop` is one.
            for name in [alias.name for alias in node.names] if origin == "pystack" else [""]:
                known = name in LEVEL
                yield Import(node.lineno, f"pystack.{name}" if known else origin, at_start)


def is_lazy(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test)
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)


def absolute(module: str, node: ast.ImportFrom, is_package: bool) -> str:
    if node.level == 0:
        return node.module or ""
    parents = module.split(".")[: None if is_package and node.level == 1 else int(is_package) - node.level]
    return ".".join([*parents, *([node.module] if node.module else [])])


def violations(module: str, source: str, is_package: bool = False) -> list[str]:
    """What a module's source does that its place forbids, one sentence each."""
    place = place_of(module)
    if place and place not in LEVEL:
        return [f"{module}: pystack/{place} has no layer; give it one in tests/test_imports.py"]
    tree = ast.parse(source)
    found = [
        f"{module}:{line}: {complaint}"
        for line, imported, _ in imports_of(module, tree, is_package)
        if (complaint := complaint_about(module, imported))
    ]
    return found + [f"{module}:{complaint}" for complaint in impurities(module, tree)]


def complaint_about(module: str, imported: str) -> str | None:
    top = imported.split(".")[0]
    if top == "pystack":
        return complaint_about_own(module, imported)
    if is_core(module):
        return None if top in CORE_STDLIB else f"the core may not import {imported}"
    if top in sys.stdlib_module_names or top in THIRD_PARTY:
        return None
    if top in WEB_THIRD_PARTY and place_of(module) in ("web", "daemon"):
        return None
    return f"{imported} is neither the standard library nor a dependency for this place"


def complaint_about_own(module: str, imported: str) -> str | None:
    if not (target := place_of(imported)):
        return None
    if target not in LEVEL:
        return f"imports {imported}, which has no layer"
    if LEVEL[target] > LEVEL.get(place_of(module), PACKAGE_LEVEL):
        return f"imports {imported}, which is above it"
    if is_core(module) and not is_core(imported):
        return f"is pure and imports {imported}, which is not"
    return None


def impurities(module: str, tree: ast.Module) -> Iterator[str]:
    if not is_core(module):
        return
    own = {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    own |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    own |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield f"{node.lineno}: the core keeps no global state ({', '.join(node.names)})"
        elif isinstance(node, ast.Name) and node.id in IMPURE_BUILTINS - own:
            yield f"{node.lineno}: the core may not use {node.id}()"


def start_closure(module: str, sources: dict[str, str]) -> dict[str, str]:
    """Every module that importing this one imports in turn, each with who asked for it."""
    seen: dict[str, str] = {}
    waiting = [module]
    while waiting:
        asker = waiting.pop()
        for line, imported, at_start in imports_of(asker, ast.parse(sources[asker])):
            if at_start and imported not in seen:
                seen[imported] = f"{asker}:{line}"
                waiting += [imported] if imported in sources else []
    return seen


def circles(found: dict[str, tuple[str, bool]]) -> frozenset[frozenset[str]]:
    """The groups of modules in which each one imports, in turn, every other one and so itself."""
    direct = {module: imported_modules(module, found) for module in found}
    reached = {module: closure(module, direct) for module in found}
    return frozenset(
        frozenset(other for other in reached[module] if module in reached[other])
        for module in found
        if module in reached[module]
    )


def imported_modules(module: str, found: dict[str, tuple[str, bool]]) -> set[str]:
    """What of `found` a module imports, wherever it does so; `from pystack.l2 import fdb` imports l2/fdb."""
    source, is_package = found[module]
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = absolute(module, node, is_package)
            deeper = [f"{origin}.{alias.name}" for alias in node.names]
            names.update(name if name in found else origin for name in deeper)
    return (names & found.keys()) - {module}


def closure(module: str, direct: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = [*direct[module]]
    while waiting:
        if (name := waiting.pop()) not in seen:
            seen.add(name)
            waiting += direct[name]
    return seen


def modules() -> dict[str, tuple[str, bool]]:
    """Source, and whether it is a package, of every module of pystack by its dotted name."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        is_package = parts[-1] == "__init__"
        found[".".join(parts[:-1] if is_package else parts)] = (path.read_text(), is_package)
    return found


def test_every_import_points_down_and_the_core_is_pure() -> None:
    found = [
        sentence
        for module, (source, is_package) in modules().items()
        for sentence in violations(module, source, is_package)
    ]
    assert not found, "\n" + "\n".join(found)


def test_no_modules_import_each_other_in_a_circle() -> None:
    found = circles(modules())
    new = [", ".join(sorted(circle)) for circle in found - KNOWN_CIRCLES]
    assert not new, "in a circle: " + "; ".join(sorted(new))
    assert found == KNOWN_CIRCLES, "a circle that is gone is struck off the list"


def test_the_client_starts_on_the_standard_library_alone() -> None:
    sources = {module: source for module, (source, _) in modules().items()}
    if "pystack.client" not in sources:
        pytest.skip("pystack/client.py is not there")
    asked = start_closure("pystack.client", sources)
    foreign = [
        f"{asker} imports {imported}"
        for imported, asker in asked.items()
        if imported.split(".")[0] not in sys.stdlib_module_names | {"pystack"}
    ]
    assert not foreign, "\n" + "\n".join(foreign)


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("pystack.wire.udp", "import trio", "the core may not import trio"),
        ("pystack.wire.udp", "from time import monotonic", "the core may not import time"),
        ("pystack.l3.fib", "import random", "the core may not import random"),
        ("pystack.applets.ping", "def f():\n    import scapy.all", "the core may not import scapy.all"),
        ("pystack.l2.bridge", "from pystack.l3.fib import Fib", "imports pystack.l3.fib, which is above it"),
        ("pystack.packet", "from pystack import netns", "imports pystack.netns, which is above it"),
        ("pystack.netfilter.nat", "from ..l3 import fib", "imports pystack.l3, which is above it"),
        ("pystack.wire.tcp", "from .. import packet", "imports pystack.packet, which is above it"),
        (
            "pystack.l2.bridge",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pystack.netns import Netns",
            "imports pystack.netns, which is above it",
        ),
        ("pystack.host", "from pystack.drivers import tap", "imports pystack.drivers, which is above it"),
        ("pystack.compare.diff", "import trio", "the core may not import trio"),
        (
            "pystack.compare.diff",
            "from .lab import run",
            "is pure and imports pystack.compare.lab, which is not",
        ),
        ("pystack.drivers.tap", "import numpy", "numpy is neither"),
        ("pystack.drivers.tap", "import starlette", "starlette is neither"),
        ("pystack.gadgets", "", "pystack/gadgets has no layer"),
        ("pystack.gadgets.tool", "", "pystack/gadgets has no layer"),
        ("pystack.l3.fib", "from pystack.gadgets import x", "imports pystack.gadgets, which has no layer"),
        ("pystack", "from pystack.host import Host", "imports pystack.host, which is above it"),
        ("pystack.sock.udp", "def f():\n    global count\n    count = 1", "keeps no global state (count)"),
        ("pystack.sock.udp", "print('x')", "the core may not use print()"),
        ("pystack.sock.udp", "t = __import__('time')", "the core may not use __import__()"),
    ],
)
def test_a_planted_violation_is_named(module: str, source: str, complaint: str) -> None:
    assert any(complaint in sentence for sentence in violations(module, source)), violations(module, source)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("pystack.l3.fib", "from collections.abc import Callable\nfrom pystack.wire import ipv4"),
        ("pystack.l3.fib", "from pystack.l3.rules import Rule\nfrom . import route"),
        ("pystack.netns", "from pystack import __version__\nfrom pystack.host import Host"),
        ("pystack.drivers.pump", "import os\nimport trio\nfrom pystack.netns import Netns"),
        ("pystack.compare.lab.kernel", "from pystack.hooks.nflog import Nflog\nimport trio"),
        ("pystack.compare.align", "from pystack.explain.path import Path\nfrom .diff import Diff"),
        ("pystack.web.page", "import starlette"),
        ("pystack.netfilter.rule", "def compile(text, input):\n    return input\ncompile('', 0)"),
    ],
)
def test_what_points_down_is_allowed(module: str, source: str) -> None:
    assert violations(module, source) == []


def test_a_package_resolves_its_relative_imports_from_itself() -> None:
    assert violations("pystack.l2", "from .bridge import Bridge\nfrom ..wire import arp", True) == []
    found = violations("pystack.l2", "from ..l3 import fib", True)
    assert found == ["pystack.l2:1: imports pystack.l3, which is above it"]


def test_a_slow_import_behind_the_client_is_found_through_the_module_between() -> None:
    sources = {
        "pystack.client": "import json\nfrom pystack.errors import E\ndef run():\n    import trio",
        "pystack.errors": "from rich.console import Console",
    }
    asked = start_closure("pystack.client", sources)
    assert asked["rich.console"] == "pystack.errors:1"
    assert "trio" not in asked


def test_a_circle_is_found_through_the_module_between_and_wherever_its_imports_stand() -> None:
    found = {
        "pystack.l2.bridge": ("from pystack.l2 import fdb", False),
        "pystack.l2.fdb": ("def f():\n    from .port import Port", False),
        "pystack.l2.port": (
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pystack.l2.bridge import Bridge",
            False,
        ),
        "pystack.l2.kinds": ("import pystack.l2.bridge", False),
    }
    assert circles(found) == {frozenset(["pystack.l2.bridge", "pystack.l2.fdb", "pystack.l2.port"])}


def test_modules_that_import_the_same_one_are_no_circle() -> None:
    found = {
        "pystack.l2": ("", True),
        "pystack.l2.bridge": ("from . import fdb\nfrom pystack.l2.port import Port", False),
        "pystack.l2.fdb": ("from pystack.l2.port import Port", False),
        "pystack.l2.port": ("from pystack import l2", False),
    }
    assert circles(found) == frozenset()
