"""The one way in which opening a port fails."""

from __future__ import annotations


class PortUnavailable(Exception):
    """What stands behind a port cannot be had: one sentence for the user, who can do something about it.

    Raised for everything the kernel or the rights lack: a name in use, no /dev/net/tun, no such namespace.
    The commands end with exit code 4.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
