from collections.abc import Iterator

import pytest

from tests.drivers.kernel import KernelNamespace, kernel_namespace


@pytest.fixture
def kernel() -> Iterator[KernelNamespace]:
    """A quiet namespace of the real kernel."""
    with kernel_namespace() as namespace:
        yield namespace
