"""A host of whose probes the tests of traceroute see every one."""

from pystack.applets import virtual
from pystack.applets.virtual import Completed, VirtualJob
from tests.alice import BoxWithAlice


class Host(BoxWithAlice):
    """Alice is the way to everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.route("0.0.0.0/0", self.eth0, "10.0.0.2")

    def begin(self, line: str) -> VirtualJob:
        """Up to where the first probes have left."""
        job = virtual.begin(["traceroute", *line.split()], self.host)
        job.poll()
        return job

    def trace(self, line: str) -> Completed:
        return virtual.run(["traceroute", *line.split()], self.host)
