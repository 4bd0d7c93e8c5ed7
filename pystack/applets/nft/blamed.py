"""A step that the kernel refuses, and the words in a text that it blames."""

from __future__ import annotations

from pystack.applets.nft.place import Place
from pystack.errors import NetError


class Blamed(NetError):
    """Where Rejected names a word of the command, this has the place of a part of its body."""

    def __init__(self, number: int, at: Place) -> None:
        super().__init__(number)
        self.at = at


class BlamedTwice(Blamed):
    """The same where another errno and place are told in front of it."""

    def __init__(self, first: Blamed, number: int, at: Place) -> None:
        super().__init__(number, at)
        self.first = first
