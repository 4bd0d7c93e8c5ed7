"""The traffic between the two ends of a contestant, measured by programs that everybody knows."""

from __future__ import annotations

import json
import re
from statistics import median
from typing import Any, Final

from scripts.bench_parts import processes
from scripts.bench_parts.contestant import FAR, Contestant
from scripts.bench_parts.lab import BenchError, wait_until
from scripts.bench_parts.results import Reading

UDP_OCTETS: Final = 16
ECHOES: Final = 1000
IPERF_OVERHEAD: Final = 15.0  # seconds that a test may take beside its own


def tcp(contestant: Contestant, seconds: float) -> Reading:
    """Gbit/s that arrived."""
    end = _iperf(contestant, seconds, [])
    return Reading(_figure(end, "sum_received", "bits_per_second") / 1e9)


def udp(contestant: Contestant, seconds: float) -> Reading:
    """Thousands of packets a second that arrived, of as many as the sender can make.

    The processor time per packet tells more than the rate where sender, receiver and contestant share two
    processors with others.
    """
    pids = [process.pid for process in contestant.processes]
    cpu_before = processes.cpu_seconds(pids)
    end = _iperf(contestant, seconds, ["--udp", "--bitrate", "0", "--length", str(UDP_OCTETS)])
    arrived = _figure(end, "sum_received", "bits_per_second") / 8 / UDP_OCTETS
    sent = _figure(end, "sum_sent", "packets") / _figure(end, "sum_sent", "seconds")
    beside = {"sent": sent / 1e3}
    if pids and arrived:
        spent = processes.cpu_seconds(pids) - cpu_before
        beside["CPU us"] = spent * 1e6 / (_figure(end, "sum_received", "bytes") / UDP_OCTETS)
    return Reading(arrived / 1e3, beside)


def rtt(contestant: Contestant) -> Reading:
    """Microseconds from echo request to reply: the median of many, each sent when the last one is back."""
    said = contestant.lab.run(["ping", "-A", "-n", "-c", str(ECHOES), FAR], netns=contestant.near)
    times = [float(text) * 1e3 for text in re.findall(r"time=([0-9.]+) ms", said)]
    if len(times) < ECHOES * 9 // 10:
        raise BenchError(f"only {len(times)} of {ECHOES} echoes came back")
    return Reading(median(times))


def check_reachable(contestant: Contestant) -> None:
    """The far end answers; also fills the neighbour tables, so that no row measures ARP."""
    contestant.lab.run(["ping", "-n", "-c", "1", "-w", "5", FAR], netns=contestant.near)


def _iperf(contestant: Contestant, seconds: float, options: list[str]) -> dict[str, Any]:
    """What iperf3 says at the end of one test, sent from the near end to the far one."""
    lab = contestant.lab
    server = lab.spawn(["iperf3", "--server", "--one-off", "--forceflush"], netns=contestant.far)
    try:
        wait_until(lambda: "listening" in server.said, "iperf3 --server", server)
        client = ["iperf3", "--client", FAR, "--time", f"{seconds:g}", "--json", *options]
        said = lab.run(client, netns=contestant.near, patience=seconds + IPERF_OVERHEAD)
    finally:
        lab.end(server)
    end: dict[str, Any] = json.loads(said)["end"]
    return end


def _figure(end: dict[str, Any], part: str, name: str) -> float:
    try:
        return float(end[part][name])
    except (KeyError, TypeError, ValueError):
        raise BenchError(f"iperf3 does not say {part}.{name}") from None
