"""glibc's heap, as the daemon wants it."""

import subprocess
import sys
from textwrap import dedent

import pytest

from pystack.drivers.heap import keep_heap

# Page faults of bursts of large frames, each of which is gone before the next one comes.
BURSTS = dedent("""\
    import resource
    from pystack.drivers.heap import keep_heap

    def burst():
        return [bytearray(65000) for _ in range(16)]

    assert keep_heap()
    burst()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(100):
        burst()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
""")


def test_the_memory_of_one_burst_is_there_for_the_next() -> None:
    if not keep_heap():
        pytest.skip("this C library has no mallopt()")
    faults = int(subprocess.run([sys.executable, "-c", BURSTS], check=True, capture_output=True).stdout)
    assert faults < 2000  # 19,000 without
