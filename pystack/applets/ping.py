"""`ping`: echo requests to one IPv4 address, with the words of iputils 20221126.

Command line: ping_options.py. Socket: ping_endpoint.py. Counting: ping_tally.py. What ICMP messages mean:
ping_text.py. Here: when probes leave, and what is said of their answers.

Linux differs: names are not looked up.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Final

from pystack.applets.iputils import FEATURES, VERSION, Failure, Usage
from pystack.applets.ping_endpoint import Endpoint
from pystack.applets.ping_options import Options, parse
from pystack.applets.ping_route import RouteText
from pystack.applets.ping_tally import Tally
from pystack.applets.ping_text import (
    ICMP_SOURCE_QUENCH,
    USAGE,
    describe,
    milliseconds,
    quoted_header,
)
from pystack.applets.requests import SIGINT, SIGQUIT, Answer, Interrupted, Request, Steps, Wait
from pystack.applets.session import Session
from pystack.errors import EMSGSIZE, MESSAGES, NetError
from pystack.sock.errors import ORIGIN_ICMP, ORIGIN_LOCAL, SocketError
from pystack.sock.receive_queue import Received
from pystack.wire import icmp
from pystack.wire.checksum import verifies
from pystack.wire.ipv4 import address_text

MIN_INTERVAL: Final = 10  # milliseconds
TIMEVAL: Final = 16  # octets of a struct timeval
RECEIVE_ROOM: Final = 60 + 76  # octets of headers that the receive buffer has besides the payload
# A flood whose answers cost no time would stop a virtual clock: each round takes at least this long.
FLOOD_STEP: Final = 0.000_01
ALARM_FIRST: Final = 0.000_001  # more than clocks err when they are added up


def run(args: Sequence[str], session: Session) -> Steps:
    """Ends 0 if there was an answer, 1 if not, 2 if it could not be asked."""
    options = Options()
    err = session.io.err
    try:
        try:
            parse(args, options)
        finally:
            err.write("".join(f"ping: {warning}\n" for warning in options.warnings))
        if options.version:
            session.io.out.write(f"ping from iputils {VERSION}\n{FEATURES}")
            return 0
        ping = Ping(options, session)
        try:
            return (yield from ping.run())
        finally:
            ping.close()
    except Failure as failure:
        err.line(f"ping: {failure.text}")
        return failure.code
    except Usage as usage:
        err.write(f"ping: {usage.complaint}\n{USAGE}" if usage.complaint else USAGE)
        return 2


def pattern_of(options: Options) -> tuple[bytes, bytes]:
    """What -p asks for, and the payload it makes. Linux: ping/ping_common.c fill()"""
    if options.pattern is None:
        return b"", (bytes(range(256)) * (options.size // 256 + 1))[: options.size]
    digits = options.pattern
    for at, digit in enumerate(digits):
        if digit not in "0123456789abcdefABCDEF":
            raise Failure(2, f"patterns must be specified as hex digits: {digits[at:]}")
    unit = bytes(int(digits[at : at + 2], 16) for at in range(0, min(len(digits), 32), 2))
    if not unit:
        return unit, bytes(options.size)
    turns = 1 if options.size < len(unit) + 8 else options.size // len(unit) + 1
    return unit, (unit * turns).ljust(options.size, b"\0")[: options.size]


class Ping:
    """One run. Linux: ping/ping.c ping4_run(), ping/ping_common.c main_loop()"""

    def __init__(self, options: Options, session: Session) -> None:
        self.options = options
        self.clock = session.host.clock
        self.io = session.io
        self.tally = Tally()
        self.routes = RouteText(flood=options.flood)
        self.endpoint = Endpoint(options, session, self._heard)
        self.timing = options.size >= TIMEVAL
        self.interval = 0 if options.flood and not options.interval_given else options.interval
        self.payload = b""
        self._arrived = False
        self._exiting = False
        self._started = 0  # nanoseconds, as all times of one run
        self._last: int | None = None  # when the last probe was due
        self._tokens = 0  # milliseconds saved up for the next probe
        self._exit_at: float | None = None
        # The calendar when the clock stood at 0: both move together, so differences stay exact.
        self._epoch = self.clock.wall - self.clock.now

    def close(self) -> None:
        """Give the socket back."""
        self.endpoint.close()

    def run(self) -> Steps:
        """Say hello, probe until there is a reason to end, sum up."""
        unit, self.payload = pattern_of(self.options)
        if self.options.pattern is not None and not self.options.quiet:
            self.io.out.line(f"PATTERN: 0x{unit.hex()}")
        self.endpoint.open()
        self._say_hello()
        self._started = self._now()
        if self.options.deadline:
            self._exit_at = self.clock.now + self.options.deadline
        yield from self._main_loop()
        return self._finish()

    def _say_hello(self) -> None:
        options = self.options
        where = ""
        if options.device or options.strict_source:
            where = f"from {address_text(self.endpoint.source)} {options.device or ''}: "
        length = options.size + self.endpoint.options_length + 28
        whom = f"{options.target} ({address_text(self.endpoint.target)})"
        self.io.out.line(f"PING {whom} {where}{options.size}({length}) bytes of data.")

    # -- the loop ------------------------------------------------------------------------------------------

    def _main_loop(self) -> Generator[Request, Answer, None]:
        """Linux: ping/ping_common.c main_loop()"""
        options, tally = self.options, self.tally
        while not self._exiting:
            if options.count and tally.received + tally.errors >= options.count:
                return
            if options.deadline and tally.errors:
                return
            pause = self._send_due()
            while pause <= 0:
                pause = self._send_due()
            yield from self._listen(pause)

    def _send_due(self) -> int:
        """Send a probe if it is time; milliseconds to the next. Linux: ping/ping_common.c schedule_exit()"""
        options, tally = self.options, self.tally
        pause = self._pinger()
        all_sent = options.count and tally.transmitted >= options.count and not options.deadline
        if not all_sent or self._exit_at is not None:
            return pause
        if tally.received:
            linger = max(2 * tally.tmax, 1000 * self.interval, 1)
        else:
            linger = options.linger * 1000
        if linger:  # -W 0 waits for ever
            self._exit_at = self.clock.now + linger / 1_000_000
        return max(pause, linger // 1000)

    def _pinger(self) -> int:
        """Linux: ping/ping_common.c pinger()"""
        options, tally = self.options, self.tally
        if options.count and tally.transmitted >= options.count and not options.deadline:
            return 1000
        now = self._now()
        if self._last is None:
            self._tokens = self.interval * (options.preload - 1)
        else:
            saved = (now - self._last) // 1_000_000
            if not self.interval and saved < MIN_INTERVAL and tally.in_flight() >= options.preload:
                return MIN_INTERVAL - saved
            saved = min(saved + self._tokens, self.interval * options.preload)
            if saved < self.interval:
                return self.interval - saved
            self._tokens = saved - self.interval
        self._last = now
        if options.outstanding and tally.transmitted and not tally.is_answered(tally.transmitted):
            self.io.out.line(f"{self._stamp()}no answer yet for icmp_seq={tally.transmitted % 0x10000}")
        return self._send_probe()

    def _send_probe(self) -> int:
        options, tally = self.options, self.tally
        tally.about_to_send()
        payload = self.payload
        if self.timing:
            payload = self._timeval() + payload[TIMEVAL:]
        sequence = (tally.transmitted + 1) & 0xFFFF
        try:
            self.endpoint.send(sequence, payload)
        except NetError:
            # This version of ping says nothing of an error that did not reach its error queue.
            error = self.endpoint.sock.recv_error()
            if error is not None:
                self._take_error(error)
                if error.origin == ORIGIN_ICMP:  # of an earlier probe; this one is sent again soon
                    self._tokens += self.interval
                    return MIN_INTERVAL
            tally.sent()
            self._tokens = 0
            return max(self.interval, MIN_INTERVAL)
        tally.sent()
        if options.flood and not options.quiet:
            self.io.out.write(".")
        return self.interval - self._tokens

    def _listen(self, pause: int) -> Generator[Request, Answer, None]:
        """Take what comes until the next probe is due."""
        if not self.interval and self._arrived:
            yield from self._wait(Wait(None, self.clock.now + FLOOD_STEP))
        deadline: float | None = self.clock.now + pause / 1000
        if self._exit_at is not None:
            # A probe that is due at the very end is not sent: the alarm comes first.
            alarm_first = self.clock.now + pause / 1000 > self._exit_at - ALARM_FIRST
            deadline = self._exit_at if alarm_first else deadline
        elif self.options.count and self.tally.transmitted >= self.options.count:
            deadline = None
        if not self._arrived:
            yield from self._wait(Wait(self._has_arrived, deadline))
        self._drain()
        if self._exit_at is not None and self.clock.now >= self._exit_at:
            self._exiting = True

    def _wait(self, request: Wait) -> Generator[Request, Answer, None]:
        try:
            yield request
        except Interrupted as interrupted:
            if interrupted.signal == SIGINT:
                self._exiting = True
            elif interrupted.signal == SIGQUIT:
                self.io.err.line("\r" + self.tally.snapshot(timing=self.timing))
            else:
                raise

    def _heard(self) -> None:
        self._arrived = True

    def _has_arrived(self) -> bool:
        return self._arrived

    def _drain(self) -> None:
        while self._arrived:
            if (error := self.endpoint.sock.recv_error()) is not None:
                self._take_error(error)
            elif (received := self.endpoint.sock.recv()) is not None:
                self._take(received)
            else:
                self._arrived = False
                return
            if self.tally.in_flight() == 0:
                return

    # -- what comes back -----------------------------------------------------------------------------------

    def _take_error(self, error: SocketError) -> None:
        """Linux: ping/ping.c ping4_receive_error_msg()"""
        options, tally = self.options, self.tally
        if error.origin == ORIGIN_LOCAL:
            return self._take_local_error(error)
        sequence = self.endpoint.probe_in(error.quote)
        if sequence is None:
            return
        tally.acknowledge(sequence)
        tally.errors += 1
        if options.quiet:
            return
        if options.flood:
            return self.io.out.write("\bE")
        what = describe(error.type, error.code, error.info)
        self.io.out.line(f"{self._stamp()}From {address_text(error.offender)} icmp_seq={sequence} {what}")

    def _take_local_error(self, error: SocketError) -> None:
        if self.options.quiet:
            return
        self.tally.errors += 1
        if self.options.flood:
            return self.io.out.write("E")
        text = f"message too long, mtu={error.info}" if error.errno == EMSGSIZE else MESSAGES[error.errno]
        self.io.err.line(f"ping: local error: {text}")

    def _take(self, received: Received) -> None:
        """Linux: ping/ping.c ping4_parse_reply()"""
        room = self.options.size + RECEIVE_ROOM
        message = self.endpoint.message_in(received, room)
        if message is None:
            if self.options.verbose:
                text = f"packet too short ({len(received.data[:room])} bytes)"
                self.io.err.line(f"ping: {text} from {address_text(received.saddr)}")
            return
        type_, code, _, ident, sequence = icmp.HEADER.unpack_from(message)
        if type_ == icmp.ICMP_ECHOREPLY:
            if self.endpoint.is_ours(ident):
                self._take_reply(received, message, sequence)
        elif type_ in (icmp.ICMP_REDIRECT, ICMP_SOURCE_QUENCH):
            self._take_advice(received, message, type_, code)

    def _take_advice(self, received: Received, message: bytes, type_: int, code: int) -> None:
        """Redirects: not errors, so the error queue does not tell of them."""
        quote = message[icmp.HEADER_LENGTH :]
        sequence = self.endpoint.probe_in(quote)
        if sequence is None or self.options.quiet or self.options.flood:
            return
        where = f"{self._stamp()}From {address_text(received.saddr)}: icmp_seq={sequence} "
        broken = "" if verifies(message) else "(BAD CHECKSUM)"
        what = describe(type_, code, int.from_bytes(message[4:8], "big"))
        self.io.out.line(where + broken + what)
        if self.options.verbose:
            self.io.out.write(quoted_header(quote))

    def _take_reply(self, received: Received, message: bytes, sequence: int) -> None:
        """Linux: ping/ping_common.c gather_statistics()"""
        options, tally = self.options, self.tally
        tally.acknowledge(sequence)
        trip = 0
        if self.timing and len(message) >= icmp.HEADER_LENGTH + TIMEVAL:
            trip = max(self._micro(received.stamp) - self._sent_at(message), 0)
            tally.took(trip)
            if options.adaptive:
                self.interval = (tally.rtt // 8 + 500) // 1000
        is_repeated = tally.answered(sequence)
        if options.quiet:
            return
        if options.flood:
            return self.io.out.write("\b \b" + ("\a" if options.audible else ""))
        line = f"{self._stamp()}{len(message)} bytes from {address_text(received.saddr)}: icmp_seq={sequence}"
        if options.verbose and self.endpoint.ident is not None:
            line += f" ident={self.endpoint.ident}"
        line += f" ttl={received.ttl}"
        if len(message) < options.size + icmp.HEADER_LENGTH:
            return self.io.out.line(f"{line} (truncated)")
        if self.timing:
            line += f" time={milliseconds(trip)} ms"
        if is_repeated and (not self.endpoint.is_group or options.verbose):
            line += " (DUP!)"
        if not self.endpoint.is_group and received.saddr != self.endpoint.target:
            line += " (DIFFERENT ADDRESS!)"
        line += self._wrong_data(message) + ("\a" if options.audible else "")
        self.io.out.line(line + self.routes.text(self.endpoint.options_in(received)))

    def _wrong_data(self, message: bytes) -> str:
        """Whether the payload came back as it was; if not, where, and all of it."""
        came = message[icmp.HEADER_LENGTH : icmp.HEADER_LENGTH + self.options.size]
        for at in range(TIMEVAL, len(came)):
            if came[at] != self.payload[at]:
                break
        else:
            return ""
        text = f"\nwrong data byte #{at} should be 0x{self.payload[at]:x} but was 0x{came[at]:x}"
        for at in range(TIMEVAL, len(came)):
            text += (f"\n#{at}\t" if at % 32 == TIMEVAL else "") + f"{came[at]:x} "
        return text

    # -- clocks --------------------------------------------------------------------------------------------

    def _now(self) -> int:
        return round(self.clock.now * 1e9)

    def _micro(self, moment: float) -> int:
        """Calendar microseconds of a moment of the clock."""
        return round((self._epoch + moment) * 1e6)

    def _timeval(self) -> bytes:
        seconds, micro = divmod(self._micro(self.clock.now), 1_000_000)
        return seconds.to_bytes(8, "little", signed=True) + micro.to_bytes(8, "little")

    @staticmethod
    def _sent_at(message: bytes) -> int:
        at = icmp.HEADER_LENGTH
        seconds = int.from_bytes(message[at : at + 8], "little", signed=True)
        return seconds * 1_000_000 + int.from_bytes(message[at + 8 : at + TIMEVAL], "little", signed=True)

    def _stamp(self) -> str:
        if not self.options.print_time:
            return ""
        seconds, micro = divmod(self._micro(self.clock.now), 1_000_000)
        return f"[{seconds}.{micro:06d}] "

    # -- the end -------------------------------------------------------------------------------------------

    def _finish(self) -> int:
        """Linux: ping/ping_common.c finish()"""
        options, tally = self.options, self.tally
        elapsed = 0 if self._last is None else self._last - self._started
        spacing = None
        in_haste = not self.interval or options.flood or options.adaptive
        if in_haste and tally.received and tally.transmitted > 1:
            spacing = elapsed // 1000 // (tally.transmitted - 1)
        self.io.out.write(f"\n--- {options.target} ping statistics ---\n")
        self.io.out.line(tally.counts((elapsed + 500_000) // 1_000_000))
        self.io.out.line(tally.round_trips(timing=self.timing, spacing=spacing))
        too_few = options.deadline and tally.received < options.count
        return 1 if not tally.received or too_few else 0
