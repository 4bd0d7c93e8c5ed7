"""What this machine's kernel and tools can do is tried, not believed."""

import pytest

from pystack.compare.features import FEATURES
from pystack.compare.lab import host_features
from pystack.compare.lab.host_features import TRIALS, missing_here
from pystack.compare.lab.kernel_netns import KernelNetns


def test_every_feature_that_a_scenario_may_name_can_be_tried() -> None:
    assert set(TRIALS) == set(FEATURES)


def test_nothing_is_missing_where_nothing_is_needed() -> None:
    assert missing_here([]) == []


@pytest.mark.root
def test_what_the_kernel_refuses_is_missing_and_what_it_does_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        host_features,
        "TRIALS",
        {"one": "ip link add trial type bridge", "two": "ip link add trial type nonsense"},
    )
    assert missing_here(["one", "two"]) == ["two"]


@pytest.mark.root
def test_a_feature_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_features, "TRIALS", {"three": "true"})
    assert missing_here(["three"]) == []
    monkeypatch.setattr(KernelNetns, "open", None)
    assert missing_here(["three"]) == []
