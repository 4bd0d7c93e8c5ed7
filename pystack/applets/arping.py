"""`arping`: who has this IPv4 address on this link, with the words of iputils 20221126.

Linux differs: names are not looked up.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import NoReturn

from pystack.applets.arping_options import USAGE, Options, parse
from pystack.applets.iputils import FEATURES, VERSION, Failure, Usage
from pystack.applets.requests import SIGINT, SIGQUIT, SIGTERM, Answer, Interrupted, Request, Steps, Wait
from pystack.applets.session import Session
from pystack.device import IFF_LOOPBACK, IFF_NOARP, IFF_UP
from pystack.errors import EACCES, EADDRNOTAVAIL, NetError
from pystack.l2.devices import Link
from pystack.l3.fib_types import RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, Flow
from pystack.l3.route import RTCF_BROADCAST, Rtable
from pystack.packet import PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST
from pystack.sock.packet import PacketSocket, Seen
from pystack.wire import arp
from pystack.wire.arp import ARPOP_REPLY, ARPOP_REQUEST, Arp
from pystack.wire.ethernet import ETH_HLEN, ETH_P_ARP, header
from pystack.wire.ipv4 import address_text
from pystack.wire.malformed import Malformed


class Quit(Exception):
    """The program ends with this code; it has said what it had to say."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def run(args: Sequence[str], session: Session) -> Steps:
    """Ends 0 if somebody answered (with -D: if nobody did), 1 if not, 2 if it could not be asked."""
    out, err = session.io.out, session.io.err
    try:
        options = parse(args)
        if options.version:
            out.write(f"arping from iputils {VERSION}\n{FEATURES}")
            return 0
        arping = Arping(options, session)
        try:
            return (yield from arping.run())
        finally:
            arping.close()
    except Quit as end:
        return end.code
    except Failure as failure:
        err.line(f"arping: {failure.text}")
        return failure.code
    except Usage as usage:
        err.write(f"arping: {usage.complaint}\n{USAGE}" if usage.complaint else USAGE)
        return 2


