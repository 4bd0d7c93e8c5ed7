"""Verdicts, with Linux's numbers; plain ints because they are compared for every packet."""

from __future__ import annotations

from typing import Final

NF_DROP: Final = 0
NF_ACCEPT: Final = 1
NF_STOLEN: Final = 2
NF_QUEUE: Final = 3
NF_REPEAT: Final = 4
NF_STOP: Final = 5

NAMES: Final = ("DROP", "ACCEPT", "STOLEN", "QUEUE", "REPEAT", "STOP")
