"""How what we add to a namespace is told from what was there: by its names."""

from __future__ import annotations

from typing import Final

PROBES: Final = "pystack_probes"  # the table of a comparison's probes, in each family
