"""A few pages over HTTP/1.1 (RFC 9112), enough for a browser or curl, and no more.

A request has a head of bounded length and no body; what is otherwise is answered with an error and ends the
conversation. Pages are made when they are asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from pystack.clock import Clock
from pystack.netfilter.civil import moment
from pystack.services.civil_names import DAYS, MONTHS

PORT: Final = 80
LONGEST_HEAD: Final = 8192  # octets; a client that says more is not understood
MOST_REQUESTS: Final = 100  # of a connection

_END: Final = re.compile(rb"\r?\n\r?\n")
_REQUEST: Final = re.compile(rb"([A-Z]{1,20}) (/[!-~]*|https?://[!-~]+|\*) HTTP/1\.([01])")
_FIELD: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t -~\x80-\xff]*)")
_ORIGIN: Final = re.compile(rb"https?://[^/?]*")
_REASONS: Final = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    431: "Request Header Fields Too Large",
}


class Page(NamedTuple):
    """What is found under a path."""

    type: str
    make: Callable[[], str]


class _Wrong(Exception):
    """A request that is none, or more than we can do: the status that says so."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _Request(NamedTuple):
    method: bytes
    path: bytes
    stays: bool  # the client wants to ask more over this connection


class HttpConversation:
    """One client."""

    greeting = b""

    def __init__(self, pages: Mapping[str, Page], clock: Clock) -> None:
        self.is_over = False
        self._pages = pages
        self._clock = clock
        self._heard = b""
        self._left = MOST_REQUESTS

    def hear(self, data: bytes) -> bytes | None:
        """The responses to all requests that are complete, in their order."""
        self._heard += data
        said = []
        while not self.is_over and (response := self._next()) is not None:
            said.append(response)
        return b"".join(said) if said else None

    def _next(self) -> bytes | None:
        self._heard = self._heard.lstrip(b"\r\n")  # RFC 9112 2.2: some clients end a body with one too many
        end = _END.search(self._heard)
        if end is None and len(self._heard) <= LONGEST_HEAD:
            return None
        try:
            if end is None or end.start() > LONGEST_HEAD:
                raise _Wrong(431)
            head, self._heard = self._heard[: end.start()], self._heard[end.end() :]
            return self._answer(_read(head))
        except _Wrong as wrong:
            self.is_over = True
            return self._response(wrong.status, "text/plain", _REASONS[wrong.status] + "\n", stays=False)

    def _answer(self, request: _Request) -> bytes:
        self._left -= 1
        stays = request.stays and self._left > 0
        self.is_over = not stays
        bare = request.method == b"HEAD"
        if request.method not in (b"GET", b"HEAD"):
            return self._response(405, "text/plain", "Method Not Allowed\n", stays=stays)
        page = self._pages.get(request.path.partition(b"?")[0].decode("ascii"))
        if page is None:
            return self._response(404, "text/plain", "Not Found\n", stays=stays, bare=bare)
        return self._response(200, page.type, page.make(), stays=stays, bare=bare)

    def _response(self, status: int, kind: str, text: str, *, stays: bool, bare: bool = False) -> bytes:
        body = text.encode(errors="replace")
        lines = [
            f"HTTP/1.1 {status} {_REASONS[status]}",
            f"Date: {self._date()}",
            f"Content-Type: {kind}; charset=utf-8",
            f"Content-Length: {len(body)}",
            "Cache-Control: no-store",
            *(["Allow: GET, HEAD"] if status == 405 else []),
            *([] if stays else ["Connection: close"]),
        ]
        return "\r\n".join([*lines, "", ""]).encode() + (b"" if bare else body)

    def _date(self) -> str:
        now = moment(int(self._clock.wall))
        day = f"{DAYS[now.weekday]}, {now.day:02} {MONTHS[now.month - 1]} {now.year}"
        return f"{day} {now.hour:02}:{now.minute:02}:{now.second:02} GMT"


def _read(head: bytes) -> _Request:
    """RFC 9112 3, 5, 6.1, 9.3"""
    first, *rest = head.split(b"\n")
    found = _REQUEST.fullmatch(first.rstrip(b"\r"))
    if found is None:
        raise _Wrong(400)
    method, target, minor = found.groups()
    fields: dict[bytes, bytes] = {}
    for line in rest:
        field = _FIELD.fullmatch(line.rstrip(b"\r"))
        if field is None:
            raise _Wrong(400)
        name = field[1].lower()
        if name == b"host" and name in fields:
            raise _Wrong(400)
        fields[name] = field[2].strip().lower()
    if minor == b"1" and b"host" not in fields:
        raise _Wrong(400)
    if b"transfer-encoding" in fields or fields.get(b"content-length", b"0") != b"0":
        raise _Wrong(413)
    wishes = {wish.strip() for wish in fields.get(b"connection", b"").split(b",")}
    stays = b"close" not in wishes if minor == b"1" else False
    return _Request(method, _ORIGIN.sub(b"", target, count=1) or b"/", stays)
