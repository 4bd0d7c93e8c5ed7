"""The kernel's half of an uplink: behind its TAP the kernel routes, and hides who stands behind pystack.

    VMs -- pystack -- TAP -- the kernel: forwarding, MASQUERADE -- the world

Address and routes go with the TAP. What stays (the rules of iptables, forwarding) is told beforehand, so that
it can be written down before it is done, and taken back by whoever is left.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import Final

from pystack.drivers import kernel_link
from pystack.drivers.kernel_link import Change
from pystack.drivers.kernel_netns import in_netns
from pystack.drivers.unavailable import PortUnavailable

FORWARD: Final = "net/ipv4/ip_forward"
# What the kernel changes with it, and does not put back. Linux: net/ipv4/devinet.c inet_forward_change()
REDIRECTS: Final = "net/ipv4/conf/all/accept_redirects"
DEVICES: Final = "/proc/sys/net/ipv4/conf"
SBIN: Final = "/usr/sbin:/sbin"

Rule = tuple[str, str, list[str]]  # the table of iptables, the chain, what the rule says


@dataclass(frozen=True, slots=True)
class Uplink:
    """The TAP, what the kernel calls itself there, and what is behind."""

    ifname: str
    netns: str
    address: str  # the kernel's own on the TAP, with its prefix length
    gateway: str  # pystack's
    networks: tuple[str, ...]

    def rules(self) -> list[Rule]:
        """What iptables is to do, each tagged with the name of the TAP."""
        tag = ["-m", "comment", "--comment", f"pystack {self.ifname}"]
        answers = ["-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"]
        found: list[Rule] = [
            ("filter", "FORWARD", ["-o", self.ifname, *answers, *tag, "-j", "ACCEPT"]),
            ("filter", "FORWARD", ["-i", self.ifname, *tag, "-j", "ACCEPT"]),
        ]
        for network in (self.address, *self.networks):
            words = ["-s", network, "!", "-o", self.ifname, *tag, "-j", "MASQUERADE"]
            found.append(("nat", "POSTROUTING", words))
        return found

    def changes(self) -> list[Change]:
        """The sysctls that will change, those first that the last one takes along."""
        return in_netns(self.netns, _forwarding_before)

    def make(self) -> None:
        """Give the TAP its address, and let the kernel forward and hide. Raises PortUnavailable."""
        in_netns(self.netns, self._make)

    def _make(self) -> None:
        _run("ip", "address", "add", self.address, "dev", self.ifname)
        for network in self.networks:
            _run("ip", "route", "add", network, "via", self.gateway, "dev", self.ifname)
        for table, chain, words in self.rules():
            _run("iptables", "-w", "-t", table, "-I", chain, *words)
        kernel_link.set_sysctl("", FORWARD, "1")


def remove_rule(netns: str, rule: Rule) -> list[str]:
    """Take a rule back; a sentence if that failed. One that is gone, or was never made, is no failure."""
    table, chain, words = rule

    def remove() -> None:
        if _done("iptables", "-w", "-t", table, "-C", chain, *words).returncode == 0:
            _run("iptables", "-w", "-t", table, "-D", chain, *words)

    try:
        in_netns(netns, remove)
    except PortUnavailable as error:
        return [] if _is_gone(netns) else [error.sentence]
    return []


def _forwarding_before() -> list[Change]:
    if kernel_link.read_sysctl(FORWARD) != "0":
        return []
    found = [Change("", REDIRECTS, kernel_link.read_sysctl(REDIRECTS) or "0")]
    for ifname in os.listdir(DEVICES):
        key = f"net/ipv4/conf/{ifname}/forwarding"
        if ifname != "all" and kernel_link.read_sysctl(key) == "1":
            found.append(Change(ifname, key, "1"))
    return [*found, Change("", FORWARD, "0")]


def _run(*words: str) -> None:
    done = _done(*words)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise PortUnavailable(f"{' '.join(words)}: {said[0] if said else f'exit code {done.returncode}'}")


def _done(program: str, *words: str) -> subprocess.CompletedProcess[bytes]:
    path = shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:{SBIN}")
    if path is None:
        raise PortUnavailable(f"an uplink needs {program}, which is not installed")
    return subprocess.run([path, *words], capture_output=True, check=False, stdin=subprocess.DEVNULL)


def _is_gone(netns: str) -> bool:
    """Whether the namespace is, and its rules with it."""
    return bool(netns) and not os.path.exists(netns if "/" in netns else f"/run/netns/{netns}")
