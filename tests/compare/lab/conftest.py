"""What tests of labs share."""

import pytest

from pystack.compare.lab.kernel_log import SWITCH
from tests.compare.lab.leftovers import switch_at_rest


@pytest.fixture
def switch_is_off() -> None:
    if not SWITCH.exists():
        pytest.skip(f"needs {SWITCH}: the first network namespace, and a kernel with netfilter logging")
    if switch_at_rest() != "0":
        pytest.skip(f"needs {SWITCH} to be 0: somebody wants it otherwise on this machine")
