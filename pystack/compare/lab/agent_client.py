"""The lab's end of the line to its agent: starts the process, sends requests, takes descriptors."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pystack.compare.lab.errors import LabBroken, LabUnavailable

AGENT = Path(__file__).with_name("agent.py")
UNSHARE = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
REPLY_LIMIT = 65536
FD_LIMIT = 8
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def check_machine() -> None:
    """Say in one sentence why no lab can be made here, if that is so."""
    if os.geteuid() != 0:
        raise LabUnavailable("a kernel lab needs root: it makes network namespaces and TAP devices")
    if not os.path.exists("/dev/net/tun"):
        raise LabUnavailable("a kernel lab needs /dev/net/tun: this kernel has no TAP devices here")
    for tool, package in (("unshare", "util-linux"), ("ip", "iproute2")):
        if shutil.which(tool, path=SYSTEM_PATH) is None:
            raise LabUnavailable(f"a kernel lab needs the command `{tool}` (Debian package {package})")


class AgentClient:
    """One running agent. Closing it ends the agent and everything that lives in its namespaces."""

    def __init__(self) -> None:
        check_machine()
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.complaints = os.memfd_create("complaints")
        with theirs:
            self.process = subprocess.Popen(
                [*UNSHARE, sys.executable, "-I", "-S", str(AGENT), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=self.complaints,
                stderr=self.complaints,
                pass_fds=[theirs.fileno()],
                env={"PATH": SYSTEM_PATH},
                start_new_session=True,  # Ctrl-C is for us; the agent ends when we hang up
            )

    def request(
        self, op: str, fds: Sequence[int] = (), **fields: object
    ) -> tuple[dict[str, object], list[int]]:
        """Ask the agent for something; what it cannot do raises the OSError that it met."""
        try:
            socket.send_fds(self.control, [json.dumps({"op": op, **fields}).encode()], list(fds))
            text, got, _, _ = socket.recv_fds(self.control, REPLY_LIMIT, FD_LIMIT, socket.MSG_CMSG_CLOEXEC)
        except OSError as error:
            raise LabBroken(f"the lab's process is gone: {error}{self.last_words()}") from error
        if not text:
            raise LabBroken(f"the lab's process has ended{self.last_words()}")
        reply: dict[str, object] = json.loads(text)
        if "error" in reply:
            raise OSError(reply["errno"], str(reply["error"]))
        return reply, got

    def last_words(self) -> str:
        text = os.pread(self.complaints, REPLY_LIMIT, 0).decode(errors="replace").strip()
        return f": {text}" if text else ""

    def close(self) -> None:
        """Hang up and wait until the kernel has ended the last process of the lab."""
        self.control.close()
        self.process.wait()
        os.close(self.complaints)
