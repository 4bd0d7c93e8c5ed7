"""Waiting for what the kernel does in its own time, without asserting how long it takes."""

import time
from collections.abc import Callable

import pytest


def wait_until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    """Look again and again; only a wait that is hopeless fails."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            pytest.fail(f"still not so after {seconds} s")
        time.sleep(0.005)
