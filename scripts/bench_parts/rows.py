"""The rows of the bench: what is asked, of whom, how, and how well pystack wants to do."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from scripts.bench_parts import (
    core_rows,
    nat_rows,
    netfilter_rows,
    processes,
    route_rows,
    set_rows,
    socket_ends,
    socket_memory,
    traffic,
    twin_rows,
)
from scripts.bench_parts.bench import Asked, Bench, Question
from scripts.bench_parts.contestant import Contestant
from scripts.bench_parts.contestants import CONTESTANTS, RELAY, VDE, KernelBridge, PystackBridge
from scripts.bench_parts.results import PYSTACK, Bar, Reading

Timed = Callable[[twin_rows.Load, str, Path], Reading]

INTERPRETER: Final = "python -c pass"
CORE_HOW: Final = (
    "in this process, no system calls; the bare loop looks one address up and appends to one list"
)
ROUTES_HOW: Final = (
    "CPU time in this process; prefixes of the lengths of the Internet's table; the bare loop probes one "
    "dictionary"
)
SOCKETS_HOW: Final = (
    "the other end is a program on the kernel's sockets; a TAP in between, for the kernel a veth; PyTCP's "
    "sockets block, so its program has threads; `lent`: the program runs beside a daemon, on its sockets"
)
NAT_HOW: Final = (
    "as bridged, but between two networks; every packet meets 20 rules in FORWARD, the last of which decides"
)
NETFILTER_HOW: Final = "CPU time in this process"
PAST_RULES_HOW: Final = (
    "CPU time in this process, from the frame of one port to that of another, by routes; rules of FORWARD "
    "that ask for addresses, ports and devices"
)
TWIN_HOW: Final = (
    "both sides and their comparison, by the runner of `pystack compare lab`, in one topology; "
    "beside each side alone, which compares nothing"
)


def tcp(bench: Bench) -> list[Asked]:
    """Each contestant's bulk TCP."""
    return bench.between(lambda contestant: traffic.tcp(contestant, bench.settings.seconds))


def udp(bench: Bench) -> list[Asked]:
    """Each contestant's small UDP."""
    return bench.between(lambda contestant: traffic.udp(contestant, bench.settings.seconds))


def rtt(bench: Bench) -> list[Asked]:
    """Each contestant's round trip."""
    return bench.between(traffic.rtt)


def nat(measure: Callable[[Contestant, float], Reading]) -> Callable[[Bench], list[Asked]]:
    """Each router that masquerades, beside the bare relay."""
    return lambda bench: bench.between(
        lambda contestant: measure(contestant, bench.settings.seconds), nat_rows.ROUTERS
    )


def sockets(measure: Callable[[Contestant, float], Reading]) -> Callable[[Bench], list[Asked]]:
    """Each stack as the end of one connection with the kernel."""
    return lambda bench: bench.between(
        lambda contestant: measure(contestant, bench.settings.seconds), socket_ends.ENDS
    )


def startup(bench: Bench) -> list[Asked]:
    """Each contestant, started and stopped anew."""

    def measure(kind: type[Contestant]) -> Reading:
        contestant = bench.another(kind)
        contestant.make_ends()
        begun = time.perf_counter()
        contestant.start()
        taken = time.perf_counter() - begun
        contestant.stop()
        return Reading(taken)

    return [Asked(kind.name, partial(measure, kind), kind.missing()) for kind in CONTESTANTS]


def client(bench: Bench) -> list[Asked]:
    """`ip link` of pystack, the real one, and an interpreter that does nothing."""
    pystack = str(Path(sys.executable).parent / "pystack")

    def timed(argv: list[str], env: dict[str, str] | None = None) -> Reading:
        begun = time.perf_counter()
        bench.lab.run(argv, env=env)
        return Reading((time.perf_counter() - begun) * 1e3)

    def ours() -> Reading:
        daemon = bench.running(PystackBridge)
        assert isinstance(daemon, PystackBridge)
        return timed([pystack, "ip", "link"], {"PYSTACK_SOCKET": daemon.socket})

    return [
        Asked(PYSTACK, ours),
        Asked(INTERPRETER, lambda: timed([sys.executable, "-c", "pass"])),
        Asked("ip link", lambda: timed(["ip", "link"])),
    ]


