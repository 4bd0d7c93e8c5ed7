"""The kernel's log, LOG's lines too, in the log of the daemon."""

from __future__ import annotations

import logging

from pystack.daemon.names import printable
from pystack.events import Event, Printk

logger = logging.getLogger("pystack")


def say_kernel_line(event: Event) -> None:
    """As journals and syslogs write it; what a packet or a rule's prefix carries cannot steer a terminal."""
    if isinstance(event, Printk):
        where = f" ({event.netns})" if event.netns else ""
        logger.info("%s", f"kernel{where}: {printable(event.text)}")
