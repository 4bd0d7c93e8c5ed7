"""What is said of a word that is no value of its kind."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The words of nft's error; who knows the place puts it in front."""

    message: str