def resident(bench: Bench) -> list[Asked]:
    """Each contestant that consists of processes."""

    def measure(contestant: Contestant) -> Reading:
        return processes.resident(process.pid for process in contestant.processes)

    return [
        Asked(each.name, each.measure, each.missing)
        for each in bench.between(measure)
        if each.name != KernelBridge.name
    ]


def core(measure: Callable[[int], Reading]) -> Callable[[Bench], list[Asked]]:
    """A loop over the core beside the bare one."""

    def ask(bench: Bench) -> list[Asked]:
        frames = bench.settings.frames
        return [
            Asked(PYSTACK, lambda: measure(frames)),
            Asked(core_rows.BARE_LOOP, lambda: core_rows.bare_loop(frames)),
        ]

    return ask


def routes(measure: Callable[[int], Reading], share: float = 1.0) -> Callable[[Bench], list[Asked]]:
    """Something that is done with half a million routes, or with a share of them."""

    def ask(bench: Bench) -> list[Asked]:
        count = round(bench.settings.frames * route_rows.A_FRAME * share)
        return [Asked(PYSTACK, partial(measure, count))]

    return ask


def look_ups(count: int) -> Callable[[Bench], list[Asked]]:
    """Look-ups in a table, beside probes of a dictionary as large."""
    return lambda bench: [
        Asked(PYSTACK, partial(route_rows.look_up, count)),
        Asked(route_rows.DICT_PROBE, partial(route_rows.dict_probe, count)),
    ]


def intervals(
    measure: Callable[[int], Reading], yardstick: Callable[[int], Reading] | None = None
) -> Callable[[Bench], list[Asked]]:
    """Something that is done with a set of 100,000 intervals."""

    def ask(bench: Bench) -> list[Asked]:
        count = bench.settings.frames * set_rows.A_FRAME
        own = Asked(PYSTACK, partial(measure, count))
        return [own] if yardstick is None else [own, Asked(set_rows.DICT_PROBE, partial(yardstick, count))]

    return ask


