"""What connections take that stay open and say nothing, in a process of its own."""

from __future__ import annotations

import gc
import sys
from typing import Final

from pystack.applets import virtual
from pystack.host import Host
from pystack.sock.tcp import TcpSocket
from scripts.bench_parts import processes
from scripts.bench_parts.lab import BenchError
from scripts.bench_parts.results import Reading

LOOPBACK: Final = 0x7F000001
PORT: Final = 80
BACKLOG: Final = 128


def memory(count: int) -> Reading:
    """KiB a connection, as one stack has it."""
    return Reading(processes.growth("scripts.bench_parts.socket_memory", count) / 1024 / count)


def pairs(host: Host, listener: TcpSocket, count: int) -> list[TcpSocket]:
    """Connections over lo: this stack has both ends of each."""
    ends = []
    for _ in range(count):
        client = host.init.tcp.open()
        client.connect(LOOPBACK, PORT)
        host.run_backlog()
        server = listener.accept()
        if server is None:
            raise BenchError("a connection over lo did not come about")
        ends += [client, server]
    return ends


def main(count: int) -> None:
    """Print it."""
    host = Host()
    virtual.run(["ip", "link", "set", "lo", "up"], host)
    listener = host.init.tcp.open()
    listener.bind(port=PORT)
    listener.listen(BACKLOG)
    held = pairs(host, listener, 10)
    gc.collect()
    before = processes.own_resident()
    held += pairs(host, listener, count // 2)
    virtual.run(["sleep", "1"], host)  # what was delayed is done
    gc.collect()
    print(processes.own_resident() - before)


if __name__ == "__main__":
    main(int(sys.argv[1]))
