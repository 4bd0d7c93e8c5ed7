"""Frames between two ends: through a bridge, and through routers that masquerade."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from scripts.bench_parts import nat_rows, traffic
from scripts.bench_parts.bench import Asked, Bench, Question
from scripts.bench_parts.contestant import Contestant
from scripts.bench_parts.contestants import RELAY, VDE
from scripts.bench_parts.results import Bar, Reading

NAT_HOW: Final = (
    "as bridged, but between two networks; every packet meets 20 rules in FORWARD, the last of which decides"
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


ROWS: Final = (
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
)