def rules(measure: Callable[[int], Reading]) -> Callable[[Bench], list[Asked]]:
    """Something that is done with a rule for every four frames of other rows."""
    return lambda bench: [Asked(PYSTACK, lambda: measure(bench.settings.frames // 4))]


def past_rules(
    measure: Callable[[int, int | None], Reading], count: int, other: str, fewer: int | None
) -> Callable[[Bench], list[Asked]]:
    """Frames past many rules, beside frames past fewer of them."""
    return lambda bench: [
        Asked(PYSTACK, lambda: measure(bench.settings.frames, count)),
        Asked(other, lambda: measure(bench.settings.frames, fewer)),
    ]


def empty_hook(bench: Bench) -> list[Asked]:
    """A hook where nothing is registered, beside a call."""
    calls = bench.settings.frames * 10
    return [
        Asked(PYSTACK, lambda: netfilter_rows.empty_hook(calls)),
        Asked(netfilter_rows.EMPTY_CALL, lambda: netfilter_rows.empty_call(calls)),
    ]


def twin(name: str, timed: Timed, load: Callable[[int], twin_rows.Load]) -> Callable[[Bench], list[Asked]]:
    """Both sides with their comparison, beside each side alone."""

    def ask(bench: Bench) -> list[Asked]:
        wanted, folder = load(bench.settings.frames), bench.lab.folder / name
        return [Asked(who, partial(timed, wanted, side, folder)) for who, side in twin_rows.SIDES.items()]

    return ask


def short(frames: int, *, capture: tuple[str, ...] = ()) -> twin_rows.Load:
    """Scenarios of three frames, as most of ours are."""
    return twin_rows.Load(frames // 100, capture=capture)


def long(frames: int, *, hops: bool) -> twin_rows.Load:
    """Few scenarios of three hundred frames."""
    return twin_rows.Load(frames // 1000, burst=100, hops=hops)


QUESTIONS: Final = (
    Question(
        "tcp",
        "bridged TCP",
        "Gbit/s",
        "iperf3 between two namespaces, one stream; 64 KiB frames where the contestant takes offloads",
        tcp,
        more_is_better=True,
        bars=(Bar(0.8, against=RELAY), Bar(8.0, against=VDE)),
    ),
    Question(
        "udp",
        f"bridged UDP of {traffic.UDP_OCTETS} octets",
        "kpps received",
        "iperf3 as fast as it can; beside: what it sent, and the contestant's CPU time for each that arrived",
        udp,
        more_is_better=True,
        bars=(Bar(0.6, against=RELAY),),
    ),
    Question(
        "rtt",
        "ping through the bridge",
        "us",
        f"ping -A, median of {traffic.ECHOES} echoes a round, each sent when the last one is back",
        rtt,
        bars=(Bar(1.5, at_least=False, against=RELAY),),
    ),
    Question(
        "nat-tcp",
        "TCP through 20 rules and MASQUERADE",
        "Gbit/s",
        NAT_HOW,
        nat(traffic.tcp),
        more_is_better=True,
        bars=(Bar(0.4, against=RELAY),),
    ),
    Question(
        "nat-udp",
        f"UDP of {traffic.UDP_OCTETS} octets through 20 rules and MASQUERADE",
        "kpps received",
        NAT_HOW,
        nat(traffic.udp),
        more_is_better=True,
        bars=(Bar(0.25, against=RELAY),),
    ),
    Question(
        "sockets-receive",
        "a trio program that receives over one connection",
        "Gbit/s",
        SOCKETS_HOW,
        sockets(socket_ends.receive),
        more_is_better=True,
        bars=(Bar(1.0), Bar(200.0, against=socket_ends.PYTCP)),
    ),
    Question(
        "sockets-send",
        "a trio program that sends over one connection",
        "Gbit/s",
        SOCKETS_HOW,
        sockets(socket_ends.send),
        more_is_better=True,
        bars=(Bar(1.0), Bar(200.0, against=socket_ends.PYTCP)),
    ),
    Question(
        "sockets-memory",
        "what a connection takes that is open and says nothing",
        "KiB",
        "the growth of a process that holds both ends of them over lo, an end counted as one",
        lambda bench: [Asked(PYSTACK, lambda: socket_memory.memory(bench.settings.frames // 2))],
        bars=(Bar(10.0, at_least=False),),
        needs_root=False,
    ),
    Question(
        "startup",
        "from exec until frames can pass",
        "s",
        "two ports; programs in Python say when they are ready (sd_notify), others are looked at",
        startup,
        bars=(Bar(0.6, at_least=False),),
    ),
    Question(
        "client",
        "one command to the running daemon",
        "ms",
        "`pystack ip link`, from exec to exit; the real one, and an interpreter that does nothing",
        client,
        bars=(Bar(100.0, at_least=False),),
    ),
    Question(
        "memory",
        "resident memory with two ports",
        "MB",
        "RSS of all processes (pystack: daemon and keeper), after the rows above if they ran; PSS beside it",
        resident,
        bars=(Bar(80.0, at_least=False),),
    ),
    Question(
        "core-forward",
        "the core alone: a 60-octet frame between two known stations",
        "us a frame",
        CORE_HOW,
        core(core_rows.forward),
        needs_root=False,
    ),
    Question(
        "core-flood",
        "the core alone: a broadcast from one port to seven others",
        "us a frame",
        CORE_HOW,
        core(core_rows.flood),
        needs_root=False,
    ),
    Question(
        "core-learn",
        "the core alone: a frame from a station never seen before",
        "us a frame",
        CORE_HOW,
        core(core_rows.learn),
        needs_root=False,
    ),
    Question(
        "route-lookup",
        "the longest prefix among 10,000 routes",
        "us a look-up",
        ROUTES_HOW,
        look_ups(10_000),
        bars=(Bar(1.5, at_least=False),),
        needs_root=False,
    ),
    Question(
        "route-large",
        "the longest prefix among 500,000 routes",
        "us a look-up",
        ROUTES_HOW,
        look_ups(500_000),
        bars=(Bar(3.0, at_least=False),),
        needs_root=False,
    ),
    Question(
        "route-add",
        "500,000 routes added one by one",
        "us a route",
        ROUTES_HOW,
        routes(route_rows.add),
        bars=(Bar(10.0, at_least=False),),
        needs_root=False,
    ),
    Question(
        "route-batch",
        "500,000 routes by `ip -batch`",
        "us a line",
        ROUTES_HOW,
        routes(route_rows.batch),
        bars=(Bar(30.0, at_least=False),),
        needs_root=False,
    ),
    Question(
        "route-memory",
        "what 500,000 routes take",
        "MB",
        "the growth of a process of its own",
        routes(route_rows.memory),
        bars=(Bar(150.0, at_least=False),),
        needs_root=False,
    ),
    Question(
        "route-show",
        "`ip route` of 10,000 routes",
        "s",
        ROUTES_HOW,
        routes(route_rows.show, share=0.02),
        bars=(Bar(0.5, at_least=False),),
        needs_root=False,
    ),
    Question(
        "netfilter-load",
        "5,000 rules by `iptables-restore`",
        "s",
        NETFILTER_HOW,
        rules(netfilter_rows.load),
        bars=(Bar(2.0, at_least=False),),
        needs_root=False,
    ),
    Question(
        "netfilter-save",
        "5,000 rules by `iptables-save`",
        "s",
        NETFILTER_HOW,
        rules(netfilter_rows.save),
        bars=(Bar(1.0, at_least=False),),
        needs_root=False,
    ),
    Question(
        "netfilter-few",
        "frames past 20 rules",
        "kpps",
        PAST_RULES_HOW,
        past_rules(netfilter_rows.a_second, 20, netfilter_rows.NO_RULES, None),
        more_is_better=True,
        bars=(Bar(60.0),),
        needs_root=False,
    ),
    Question(
        "netfilter-many",
        "frames past 5,000 rules",
        "us a frame",
        PAST_RULES_HOW,
        past_rules(netfilter_rows.per_packet, 5_000, netfilter_rows.FEW_RULES, 50),
        bars=(Bar(5.0, at_least=False, against=netfilter_rows.FEW_RULES),),
        needs_root=False,
    ),
    Question(
        "netfilter-empty",
        "past a hook where nothing is registered",
        "ns",
        NETFILTER_HOW,
        empty_hook,
        bars=(Bar(3.0, at_least=False, against=netfilter_rows.EMPTY_CALL),),
        needs_root=False,
    ),
    Question(
        "nft-set-load",
        "100,000 intervals by `nft -f`",
        "s",
        NETFILTER_HOW,
        intervals(set_rows.load),
        bars=(Bar(3.0, at_least=False),),
        needs_root=False,
    ),
    Question(
        "nft-set-lookup",
        "an address among 100,000 intervals",
        "us a look-up",
        NETFILTER_HOW,
        intervals(set_rows.look_up, set_rows.dict_probe),
        bars=(Bar(3.0, at_least=False),),
        needs_root=False,
    ),
    Question(
        "twin-scenarios",
        "the twin: scenarios of three frames",
        "a second",
        TWIN_HOW,
        twin("twin-scenarios", twin_rows.scenarios, short),
        more_is_better=True,
        bars=(Bar(100),),
    ),
    Question(
        "twin-captures",
        "the twin: the same, with what a tcpdump on the bridge and on a port sees",
        "a second",
        TWIN_HOW,
        twin("twin-captures", twin_rows.scenarios, partial(short, capture=("br0", "tap1"))),
        more_is_better=True,
        bars=(Bar(100),),
    ),
    Question(
        "twin-hops",
        "the twin: frames, each at every hop",
        "a second",
        TWIN_HOW,
        twin("twin-hops", twin_rows.frames, partial(long, hops=True)),
        more_is_better=True,
        bars=(Bar(3000),),
    ),
    Question(
        "twin-frames",
        "the twin: frames, only where they enter and leave",
        "a second",
        TWIN_HOW,
        twin("twin-frames", twin_rows.frames, partial(long, hops=False)),
        more_is_better=True,
        bars=(Bar(10000),),
    ),
)
