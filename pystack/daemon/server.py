"""The daemon from its first to its last moment.

    configuration -> stack in memory -> keeper claims the name -> ports -> control socket -> rights dropped
    -> READY -> pump, control socket, signals, pulse, in one nursery -> everything taken back

Until READY nothing is waited for, and whatever fails ends the start with one line and its exit code.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from typing import TYPE_CHECKING, Final

import trio

from pystack.applets.running_difference import lost_lines
from pystack.applets.running_setup import setup_lines
from pystack.daemon import places
from pystack.daemon.account import Account, NotAllowed, user_name
from pystack.daemon.command import Command
from pystack.daemon.config import ConfigError
from pystack.daemon.connection import Connection
from pystack.daemon.control import ControlServer
from pystack.daemon.explaining import explained, tell
from pystack.daemon.hooks_section import HooksFailed
from pystack.daemon.json_output import as_json, json_refusal
from pystack.daemon.keeper import PULSE, Terms
from pystack.daemon.keeper_link import KeeperGone, KeeperLink, KeeperRefused, take_back
from pystack.daemon.kernel_lines import say_kernel_line
from pystack.daemon.log import Log
from pystack.daemon.log_handler import log_through
from pystack.daemon.notify import ServiceManager
from pystack.daemon.ports import KeeperOpener, load_all_drivers
from pystack.daemon.program import Program
from pystack.daemon.protocol import ERR, RC, Request, encode
from pystack.daemon.reload import replace, successor
from pystack.daemon.settings import LAB, Config, HookSettings
from pystack.daemon.stack import PortFailed, Stack, build, load
from pystack.daemon.state_file import INTERVAL, StateFile
from pystack.daemon.status import Facts, process_age, resident, stack_facts
from pystack.daemon.sweeper import Sweeper
from pystack.daemon.verbs import Verbs
from pystack.drivers.garbage import gc_discipline
from pystack.drivers.heap import keep_heap

if TYPE_CHECKING:
    from pystack.daemon.kernel_hooks import KernelHooks

FAILED: Final = 1
USAGE: Final = 2
LACKING: Final = 4
INTERRUPTED: Final = 130

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

logger = logging.getLogger("pystack")


class StartFailed(Exception):
    """The daemon cannot start: the lines for the user, and the exit code."""

    def __init__(self, lines: list[str], rc: int) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
        self.rc = rc


class Daemon:
    """One running stack and what surrounds it."""

    def __init__(
        self, link: KeeperLink, terms: Terms, manager: ServiceManager, socket_path: str = ""
    ) -> None:
        self.link = link
        self.terms = terms
        self.manager = manager
        self.rc = 0
        self.reloads = 0
        self.stack: Stack
        self.opener: KeeperOpener
        self.socket = ""
        self.hooks: KernelHooks | None = None
        self.state = StateFile(terms.state) if terms.state else None
        self.control = ControlServer(self.serve_command, Verbs(self).table())
        self._socket_asked_for = socket_path  # by -S
        self._heard: list[int] = []  # signals that came before or after we listened to them
        self._stopping = trio.Event()
        self._reloading = trio.Lock()
        self._waiting_for_the_end: list[socket.socket] = []
        self._nursery: trio.Nursery
        self._era = trio.CancelScope()  # the life of this stack: its pump, and the commands that run in it

    # --- start ------------------------------------------------------------------------------------------

    def start(self) -> socket.socket:
        """Everything up to READY; the listening control socket. Raises StartFailed."""
        try:
            config = self.load()
            if config.hooks is not None:
                self.claim(config)
                self.enter_kernel(config.hooks)
            self.stack = build(config)
            if self.state is not None:
                self.state.load(self.stack.host, time.time())
            account = Account.of(self.config.daemon)
            self.opener = KeeperOpener(self.link, account)
            self.claim(config)
            if self.hooks is not None:
                self.hooks.start(self.stack)
            self.stack.open_ports(self.opener)
            try:
                _, [fd] = self.link.call("control", socket=self.socket, uid=account.uid, gid=account.gid)
            except KeeperRefused:
                self.stack.close()
                raise
            if account.user:
                load_all_drivers()
                account.become()
            return socket.socket(fileno=fd)
        except ConfigError as error:
            raise StartFailed(error.complaints, USAGE) from None
        except KeeperRefused as refused:
            raise StartFailed([refused.sentence], refused.rc) from None
        except PortFailed as error:
            raise StartFailed([str(error)], error.rc) from None
        except (NotAllowed, KeeperGone, places.NoPlace, HooksFailed) as error:
            raise StartFailed([str(error)], LACKING) from None
        except FileNotFoundError:  # abspath()
            raise StartFailed(["the folder that we were started in is gone"], LACKING) from None

    def claim(self, config: Config) -> None:
        """Have the place of that name, unless we have it already. Raises KeeperRefused, NoPlace."""
        if not self.socket:
            self.socket = os.path.abspath(self.socket_path(config))
            self.link.call("claim", socket=self.socket)

    def enter_kernel(self, hooks: HookSettings) -> None:
        """Before the stack reads what it judges by. Raises HooksFailed, KeeperRefused, KeeperGone."""
        from pystack.daemon.kernel_hooks import KernelHooks  # few daemons need it

        self.hooks = KernelHooks(hooks)
        self.hooks.enter(lambda: self.link.call("hooks", netns=hooks.netns))

    @property
    def config(self) -> Config:
        """Of the stack that runs."""
        return self.stack.config

    def load(self) -> Config:
        """The configuration as it stands in its files now. Raises ConfigError."""
        self.link.call("config")
        path = self.terms.config
        return load(path, self.link.read_text, self.terms.allow_system_changes) if path else LAB

    @property
    def ledger(self) -> str:
        """Where the keeper notes what it makes."""
        return places.state_of(self.socket)

    def socket_path(self, config: Config) -> str:
        """Where this daemon is spoken to."""
        given = self._socket_asked_for or config.daemon.socket or os.environ.get(places.SOCKET_VARIABLE)
        return given or places.socket_of(config.name, os.environ, os.geteuid())

    # --- run --------------------------------------------------------------------------------------------

    async def run(self, listener: socket.socket) -> None:
        """Serve until told to stop, or the keeper is gone."""
        listener.setblocking(False)
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            await nursery.start(self.watch_signals)  # READY invites them
            nursery.start_soon(self.pump, self.stack, self._era)
            nursery.start_soon(self.watch_keeper)
            nursery.start_soon(self.beat)
            nursery.start_soon(self.keep_state)
            if self.hooks is not None:
                nursery.start_soon(self.hooks.run, lambda: self.stack)
            nursery.start_soon(
                self.control.serve, trio.SocketListener(trio.socket.from_stdlib_socket(listener))
            )
            gc_discipline()
            keep_heap()
            self.say_ready(f"ready {process_age():.2f} s after its start; socket {self.socket}")
            await self._stopping.wait()
            self.manager.stopping()
            nursery.cancel_scope.cancel()

    async def pump(self, stack: Stack, era: trio.CancelScope) -> None:
        """Move a stack's frames until its era ends."""
        stop = stack.host.events.read_log(say_kernel_line)
        with era:
            await stack.pump.run()
        stop()

    def say_ready(self, how: str) -> None:
        """To the log and to the service manager."""
        ports = ", ".join(port.name for port in self.config.ports) or "none"
        logger.info("%s: %s; ports: %s", self.config.name, how, ports)
        self.manager.ready(f"{self.config.name}, ports: {ports}")

    def stop(self, why: str, waiting: socket.socket | None = None, rc: int = 0) -> None:
        """End soon, and cleanly; `waiting` is told when nothing is left."""
        if waiting is not None:
            self._waiting_for_the_end.append(waiting)
        if not self._stopping.is_set():
            logger.info("%s: ending: %s", self.config.name, why)
            self.rc = rc
            self._stopping.set()

    async def watch_signals(self, task_status: trio.TaskStatus[None]) -> None:
        """SIGINT and SIGTERM end, SIGHUP reloads."""
        with trio.open_signal_receiver(*SIGNALS) as signals:
            task_status.started()
            for number in self._heard:
                self.heed(number)
            async for number in signals:
                self.heed(number)

    def heed(self, number: int) -> None:
        """Do what a signal wants; a reload that is still to begin will see all that changed until then."""
        if number != signal.SIGHUP:
            self.stop(signal.Signals(number).name)
        elif not self._reloading.statistics().tasks_waiting:
            self._nursery.start_soon(self.reload_by_signal)

    def note_signals(self) -> None:
        """From now on no signal ends us halfway: neither before trio listens nor while it ends."""
        for number in SIGNALS:
            signal.signal(number, lambda number, _: self._heard.append(number))

    async def watch_keeper(self) -> None:
        """Without a keeper nobody would clean up after us, so we end too, and do what of it we may."""
        await trio.lowlevel.wait_readable(self.link.pulse)
        self.stop("the keeper is gone, and nothing would be taken back after us", rc=FAILED)

    async def beat(self) -> None:
        """Show the keeper and the service manager that the loop turns, and sweep up."""
        sweeper = Sweeper()
        pause = min(PULSE, (self.manager.watchdog or PULSE * 2) / 2)
        while True:
            self.link.beat()
            self.manager.alive()
            sweeper.sweep_if_due(self.control.served + self.reloads)
            await trio.sleep(pause)

    async def keep_state(self) -> None:
        """Write down flows now and then, in case that we are killed."""
        while self.state is not None:
            await trio.sleep(INTERVAL)
            await self.state.save_bit_by_bit(self.stack.host)

    async def serve_command(self, client: Connection, request: Request) -> int:
        """An applet, or an explanation, in the namespace that was asked for."""
        explains = request.argv[0] == "explain"
        if request.json and not explains:
            if (asked := as_json(request.argv)) is None:
                return await say(client, json_refusal(request.argv[0]), USAGE)
            request = request._replace(argv=asked)
        netns = self.stack.host.namespaces.get(request.ns)
        if netns is None:
            known = ", ".join(sorted(self.stack.host.namespaces)[1:]) or "none but the first"
            return await say(client, f"there is no namespace {request.ns} (known: {known})", FAILED)
        if explains:
            args = [*request.argv[1:], *(["--json"] if request.json else [])]
            return await tell(client, await explained(args, self.stack.host, netns))
        with trio.CancelScope() as scope, self.stack.lasting(scope):
            if request.argv == ["exec"]:
                return await Program(client, self.stack.pump, netns).run()
            return await Command(client, self.stack.pump, self.stack.waiting).run(request, netns)
        return await say(client, "a reload replaced the stack in which this ran", FAILED)

    # --- verbs ------------------------------------------------------------------------------------------

    async def facts(self) -> Facts:
        """How the daemon is."""
        return {
            "name": self.config.name,
            "config": self.config.file,
            "socket": self.socket,
            "pid": os.getpid(),
            "keeper": self.link.pid,
            "user": user_name(),
            "uptime": round(process_age(), 2),
            "clients": self.control.clients,
            "memory": {"daemon": resident("self"), "keeper": resident(self.link.pid)},
            **stack_facts(self.stack),
            "hooks": None if self.hooks is None else await self.hooks.facts(),
        }

    def setup(self) -> list[str]:
        """The running state as a setup."""
        lines = setup_lines(self.stack.host, self.stack.devices)
        return lines if self.stack.copy is None else self.stack.copy.beyond(lines)

    async def lost_by_reload(self) -> list[str]:
        """What was typed and stands in no file, and what a reload brings. Raises ConfigError, HooksFailed."""
        async with self._reloading:
            files = await trio.to_thread.run_sync(self.load)
            fresh = await trio.to_thread.run_sync(successor, files, self.stack)
        running = self.stack.host, self.stack.devices
        return lost_lines(running, (fresh.host, fresh.devices))

    async def reload(self) -> None:
        """Take in the configuration as it is now. Raises ConfigError, PortFailed, HooksFailed: then nothing
        changed.
        """
        async with self._reloading:
            self.manager.reloading()
            try:
                config = await trio.to_thread.run_sync(self.load)
                new = await trio.to_thread.run_sync(successor, config, self.stack)
                if self.hooks is not None:
                    await self.hooks.look()
                replace(new, self.stack, self.opener)
            except Exception:
                self.say_ready("goes on as it was")
                raise
            self.stack.end_commands()
            self._era.cancel()
            self.stack, self._era = new, trio.CancelScope()
            if self.hooks is not None:
                self.hooks.use(new)
            self._nursery.start_soon(self.pump, self.stack, self._era)
            self.reloads += 1
            self.say_ready("reloaded")

    async def reload_by_signal(self) -> None:
        """SIGHUP: complaints go to the log."""
        try:
            await self.reload()
        except ConfigError as error:
            for line in error.complaints:
                logger.error("%s", line)
        except (PortFailed, KeeperGone, HooksFailed) as error:
            logger.error("%s", error)
        except Exception:
            logger.exception("a fault of ours in a reload")

    # --- end --------------------------------------------------------------------------------------------

    def leave_kernel(self) -> None:
        """Take the shims out."""
        if self.hooks is not None:
            self.hooks.stop()

    def finish(self) -> int:
        """Close everything and have it taken back; the exit code."""
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        self.leave_kernel()
        if self.state is not None:
            self.state.save(self.stack.host)
        self.stack.close()
        take_back(self.link, self.ledger)
        for client in self._waiting_for_the_end:
            client.setblocking(False)
            try:
                client.send(encode(RC, bytes([self.rc])))
            except OSError:
                pass
        return self.rc


async def say(client: Connection, sentence: str, rc: int) -> int:
    """One line on the client's standard error, and an exit code."""
    await client.send(ERR, f"pystack: {sentence}\n".encode(errors="surrogateescape"))
    return rc


def run(link: KeeperLink, terms: Terms, socket_path: str = "") -> int:
    """Start, run, end; the exit code of `pystack run`."""
    log = Log()
    log_through(log)
    daemon = Daemon(link, terms, ServiceManager(os.environ), socket_path)
    try:
        listener = daemon.start()
    except StartFailed as failed:
        for line in failed.lines:
            log.error(line)
        daemon.leave_kernel()
        take_back(link, daemon.ledger)
        return failed.rc
    except KeyboardInterrupt:
        daemon.leave_kernel()
        take_back(link, daemon.ledger)
        return INTERRUPTED
    daemon.note_signals()
    trio.run(daemon.run, listener)
    return daemon.finish()
