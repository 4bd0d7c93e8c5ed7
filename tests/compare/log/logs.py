"""Logs for tests: lines as the kernel prints them, and those that were measured or noted, where they are."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from pystack.applets.requests import FileRefused
from pystack.applets.virtual import Outside
from pystack.compare.log.account import Account, Accountant
from pystack.compare.log.lines import Cutter
from pystack.compare.log.machine import Machine, build
from pystack.compare.log.passage import Passage
from pystack.compare.log.reading import Reading
from pystack.compare.log.replay import Replay

SHARED = Path(__file__).parents[4] / "shared"

VM = "ba:ec:24:5c:80:3a"
BRIDGE = "f6:72:b2:f6:dd:ce"
SETUP = f"""\
ip link set lo up
ip link add br0 type bridge
ip link set br0 address {BRIDGE}
ip link set tap1 master br0
ip link set tap1 up
ip link set br0 up
ip addr add 10.0.0.1/24 dev br0
ip link set wan up
ip addr add 192.0.2.1/24 dev wan
sysctl -qw net.ipv4.ip_forward=1
iptables -A INPUT -m conntrack --ctstate INVALID -j DROP
iptables -t raw -A PREROUTING -j LOG --log-prefix "RAW-PREROUTING "
iptables -t nat -A PREROUTING -j LOG --log-prefix "NAT-PREROUTING "
iptables -A FORWARD -j LOG --log-prefix "FILTER-FORWARD "
iptables -t nat -A POSTROUTING -j LOG --log-prefix "NAT-POSTROUTING "
iptables -A OUTPUT -j LOG --log-prefix "FILTER-OUTPUT "
"""


def shared(*names: str) -> Path:
    """A file or folder of what was measured; skips the test where it is not."""
    path = SHARED.joinpath(*names)
    if not path.exists():
        pytest.skip(f"{'/'.join(names)} is not here")
    return path


def echo(
    *, ttl: int = 64, ident: int = 7, kind: int = 8, source: str = "10.0.0.2", to: str = "192.0.2.7"
) -> str:
    """The words of a ping from SRC= on."""
    return (
        f"SRC={source} DST={to} LEN=84 TOS=0x00 PREC=0x00 TTL={ttl} ID={ident} DF "
        f"PROTO=ICMP TYPE={kind} CODE=0 ID=1 SEQ=1 "
    )


def routed(ident: int = 7) -> list[str]:
    """A packet from a port of br0 to wan, bridge and IP both logged."""
    frame = f"MAC source = {VM} MAC dest = {BRIDGE} proto = 0x0800"
    into = f"PHYSIN=tap1 MAC={BRIDGE}:{VM}:08:00 "
    return [
        f"EB-NAT-PREROUTING  IN=tap1 OUT= {frame}",
        f"RAW-PREROUTING IN=br0 OUT= {into}{echo(ident=ident)}",
        f"NAT-PREROUTING IN=br0 OUT= {into}{echo(ident=ident)}",
        f"EB-FILTER-INPUT  IN=tap1 OUT= {frame}",
        f"FILTER-FORWARD IN=br0 OUT=wan {into}{echo(ident=ident, ttl=63)}",
        f"NAT-POSTROUTING IN=br0 OUT=wan {into}{echo(ident=ident, ttl=63)}",
    ]


def reading_of(text: str | Iterable[str] | bytes) -> tuple[Reading, list[Passage]]:
    """What is read of a log, and its packets."""
    octets = (
        text if isinstance(text, bytes) else ("\n".join([text] if isinstance(text, str) else text)).encode()
    )
    reading, cutter = Reading(), Cutter()
    packets = [
        packet
        for lines in (cutter.feed(octets), cutter.end())
        for batch in reading.take_in(lines)
        for packet in batch
    ]
    return reading, packets + reading.rest()


def packets_of(text: str | Iterable[str] | bytes) -> list[Passage]:
    """The packets of a log."""
    return reading_of(text)[1]


def accounts_of(text: str | Iterable[str] | bytes, setup: str = "") -> list[Account]:
    """What is said of them, without a setup or with one."""
    replay = Replay(Machine(build(setup, "lab.setup", Outside()), setup)) if setup else None
    return Accountant(replay, setup).accounts(packets_of(text))


def faults_of(accounts: Iterable[Account]) -> list[tuple[str, str]]:
    """What is wrong, in words."""
    return [(finding.fault.value, finding.text) for account in accounts for finding in account.findings]


def _no_files(path: str) -> bytes:
    raise FileRefused(path, "No such file or directory")
