"""What a route can say of its path beside the way: MTU, window, times, congestion control.

Linux: include/uapi/linux/rtnetlink.h RTAX_*, net/ipv4/metrics.c
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pystack.errors import EINVAL, NetError

# By number; the first is a mask of the others that nothing may change.
NAMES: Final = (
    "",
    "lock",
    "mtu",
    "window",
    "rtt",
    "rttvar",
    "ssthresh",
    "cwnd",
    "advmss",
    "reordering",
    "hoplimit",
    "initcwnd",
    "features",
    "rto_min",
    "initrwnd",
    "quickack",
    "congctl",
    "fastopen_no_cookie",
)
LOCK: Final = "lock"
FEATURE_ECN: Final = 1
# Those that a route may name, by the number under which the metric keeps them.
CONGESTION_CONTROLS: Final = ("", "reno", "cubic")
UNKNOWN_CONGESTION_CONTROL: Final = -1

_HIGHEST: Final = {"advmss": 65535 - 40, "mtu": 65535 - 15, "hoplimit": 255}


def bit(name: str) -> int:
    """The metric's place in the mask of those that are locked."""
    return 1 << NAMES.index(name)


def is_locked(metrics: Mapping[str, int], name: str) -> bool:
    """Whether nothing but a user may change it. Linux: include/net/dst.h dst_metric_locked()"""
    return bool(metrics.get(LOCK, 0) & bit(name))


def congestion_control(name: str) -> int:
    """The number of an algorithm. Linux: net/ipv4/tcp_cong.c tcp_ca_get_key_by_name()"""
    return CONGESTION_CONTROLS.index(name) if name in CONGESTION_CONTROLS[1:] else UNKNOWN_CONGESTION_CONTROL


def converted(given: Mapping[str, int]) -> dict[str, int]:
    """As they are kept: within their bounds, and none that is 0.

    Linux: net/ipv4/metrics.c ip_metrics_convert()
    """
    if given.get("congctl") == UNKNOWN_CONGESTION_CONTROL:
        raise NetError(EINVAL, "Unknown tcp congestion algorithm")
    bounded = {name: min(value, _HIGHEST.get(name, value)) for name, value in given.items()}
    return {name: value for name, value in bounded.items() if value}
