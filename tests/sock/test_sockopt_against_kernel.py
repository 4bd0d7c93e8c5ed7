"""Every option that is modelled takes, tells and refuses what the kernel's does; others are refused."""

import socket

import pytest

from pystack.applets.virtual import run_setup
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.compare.lab.lab_socket import LabSocket
from pystack.compare.lab.socket_calls import Caller
from pystack.compare.lab.virtual_socket import open_virtual
from pystack.errors import NetError, NotModelled
from pystack.host import Host
from pystack.sock import sockopt
from pystack.sock.option_numbers import NUMBERS

pytestmark = pytest.mark.root

FLAG = ("0", "1", "7", "-1")
# What is set, for both kinds of sockets; the value is asked for before and after each.
BOTH = {
    "SO_REUSEADDR": FLAG,
    "SO_REUSEPORT": FLAG,
    "SO_BROADCAST": FLAG,
    "SO_KEEPALIVE": FLAG,
    "SO_LINGER": ("0 0", "1 0", "1 5", "0 9", "1"),
    "SO_RCVBUF": ("0", "1000", "5000", "100000", "99999999", "-1"),
    "SO_SNDBUF": ("0", "1000", "5000", "100000", "99999999", "-1"),
    "SO_RCVBUFFORCE": ("0", "20000000", "-1", "2147483647"),
    "SO_SNDBUFFORCE": ("0", "20000000", "-1", "2147483647"),
    "SO_RCVTIMEO": ("0 0", "1 500000", "0 1", "-1 0", "1 1000000", "0 -1", "1"),
    "SO_SNDTIMEO": ("0 0", "2 0", "0 999999", "3 4001"),
    "SO_MARK": ("0", "7", "-1"),
    "SO_PRIORITY": ("0", "6", "7", "-1"),
    "SO_BINDTODEVICE": ("lo", "nowhere", ""),
    "SO_BINDTOIFINDEX": ("1", "0", "99", "-1"),
    "SO_TIMESTAMP": FLAG,
    "SO_TIMESTAMPNS": FLAG,
    "SO_TYPE": ("1",),
    "SO_DOMAIN": ("1",),
    "SO_PROTOCOL": ("1",),
    "SO_ERROR": ("1",),
    "SO_ACCEPTCONN": ("1",),
    "SO_SNDLOWAT": ("1",),
    "SO_LOCK_FILTER": ("0", "1", "0"),
    "IP_TOS": ("0", "16", "255", "256", "-1"),
    "IP_TTL": ("0", "1", "255", "256", "-1"),
    "IP_MINTTL": ("0", "255", "256", "-1"),
    "IP_MTU_DISCOVER": ("0", "1", "2", "3", "4", "5", "6", "-1"),
    "IP_MTU": ("1",),
    "IP_RECVERR": FLAG,
    "IP_FREEBIND": FLAG,
    "IP_TRANSPARENT": FLAG,
    "IP_PKTINFO": FLAG,
    "IP_RECVTTL": FLAG,
    "IP_RECVTOS": FLAG,
    "IP_RECVORIGDSTADDR": FLAG,
    "IP_MULTICAST_LOOP": FLAG,
    "IP_MULTICAST_TTL": ("0", "255", "256", "-1", "-2"),
    "IP_MULTICAST_ALL": ("0", "1", "2"),
    "IP_MULTICAST_IF": ("10.1.0.1", "10.9.9.9", "0.0.0.0"),
    "IP_ADD_MEMBERSHIP": ("239.1.1.1 10.1.0.1", "239.1.1.1 10.1.0.1", "10.1.0.9", "239.1.1.2 0.0.0.0 99"),
    "IP_DROP_MEMBERSHIP": ("239.1.1.9 10.1.0.1",),
    "IP_BIND_ADDRESS_NO_PORT": FLAG,
    "IP_HDRINCL": ("1",),
    "IP_NODEFRAG": ("1",),
}
OF_TCP = {
    "TCP_NODELAY": FLAG,
    "TCP_CORK": FLAG,
    "TCP_MAXSEG": ("0", "87", "88", "1460", "32767", "32768", "-1"),
    "TCP_KEEPIDLE": ("0", "1", "32767", "32768", "-1"),
    "TCP_KEEPINTVL": ("0", "1", "32767", "32768"),
    "TCP_KEEPCNT": ("0", "1", "127", "128"),
    "TCP_SYNCNT": ("0", "1", "127", "128"),
    "TCP_LINGER2": ("0", "5", "120", "121", "-1", "-7"),
    "TCP_DEFER_ACCEPT": ("0", "1", "3", "10", "1000", "-1"),
    "TCP_USER_TIMEOUT": ("0", "500", "-1"),
    "TCP_QUICKACK": ("0", "1"),
    "TCP_CONGESTION": ("reno", "frob"),
    "TCP_INFO": ("1",),
}
SILENT = ("TCP_INFO", "IP_ADD_MEMBERSHIP", "IP_DROP_MEMBERSHIP")  # not asked for
SETUP = "ip link set lo up; ip addr add 10.1.0.1/24 dev lo; sysctl -qw net.ipv4.tcp_congestion_control=reno"
CASES = [(kind, name, values) for kind in ("tcp", "udp") for name, values in BOTH.items()]
CASES += [(kind, name, values) for kind in ("tcp", "udp") for name, values in OF_TCP.items()]


def said(caller: Caller, kind: str, name: str, values: tuple[str, ...]) -> list[object]:
    """What all calls come to."""
    calls = [f"s socket {kind}"] + [f"s get {name}"] * (name not in SILENT)
    for value in values:
        calls.append(f"s set {name} {value}".strip())
        if name not in SILENT:
            calls.append(f"s get {name}")
    return [(call, caller.call(call)) for call in calls]


def opened() -> Caller:
    host = Host(seed=1)
    assert run_setup(host, SETUP, "setup") == []
    return Caller(lambda kind, netns: open_virtual(host.init, kind))


def test_options_are_set_and_told_as_by_the_kernel() -> None:
    ours = opened()
    with KernelNetns() as kernel:
        kernel.sh(SETUP).check()
        theirs = Caller(lambda kind, netns: LabSocket(fileno=kernel.open_socket(socket.AF_INET, kind)))
        found = [
            (case[:2], mine, their)
            for case in CASES
            for mine, their in zip(said(ours, *case), said(theirs, *case), strict=True)
            if mine != their
        ]
        theirs.close()
    assert not found, "\n".join(f"{case}: ours {mine} theirs {their}" for case, mine, their in found)


@pytest.mark.parametrize("name", sorted(set(NUMBERS) - set(BOTH) - set(OF_TCP)))
def test_what_is_not_modelled_is_refused_by_name(name: str) -> None:
    sock = Host(seed=1).init.tcp.open()
    level, number = NUMBERS[name]
    refused = ""
    try:
        sockopt.set_option(sock, level, number, bytes(16))
    except NotModelled as missing:
        refused = missing.name
    except NetError as error:
        refused = str(error)
    assert refused or name in ("SO_ATTACH_FILTER", "SO_DETACH_FILTER", "IP_OPTIONS"), name
