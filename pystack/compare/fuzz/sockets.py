"""Fuzzing sockets: programs that bind, listen, connect, send, read and close, and a peer played by hand who
says what fits and what does not. Every sequence has sockets of its own and ends with all of them aborted.

What is drawn around, because time passes differently on the two sides:

- Nothing that a timer would do: retransmissions are 20 s away, ACKs are not delayed, buffers do not tune
  themselves, nothing is remembered of a peer. The peer tells of no gaps (SACK), which Linux weighs by time.
- Nobody is limited in how often he may be answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pystack.compare.fuzz.dice import Dice
from pystack.compare.fuzz.socket_binds import binds
from pystack.compare.fuzz.socket_datagrams import datagrams
from pystack.compare.fuzz.socket_streams import streams
from pystack.compare.scenario import Call, Run, Scenario, Step, Topology

PORTS: Final = ("tap1", "tap2")
SETUP: Final = """\
sysctl -qw net.ipv4.tcp_congestion_control=reno net.ipv4.tcp_no_metrics_save=1 # stays
sysctl -qw net.ipv4.tcp_moderate_rcvbuf=0 net.ipv4.tcp_rto_min_us=20000000 # stays
sysctl -qw net.ipv4.tcp_early_retrans=0 net.ipv4.tcp_recovery=0 net.ipv4.tcp_frto=0 # stays
sysctl -qw net.ipv4.tcp_comp_sack_nr=0 net.ipv4.tcp_autocorking=0 net.ipv4.tcp_tso_win_divisor=255 # stays
sysctl -qw net.ipv4.tcp_invalid_ratelimit=0 net.ipv4.icmp_ratelimit=0 # stays
sysctl -qw net.ipv4.icmp_msgs_per_sec=1000000 net.ipv4.icmp_msgs_burst=1000000 # stays
sysctl -qw net.ipv4.tcp_tso_rtt_log=31 # stays
ip link set lo up
ip addr add 10.1.0.1/24 brd 10.1.0.255 dev tap1
ip addr add 10.1.0.3/24 brd 10.1.0.255 dev tap1
ip addr add 10.2.0.1/24 brd 10.2.0.255 dev tap2
ip link set tap1 up
ip link set tap2 up
ip neigh add 10.1.0.7 lladdr 02:00:00:00:00:77 dev tap1
ip neigh add 10.2.0.7 lladdr 02:00:00:00:00:78 dev tap2
ip route add 10.1.0.7 dev tap1 quickack 1
ip route add 10.2.0.7 dev tap2 quickack 1
ip route add unreachable 10.7.0.0/16
ip route add prohibit 10.8.0.0/16
"""
SETTINGS: Final = {
    "tcp_timestamps": (0, 1, 1, 1, 2),
    "tcp_sack": (0, 1, 1),
    "tcp_dsack": (0, 1, 1),
    "tcp_window_scaling": (0, 1, 1),
    "tcp_abort_on_overflow": (0, 0, 1),
    "tcp_syncookies": (0, 1, 1, 2),
    "tcp_rfc1337": (0, 0, 1),
    "ip_nonlocal_bind": (0, 0, 0, 1),
    "ip_no_pmtu_disc": (0, 0, 1),
    "tcp_fin_timeout": (60, 30, 90),
    "tcp_pingpong_thresh": (1, 1, 3),
}
KINDS: Final = {"streams": 8, "binds": 3, "datagrams": 2}
LOOKS: Final = 4  # of a hundred sequences end with a look by ss


def draw(dice: Dice, cases: int) -> Scenario:
    """A host on two links, and so many steps."""
    setup = SETUP + "".join(f"{_setting(dice)}\n" for _ in range(dice.between(0, 3)))
    steps: list[Step] = []
    number = 0
    while len(steps) < cases:
        number += 1
        steps += _sequence(dice, number)
    return Scenario("", "sockets", Topology(PORTS, setup), tuple(steps[:cases]))


def _setting(dice: Dice) -> str:
    name = dice.among(list(SETTINGS))
    return f"sysctl -qw net.ipv4.{name}={dice.among(SETTINGS[name])}"


def _sequence(dice: Dice, number: int) -> Iterator[Step]:
    kind = dice.weighted(KINDS)
    draws = {"streams": streams, "binds": binds, "datagrams": datagrams}[kind]
    names: dict[str, bool] = {}  # of sockets, and whether they are streams
    for step in draws(dice, number):
        if isinstance(step, Call):
            _note(step.text.split(), names)
        yield step
    if dice.chance(LOOKS):
        yield Run(dice.among(("ss -tan", "ss -uan", "ss -tln")))
    for name, is_stream in names.items():
        if is_stream:
            yield Call(f"{name} set SO_LINGER 1 0")
        yield Call(f"{name} close")


def _note(words: list[str], names: dict[str, bool]) -> None:
    match words:
        case [name, "socket", kind, *_]:
            names[name] = kind == "tcp"
        case [_, "accept", name]:
            names[name] = True