class Arping:
    """One run. Linux: arping.c"""

    def __init__(self, options: Options, session: Session) -> None:
        self.options = options
        self.netns = session.netns
        self.clock = session.host.clock
        self.io = session.io
        self.dev = self._device()
        self.source = self._source()
        self.whither = self.dev.broadcast  # the link address that probes go to
        self.sent = 0
        self.broadcasts = 0
        self.received = 0
        self.broadcast_answers = 0
        self.requests = 0
        self._sent_at = 0.0  # calendar time, as the stamps of what comes in
        self._arrived = False
        self._done = False
        self.sock: PacketSocket = self.netns.packets.open(self.dev, ETH_P_ARP)
        self.sock.on_event = self._heard

    def close(self) -> None:
        """Stop listening."""
        self.sock.close()

    # -- where, and as whom --------------------------------------------------------------------------------

    def _device(self) -> Link:
        """Linux: arping.c guess_device(), check_device()"""
        name = self.options.device or self._guess()
        dev = self.netns.devices.get(name)
        if dev is None:
            raise Failure(2, f"Device {name} not available.")
        if not dev.flags & IFF_UP:
            self._unfit(f'Interface "{name}" is down', 2)
        if dev.flags & (IFF_NOARP | IFF_LOOPBACK):
            self._unfit(f'Interface "{name}" is not ARPable', 0 if self.options.dad else 2)
        return dev

    def _unfit(self, text: str, code: int) -> NoReturn:
        if not self.options.quiet:
            self.io.out.line(text)
        raise Quit(code)

    def _guess(self) -> str:
        """Ask the routes, as `ip route get` does."""
        route = self.netns.ipv4.router.route_output(Flow(self.options.address))
        if not isinstance(route, Rtable):
            raise Failure(1, "NETLINK_ROUTE unexpected iov element")
        return route.dev.name

    def _source(self) -> int:
        options = self.options
        if options.bad_source is not None:
            raise Failure(2, f"invalid source {options.bad_source}")
        if options.source is not None or (options.unsolicited and not options.dad):
            source = options.address if options.source is None else options.source
            if source or options.source is not None:
                self._check_source(source)
            return source
        if options.dad:
            return 0
        return self._source_on_link()

    def _check_source(self, source: int) -> None:
        """bind() of a UDP socket; 0.0.0.0 is any."""
        kinds = (RTN_LOCAL, RTN_MULTICAST, RTN_BROADCAST)
        if source and self.netns.ipv4.fib.address_type(source) not in kinds:
            raise Failure(2, "bind", EADDRNOTAVAIL)

    def _source_on_link(self) -> int:
        """connect() of a UDP socket that is bound to the device and may not use gateways."""
        router = self.netns.ipv4.router
        flow = Flow(self.options.address, oif=self.dev.ifindex, scope=router.scope_for(on_link=True))
        route = router.route_output(flow)
        if not isinstance(route, Rtable):
            raise Failure(2, "connect", route)
        if route.flags & RTCF_BROADCAST:
            raise Failure(2, "connect", EACCES)
        return flow.saddr

    # -- the loop ------------------------------------------------------------------------------------------

    def run(self) -> Steps:
        """Linux: arping.c event_loop()"""
        options = self.options
        if not options.quiet:
            from_whom = f"from {address_text(self.source)} {self.dev.name}"
            self.io.out.line(f"ARPING {address_text(options.address)} {from_whom}")
        if not self.source and options.source is None and not options.dad:
            raise Failure(2, "no source address in not-DAD mode")
        start = self.clock.now
        due = start + options.interval if options.interval else None
        end = start + options.timeout if options.timeout else None
        turns = 1
        self._send()
        while not self._done:
            yield from self._wait(due, end)
            arrived = self._arrived  # what answers the next question is heard after the next wait
            if due is not None and self.clock.now >= due:
                turns += 1
                due = start + options.interval * turns
                if 0 < options.count < turns:
                    self._done = True
                else:
                    self._send()
            if end is not None and self.clock.now >= end:
                self._done = True
            if arrived:
                self._drain()
        return self._exit_code()

    def _wait(self, due: float | None, end: float | None) -> Generator[Request, Answer, None]:
        moments = [moment for moment in (due, end) if moment is not None]
        try:
            yield Wait(lambda: self._arrived, min(moments, default=None))
        except Interrupted as interrupted:
            if interrupted.signal not in (SIGINT, SIGQUIT, SIGTERM):
                raise
            self._done = True

    def _heard(self) -> None:
        self._arrived = True

    def _send(self) -> None:
        """Linux: arping.c send_pack()"""
        options, address = self.options, self.dev.address
        if options.advert:
            asked = Arp(ARPOP_REPLY, address, self.source, address, options.address)
        else:
            asked = Arp(ARPOP_REQUEST, address, self.source, self.whither, options.address)
        try:
            self.sock.send(self.dev, header(self.whither, address, ETH_P_ARP) + arp.build(asked))
        except NetError:
            return  # the device went down: a real arping counts only what it could send
        self._sent_at = self.clock.wall
        self.sent += 1
        if self.whither == self.dev.broadcast:
            self.broadcasts += 1

    def _drain(self) -> None:
        self._arrived = False
        while (seen := self.sock.recv()) is not None:
            self._take(seen)
            if self._done:
                return

    # -- answers -------------------------------------------------------------------------------------------

    def _take(self, seen: Seen) -> None:
        """Linux: arping.c recv_pack()"""
        if seen.pkt_type not in (PACKET_HOST, PACKET_BROADCAST, PACKET_MULTICAST):
            return
        answer = arp.parse(seen.frame, ETH_HLEN)
        if isinstance(answer, Malformed) or answer.operation not in (ARPOP_REQUEST, ARPOP_REPLY):
            return
        if not self._is_for_us(answer):
            return
        if not self.options.quiet:
            self._tell(seen, answer)
        self._count(seen, answer)

    def _is_for_us(self, answer: Arp) -> bool:
        if answer.spa != self.options.address:
            return False
        if not self.options.dad:
            return answer.tpa == self.source and answer.tha == self.dev.address
        return answer.sha != self.dev.address and self.source in (0, answer.tpa)

    def _tell(self, seen: Seen, answer: Arp) -> None:
        how = "Unicast" if seen.pkt_type == PACKET_HOST else "Broadcast"
        what = "reply" if answer.operation == ARPOP_REPLY else "request"
        line = f"{how} {what} from {address_text(answer.spa)} [{_upper(answer.sha)}] "
        if answer.tpa != self.source:
            line += f"for {address_text(answer.tpa)} "
        if answer.tha != self.dev.address:
            line += "" if answer.tpa != self.source else "for "
            line += f"[{_upper(answer.tha)}]"
        self.io.out.line(line + (_elapsed(seen.stamp - self._sent_at) if self.sent else " UNSOLICITED?"))

    def _count(self, seen: Seen, answer: Arp) -> None:
        options = self.options
        self.received += 1
        if options.timeout and self.received == options.count:
            self._done = True
            return
        self.broadcast_answers += seen.pkt_type != PACKET_HOST
        self.requests += answer.operation == ARPOP_REQUEST
        if options.quit_on_reply or (options.count == 0 and self.received == self.sent):
            self._done = True
        elif not options.broadcast_only:
            self.whither = answer.sha

    def _exit_code(self) -> int:
        """Linux: arping.c finish(), and the end of event_loop()"""
        options = self.options
        if not options.quiet:
            self._sum_up()
        if options.unsolicited and not options.dad:
            return 0
        if options.dad:
            code = bool(self.received)
            if options.unsolicited:
                return int(code)
            return int(code | (self.broadcasts == self.received))
        if options.timeout and options.count <= 0:
            return int(not self.received)
        return int(not self.received or self.sent != self.received)

    def _sum_up(self) -> None:
        line = f"Received {self.received} response(s)"
        details = []
        if self.requests:
            details.append(f"{self.requests} request(s)")
        if self.broadcast_answers:
            details.append(f"{self.broadcast_answers} broadcast(s)")
        if details:
            line += f" ({', '.join(details)})"
        self.io.out.line(f"Sent {self.sent} probes ({self.broadcasts} broadcast(s))")
        self.io.out.line(line)


def _upper(address: bytes) -> str:
    return address.hex(":").upper()


def _elapsed(seconds: float) -> str:
    """Milliseconds as arping works them out: it rounds up and then counts from half a one."""
    micro = round(seconds * 1e6)
    milli = (micro + 500) // 1000
    return f" {milli}.{micro - milli * 1000 + 500:03d}ms"
