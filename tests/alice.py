"""A host that knows its neighbour Alice, as most tests begin."""

from tests.box import Box
from tests.frames import OUR_MAC, arp_request


class BoxWithAlice(Box):
    """eth0 10.0.0.1/24 with Alice, whom we know."""

    def __init__(self) -> None:
        super().__init__()
        self.eth0 = self.port("eth0", OUR_MAC, "10.0.0.1/24")
        self.send(self.eth0, arp_request())
        self.sent(self.eth0)

    def exchange(self, frame: bytes) -> list[bytes]:
        """A frame in, what leaves at once out."""
        self.send(self.eth0, frame)
        self.assert_every_packet_is_accounted_for()
        return self.sent(self.eth0)
