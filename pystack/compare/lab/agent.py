"""The process that lives inside a lab's namespaces and acts there for the lab.

`unshare` starts it as process 1 of a PID namespace and of a mount namespace; the network namespace it makes
itself, as often as it is asked to. The lab outside keeps its own namespaces: it sends requests over a socket
pair and gets file descriptors back (a TAP, a netlink socket, a packet socket), which work from anywhere.

When the socket hangs up, because the lab is done or was killed, this process ends, and being process 1 it
takes every process, mount, name and device of the lab with it: the kernel itself does the cleaning up.

It is run by path, not as a module, and imports nothing but the standard library, to start quickly.

A request and a reply are one datagram each: a JSON object, with file descriptors beside it. Replies come in
the order of the requests. `{"error": TEXT, "errno": N}` is the reply to what failed.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MESSAGE_LIMIT = 65536  # octets of one request; what may be longer travels as a file
FD_LIMIT = 8  # descriptors beside one request

CLONE_NEWNS = 0x00020000
CLONE_NEWNET = 0x40000000
MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MNT_DETACH = 0x2

SCRIPT_PATH = "/run/pystack/setup"  # what sh says before the line number of a fault
HISTORY_PATH = "/run/pystack/nstat"  # where nstat remembers: the machine's own begins long before a lab

TUNSETIFF = 0x400454CA
SIOCSIFHWADDR = 0x8924
ARPHRD_ETHER = 1

Request = dict[str, object]
Reply = tuple[Request, list[int]]

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    _check(_libc.unshare(flags), "unshare")


def setns(fd: int, kind: int = CLONE_NEWNET) -> None:
    _check(_libc.setns(fd, kind), "setns")


def mount(source: str, target: str, fstype: str, flags: int = 0, data: str = "") -> None:
    done = _libc.mount(
        source.encode(), target.encode(), fstype.encode(), ctypes.c_ulong(flags), data.encode() or None
    )
    _check(done, f"mount {target}")


@contextmanager
def inside(name: str) -> Iterator[None]:
    """Act in the namespace that `ip netns add NAME` made inside the lab; "" is the lab's own."""
    if not name:
        yield
        return
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        there = os.open(f"/run/netns/{name}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            setns(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            setns(home)
    finally:
        os.close(home)


def sysctl_path(key: str) -> str:
    """`net.ipv4.conf.eth0/1.forwarding` and `net/ipv4/...` both, as sysctl(8) reads them."""
    first = min((sep for sep in "./" if sep in key), key=key.index, default=".")
    if first == ".":
        key = key.translate(str.maketrans("./", "/."))
    return f"/proc/sys/{key}"


def write_sysctl(key: str, value: str) -> None:
    with open(sysctl_path(key), "w") as file:
        file.write(value)


def disable_ipv6() -> None:
    """Router solicitations and MLD reports come by themselves, seconds late: labs are quiet unless asked."""
    if os.path.exists("/proc/sys/net/ipv6"):
        for scope in ("all", "default"):
            write_sysctl(f"net.ipv6.conf.{scope}.disable_ipv6", "1")


class Restore:
    """A file that gets its old text back, and the locks that are held until then."""

    def __init__(self, fds: list[int], text: bytes) -> None:
        self.fds = fds  # the file, then what is only kept open
        self.text = text

    def run(self) -> None:
        os.pwrite(self.fds[0], self.text, 0)  # a sysctl takes nothing at another offset
        for fd in self.fds:
            os.close(fd)


class Agent:
    """Serves the requests of one lab, one method a request."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.pristine = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)  # before any mount of ours
        self.requests: dict[str, Callable[[Request, list[int]], Reply]] = {
            "namespace": self.namespace,
            "tap": self.tap,
            "socket": self.socket,
            "sysctl": self.sysctl,
            "spawn": self.spawn,
            "signal": self.signal,
            "restore": self.restore,
            "put_back": self.put_back,
        }
        self.ipv6 = True
        self.quiet: set[str] = set()  # named namespaces in which IPv6 is switched off already
        self.status: dict[int, int] = {}  # pid -> descriptor that is told how the process ended
        self.restores: dict[int, Restore] = {}
        self.last_token = 0

    # --- requests ---------------------------------------------------------------------------------------

    def namespace(self, request: Request, fds: list[int]) -> Reply:
        """A fresh network namespace, nothing of an earlier one left but what the lab still holds open."""
        self.kill_everyone()
        setns(self.pristine, CLONE_NEWNS)
        unshare(CLONE_NEWNET | CLONE_NEWNS)
        self.mount_private()
        self.ipv6 = bool(request["ipv6"])
        self.quiet.clear()
        if not self.ipv6:
            disable_ipv6()
        return {}, [os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)]

    def tap(self, request: Request, fds: list[int]) -> Reply:
        """A TAP of the given name and address (none: the kernel draws one), down."""
        name, flags = str(request["name"]).encode(), int(str(request["flags"]))
        address = bytes.fromhex(str(request["address"]))
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name, flags))
            if address:  # on a TAP's own descriptor the device is known, whatever the name in the request
                fcntl.ioctl(fd, SIOCSIFHWADDR, struct.pack("16sH6s16x", name, ARPHRD_ETHER, address))
        except OSError:
            os.close(fd)
            raise
        return {}, [fd]

    def socket(self, request: Request, fds: list[int]) -> Reply:
        with inside(str(request["netns"])):
            made = socket.socket(
                int(str(request["family"])), int(str(request["type"])), int(str(request["protocol"]))
            )
        return {}, [made.detach()]

    def sysctl(self, request: Request, fds: list[int]) -> Reply:
        key, value = str(request["key"]), request["value"]
        with inside(str(request["netns"])):
            if value is not None:
                write_sysctl(key, str(value))
            with open(sysctl_path(key)) as file:
                return {"value": file.read().rstrip("\n")}, []

    def spawn(self, request: Request, fds: list[int]) -> Reply:
        """Start a command on descriptors [stdin, stdout, stderr, status, script?] and go on.

        Its exit code is written into `status` as a decimal number. A script becomes the file SCRIPT_PATH.
        """
        if len(fds) > 4:
            copy_to_file(fds[4], SCRIPT_PATH)
        status = os.dup(fds[3])
        actions = [(os.POSIX_SPAWN_DUP2, fd, target) for target, fd in enumerate(fds[:3])]
        argv = [str(word) for word in as_list(request["argv"])]
        env = {str(key): str(value) for key, value in as_dict(request["env"]).items()}
        os.chdir(str(request["cwd"]))
        try:
            pid = os.posix_spawnp(
                argv[0],
                argv,
                env,
                file_actions=actions,
                setsid=True,
                setsigmask=[],
                setsigdef=[signal.SIGINT, signal.SIGPIPE],
            )
        except OSError:
            os.close(status)
            raise
        self.status[pid] = status
        return {"pid": pid}, []

    def signal(self, request: Request, fds: list[int]) -> Reply:
        """Signal a command that `spawn` started, with all that it started; one that has ended is no error."""
        pid = int(str(request["pid"]))
        try:
            os.killpg(pid, int(str(request["signal"])))
        except ProcessLookupError:
            pass
        return {}, []

    def restore(self, request: Request, fds: list[int]) -> Reply:
        """Keep [file, lock…] until `put_back`, or until the lab ends in whatever way: then write the text.

        So a value that belongs to the whole machine is put back even if the lab is killed.
        """
        self.last_token += 1
        self.restores[self.last_token] = Restore(list(fds), str(request["text"]).encode())
        fds.clear()
        return {"token": self.last_token}, []

    def put_back(self, request: Request, fds: list[int]) -> Reply:
        self.restores.pop(int(str(request["token"]))).run()
        return {}, []

    # --- namespaces -------------------------------------------------------------------------------------

    def mount_private(self) -> None:
        """/sys of this network namespace, /run of our own, and no sysctl of the machine within reach.

        `ip netns add` leaves its names in /run/netns and iptables its lock in /run: with a /run of our own
        two labs never meet. /proc/sys outside of net belongs to the whole machine: read-only here.
        """
        _libc.umount2(b"/sys", MNT_DETACH)
        mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC)
        mount("lab", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
        for folder in ("/run/netns", "/run/lock", "/run/pystack"):
            os.mkdir(folder)
        mount("/proc/sys", "/proc/sys", "", MS_BIND)
        mount("/proc/sys/net", "/proc/sys/net", "", MS_BIND)
        mount("", "/proc/sys", "", MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)

    def quieten_new_namespaces(self) -> None:
        """What the commands named with `ip netns add` gets the lab's choice about IPv6 too."""
        if self.ipv6:
            return
        for name in set(os.listdir("/run/netns")) - self.quiet:
            with inside(name):
                disable_ipv6()
            self.quiet.add(name)

    # --- processes --------------------------------------------------------------------------------------

    def reap(self) -> None:
        """Tell the lab about each command that ended; orphans come to process 1 too and are just buried."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            told = self.status.pop(pid, -1)
            if told >= 0:
                self.quieten_after_command()
                tell(told, status)

    def quieten_after_command(self) -> None:
        try:
            self.quieten_new_namespaces()
        except OSError:
            pass  # a name that is just being made or removed; the next command sees it again

    def kill_everyone(self) -> None:
        """From process 1 of a PID namespace, -1 means all the others in it."""
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            return
        while self.status:
            pid, status = os.waitpid(-1, 0)
            told = self.status.pop(pid, -1)
            if told >= 0:
                tell(told, status)

    # --- the loop ---------------------------------------------------------------------------------------

    def serve(self) -> None:
        """Answer requests until the lab hangs up."""
        wake_read, wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake_write)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        poll.register(wake_read, select.POLLIN)
        while True:
            ready = {fd for fd, _ in poll.poll()}
            if wake_read in ready:
                drain(wake_read)
                self.reap()
            if self.control.fileno() in ready and not self.serve_one():
                return

    def serve_one(self) -> bool:
        text, fds, _, _ = socket.recv_fds(self.control, MESSAGE_LIMIT, FD_LIMIT, socket.MSG_CMSG_CLOEXEC)
        if not text:
            return False
        sent: list[int] = []
        try:
            request = as_dict(json.loads(text))
            reply, sent = self.requests[str(request["op"])](request, fds)
        except OSError as error:
            reply = {"error": error.strerror or str(error), "errno": error.errno or 0}
        finally:
            for fd in fds:
                os.close(fd)
        try:
            socket.send_fds(self.control, [json.dumps(reply).encode()], sent)
        except BrokenPipeError:
            return False
        finally:
            for fd in sent:
                os.close(fd)
        return True


def as_dict(value: object) -> Request:
    if not isinstance(value, dict):
        raise OSError(0, "not a JSON object")
    return value


def as_list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise OSError(0, "not a JSON array")
    return value


def tell(fd: int, status: int) -> None:
    """The exit code as a shell has it in $?: 128 and the signal's number for what a signal ended."""
    code = os.waitstatus_to_exitcode(status)
    os.write(fd, b"%d" % (code if code >= 0 else 128 - code))
    os.close(fd)


def copy_to_file(fd: int, path: str) -> None:
    with open(fd, "rb", closefd=False) as source, open(path, "wb") as target:
        target.write(source.read())


def drain(fd: int) -> None:
    try:
        while os.read(fd, 4096):
            pass
    except BlockingIOError:
        pass


def main() -> None:
    agent = Agent(socket.socket(fileno=int(sys.argv[1])))
    agent.control.set_inheritable(False)
    try:
        agent.serve()
    finally:
        for restore in agent.restores.values():
            restore.run()


if __name__ == "__main__":
    main()
