"""What a route says of its path."""

import pytest

from pystack.errors import NetError
from pystack.l3.metrics import (
    CONGESTION_CONTROLS,
    NAMES,
    UNKNOWN_CONGESTION_CONTROL,
    bit,
    congestion_control,
    converted,
    is_locked,
)


def test_metrics_have_the_numbers_of_the_kernel() -> None:
    """Linux: include/uapi/linux/rtnetlink.h"""
    assert [NAMES.index(name) for name in ("lock", "mtu", "advmss", "rto_min", "congctl")] == [
        1,
        2,
        8,
        13,
        16,
    ]


def test_a_lock_is_a_bit_for_its_metric() -> None:
    assert bit("mtu") == 4
    assert is_locked({"mtu": 1400, "lock": bit("mtu")}, "mtu")
    assert not is_locked({"mtu": 1400, "lock": bit("rtt")}, "mtu")


def test_what_is_too_large_is_cut_and_what_is_nothing_is_left_out() -> None:
    given = {"mtu": 70000, "advmss": 70000, "hoplimit": 300, "window": 70000, "rtt": 0}
    assert converted(given) == {"mtu": 65520, "advmss": 65495, "hoplimit": 255, "window": 70000}


def test_an_unknown_congestion_control_is_refused() -> None:
    assert CONGESTION_CONTROLS[congestion_control("reno")] == "reno"
    for name in ("", "vegas"):
        assert congestion_control(name) == UNKNOWN_CONGESTION_CONTROL
    with pytest.raises(NetError) as error:
        converted({"congctl": UNKNOWN_CONGESTION_CONTROL})
    assert error.value.extack == "Unknown tcp congestion algorithm"
