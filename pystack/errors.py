"""What a refused change of configuration raises; never used for packets."""

from __future__ import annotations

from typing import Final

# Linux's numbers, spelled out because the core imports nothing of the system it runs on.
EPERM: Final = 1
ENOENT: Final = 2
ESRCH: Final = 3
ENXIO: Final = 6
E2BIG: Final = 7
EAGAIN: Final = 11
ENOMEM: Final = 12
EACCES: Final = 13
EBUSY: Final = 16
EEXIST: Final = 17
ENODEV: Final = 19
ENOTDIR: Final = 20
EXDEV: Final = 18
EINVAL: Final = 22
EDOM: Final = 33
ERANGE: Final = 34
ENOTEMPTY: Final = 39
ELOOP: Final = 40
ENFILE: Final = 23
EMFILE: Final = 24
EXFULL: Final = 54
EPROTO: Final = 71
EREMOTEIO: Final = 121
EOVERFLOW: Final = 75
ENONET: Final = 64
EMSGSIZE: Final = 90
EOPNOTSUPP: Final = 95
EADDRINUSE: Final = 98
EADDRNOTAVAIL: Final = 99
EPROTONOSUPPORT: Final = 93
ENETDOWN: Final = 100
ENETUNREACH: Final = 101
ENOBUFS: Final = 105
EISCONN: Final = 106
ENOTCONN: Final = 107
ECONNABORTED: Final = 103
ECONNRESET: Final = 104
ETIMEDOUT: Final = 110
ECONNREFUSED: Final = 111
EALREADY: Final = 114
EINPROGRESS: Final = 115
EHOSTDOWN: Final = 112
EHOSTUNREACH: Final = 113
EDESTADDRREQ: Final = 89
ENOPROTOOPT: Final = 92
EROFS: Final = 30
EMLINK: Final = 31
EPIPE: Final = 32

# As the C library words them.
MESSAGES: Final[dict[int, str]] = {
    EPERM: "Operation not permitted",
    ENOENT: "No such file or directory",
    ESRCH: "No such process",
    ENXIO: "No such device or address",
    E2BIG: "Argument list too long",
    EAGAIN: "Resource temporarily unavailable",
    ENOMEM: "Cannot allocate memory",
    EACCES: "Permission denied",
    EBUSY: "Device or resource busy",
    ENFILE: "Too many open files in system",
    EMFILE: "Too many open files",
    EEXIST: "File exists",
    ENODEV: "No such device",
    ENOTDIR: "Not a directory",
    EXDEV: "Invalid cross-device link",
    EINVAL: "Invalid argument",
    EDOM: "Numerical argument out of domain",
    ERANGE: "Numerical result out of range",
    ENOTEMPTY: "Directory not empty",
    ELOOP: "Too many levels of symbolic links",
    EXFULL: "Exchange full",
    EPROTO: "Protocol error",
    EREMOTEIO: "Remote I/O error",
    EOVERFLOW: "Value too large for defined data type",
    ENONET: "Machine is not on the network",
    EMSGSIZE: "Message too long",
    EOPNOTSUPP: "Operation not supported",
    EADDRINUSE: "Address already in use",
    EADDRNOTAVAIL: "Cannot assign requested address",
    EPROTONOSUPPORT: "Protocol not supported",
    ENETDOWN: "Network is down",
    ENETUNREACH: "Network is unreachable",
    ENOBUFS: "No buffer space available",
    EISCONN: "Transport endpoint is already connected",
    ENOTCONN: "Transport endpoint is not connected",
    ECONNABORTED: "Software caused connection abort",
    ECONNRESET: "Connection reset by peer",
    ETIMEDOUT: "Connection timed out",
    ECONNREFUSED: "Connection refused",
    EALREADY: "Operation already in progress",
    EINPROGRESS: "Operation now in progress",
    EHOSTDOWN: "Host is down",
    EHOSTUNREACH: "No route to host",
    EDESTADDRREQ: "Destination address required",
    ENOPROTOOPT: "Protocol not available",
    EROFS: "Read-only file system",
    EMLINK: "Too many links",
    EPIPE: "Broken pipe",
}


def strerror(number: int) -> str:
    """What the C library says of an errno."""
    return MESSAGES.get(number, f"Unknown error {number}")


class NetError(Exception):
    """The kernel's answer to a request it refuses: an errno and, at times, a sentence (netlink's extack)."""

    def __init__(self, number: int, extack: str | None = None) -> None:
        super().__init__(strerror(number))
        self.number = number
        self.extack = extack

    @property
    def text(self) -> str:
        """strerror()"""
        return str(self)


class NotModelled(Exception):
    """Linux would accept this, pystack has no model of it: refused by name, with what is known instead."""

    def __init__(self, name: str, known: tuple[str, ...] = ()) -> None:
        self.name = name
        self.known = known
        hint = f" (known: {', '.join(known)})" if known else ""
        super().__init__(f"{name} is not modelled{hint}")
