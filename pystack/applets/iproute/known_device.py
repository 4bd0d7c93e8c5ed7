"""A device that somebody names where the real tool asks for its number by name."""

from __future__ import annotations

from pystack.applets.iproute.words import wrong
from pystack.applets.session import Session
from pystack.l2.devices import Link


def known_device(word: str, session: Session) -> Link:
    """Raises ToolExit where there is none of this name."""
    dev = session.netns.devices.get(word)
    if dev is None:
        raise wrong("Device does not exist\n", word)
    return dev
