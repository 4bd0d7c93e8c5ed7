"""A hub between VMs: what one card sends, all the others receive."""

from collections.abc import Sequence

from pystack.compare.lab.process import Attendant
from pystack.compare.lab.vm_port import SocketPairPort


def hub(ports: Sequence[SocketPairPort]) -> Attendant:
    """To be given to the command that should see it work."""

    def repeat() -> None:
        for source in ports:
            for frame in source.drain():
                for port in ports:
                    if port is not source:
                        port.send(frame)

    return Attendant([port.fileno() for port in ports], repeat)
