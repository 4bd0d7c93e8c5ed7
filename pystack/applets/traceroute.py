"""`traceroute`: which routers lie on the way, as Debian's traceroute 2.1.2 tells it.

Command line: traceroute_options.py. Probes: traceroute_probe.py, traceroute_tcp.py. Here: when they
leave, and what is printed.

Linux differs: names are those of the user's own /etc; the name service is not asked.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Final

from pystack.applets.requests import Answer, Request, Steps, Wait
from pystack.applets.session import Session
from pystack.applets.tcpdump.names import Names, load_names
from pystack.applets.traceroute_numbers import Refused
from pystack.applets.traceroute_options import Options, parse
from pystack.applets.traceroute_probe import Broken, IcmpMethod, Method, Probe, UdpMethod
from pystack.applets.traceroute_tcp import TcpMethod
from pystack.errors import MESSAGES
from pystack.wire.ipv4 import address_text

PRECISION: Final = 0.001  # seconds, added to what an answer took
LONG_AGO: Final = float("-inf")
METHODS: Final[dict[str, type[Method]]] = {
    "default": UdpMethod,
    "udp": UdpMethod,
    "icmp": IcmpMethod,
    "tcp": TcpMethod,
}


def run(args: Sequence[str], session: Session) -> Steps:
    """Ends 0 also where the destination was not reached."""
    io = session.io
    try:
        names = Names() if "-n" in args else (yield from load_names())
        options = parse(args, names)
        if options.says:
            io.err.write(options.says)
            return 0
        trace = Trace(options, Names() if options.numeric else names, session)
        try:
            yield from trace.run()
        finally:
            trace.method.close()
    except Refused as refused:
        io.err.line(str(refused))
        return 2
    except Broken as broken:
        io.err.write(f"\n{broken.args[0]}: {MESSAGES[broken.args[1]]}\n")
        return 1
    return 0


class Trace:
    """One run. Linux: traceroute.c do_it()"""

    def __init__(self, options: Options, names: Names, session: Session) -> None:
        self.options = options
        self.names = names
        self.clock = session.host.clock
        self.io = session.io
        self.method = METHODS[options.method](options, session.netns, self._heard)
        self.probes = [Probe() for _ in range(options.max_hops * options.queries)]
        self._arrived = False

    def _heard(self) -> None:
        self._arrived = True

    def run(self) -> Generator[Request, Answer, None]:
        """Probe until the destination answers, or the last hop has been tried."""
        options, probes = self.options, self.probes
        target = f"{options.host} ({address_text(options.address)})"
        length = self.method.packet_length
        self.io.out.write(f"traceroute to {target}, {options.max_hops} hops max, {length} byte packets")
        start, end = (options.first - 1) * options.queries, len(probes)
        while start < end:
            start, end, until = self._go_round(start, end)
            if until is None:
                continue
            yield Wait(lambda: self._arrived, until)
            self._arrived = False
            self.method.receive(probes)
        self.io.out.write("\n")

    def _go_round(self, start: int, end: int) -> tuple[int, int, float | None]:
        """Print what is known, send what is due; the bounds now, and how long to wait, if at all."""
        options, probes, now = self.options, self.probes, self.clock.now
        until: float | None = None
        in_flight = 0
        for number in range(start, end):
            probe = probes[number]
            if number == start and not probe.is_done and probe.sent is not None:
                expires = probe.sent + self._patience(number)
                if expires > now:
                    until = expires
                else:
                    self.method.finish(probe)
                    self._look_behind(number)
                    probe = probes[number]
            if probe.is_done:
                if number == start:
                    self._print(number)
                    start += 1
                if probe.is_final:
                    end = (number // options.queries + 1) * options.queries
                if number + 1 >= end:
                    break
                continue
            if probe.sent is None:
                if options.pause and (last := self._last_sent()) is not None and last + options.pause > now:
                    until = last + options.pause
                    break
                self.method.send(probe, number // options.queries + 1)
            if until is None and probe.sent is not None:
                until = probe.sent + self._patience(number)
            in_flight += 1
            if in_flight >= options.at_once:
                break
        return start, end, until

    def _last_sent(self) -> float | None:
        return max((probe.sent for probe in self.probes if probe.sent is not None), default=None)

    def _patience(self, number: int) -> float:
        """How long to wait: less where a neighbour has answered. Linux: traceroute.c get_timeout()"""
        options, probes = self.options, self.probes
        first = number - number % options.queries
        for factor, others in (
            (options.here_factor, probes[first : first + options.queries]),
            (options.near_factor, probes[number + 1 :]),
        ):
            for other in others if factor else ():
                if other.is_done and other.received is not None and other.sent is not None:
                    took = other.received - other.sent
                    if took > 0:
                        return min((took + PRECISION) * factor, options.longest_wait)
        return options.longest_wait

    def _look_behind(self, number: int) -> None:
        """An error of the last hop may belong to a probe that got no answer. Linux: check_expired()"""
        options, probes = self.options, self.probes
        first = number - number % options.queries
        before = probes[first:number]
        if any(not probe.is_done or not probe.is_final for probe in before):
            return
        later = [probe for probe in probes[number + 1 :] if probe.sent is not None and probe.is_done]
        if not later or not later[0].is_final or not later[0].mark:
            return
        final = later[0]
        distance = probes.index(final, number) - number
        same_hop = bool(before) or number % options.queries + distance < options.queries
        known = any(probe.answered_by == final.answered_by for probe in probes[:number])
        if same_hop or known:
            probes[number] = final
            probes[number + distance] = Probe(sent=LONG_AGO)  # not to be sent again

    # -- printing ------------------------------------------------------------------------------------------

    def _print(self, number: int) -> None:
        """Linux: traceroute.c print_probe()"""
        options, probe = self.options, self.probes[number]
        hop, nth = divmod(number, options.queries)
        out = self.io.out
        if not nth:
            out.write(f"\n{hop + 1:2d} ")
        if probe.answered_by is None:
            out.write(" *")
        elif self._is_news(number, nth):
            out.write(self._name(probe.answered_by))
            if probe.flags:
                out.write(f" <{probe.flags}>")
        if probe.received is not None and probe.sent is not None:
            out.write(f"  {(probe.received - probe.sent) * 1000:.3f} ms")
        if probe.mark:
            out.write(f" {probe.mark}")

    def _is_news(self, number: int, nth: int) -> bool:
        """Whether the last one of this hop that answered was another, or said something else."""
        probe = self.probes[number]
        for other in reversed(self.probes[number - nth : number]):
            if other.answered_by is not None:
                return (other.answered_by, other.flags) != (probe.answered_by, probe.flags)
        return True

    def _name(self, address: int) -> str:
        text = address_text(address)
        if self.options.numeric:
            return f" {text}"
        return f" {self.names.hosts.get(address, text)} ({text})"
