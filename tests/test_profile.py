"""The kernel that a host imitates."""

import dataclasses

import pytest

from pystack.host import Host
from pystack.profile import Profile


def test_a_hosts_clock_ticks_as_its_kernel_does() -> None:
    assert Host(profile=Profile(hz=1000)).clock.hz == 1000
    assert Host().clock.hz == Profile().hz == 250


def test_a_profile_does_not_change_under_a_running_host() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Profile().hz = 100  # type: ignore[misc]
