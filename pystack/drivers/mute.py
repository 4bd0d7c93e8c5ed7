"""A port of a copy: what it sends is sent by the original, so here it is thrown away, and nothing arrives."""

from __future__ import annotations

import trio

from pystack.drivers.port import PortDriver, Receive


class MuteDriver(PortDriver):
    """Without a descriptor."""

    async def ready(self) -> None:
        """Never."""
        await trio.sleep_forever()

    def read_burst(self, budget: int, receive: Receive) -> int:
        """Nothing arrives."""
        return 0

    def flush(self) -> None:
        """It counts as sent."""
        self.dev.tx.clear()
