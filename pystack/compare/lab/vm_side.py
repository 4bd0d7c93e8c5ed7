"""A kernel in a VM as a side of a comparison."""

from __future__ import annotations

from pystack.compare.lab.kernel_side import KernelSide


class VmSide(KernelSide):
    """A side of a comparison (side.Side)."""
