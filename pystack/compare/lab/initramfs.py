"""The files that a test VM boots from: process 1, busybox, kernel modules, and programs of this machine.

`guest` is enough to be a host on a network: busybox and the network card. `full` is a reference kernel: all
of netfilter and the bridge, and the real tools, which load the modules they need.
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pystack.compare.lab import host_files
from pystack.compare.lab.cpio import CpioArchive
from pystack.compare.lab.errors import LabUnavailable
from pystack.compare.lab.guest_python import GuestPython, find_python
from pystack.compare.lab.kernel_modules import KernelModule, ModuleTree
from pystack.compare.lab.vm_kernel import VmKernel, write_whole

INIT: Final = Path(__file__).with_name("vm_init.sh")
KEPT: Final = 3  # archives of a kind
FORMAT: Final = "1"  # count on when an archive from the same files comes to look otherwise


@dataclass(frozen=True)
class ImageKind:
    """What goes into an archive. What a kernel has built in, or a machine lacks, is left out in silence."""

    name: str
    memory: int  # MiB that the VM needs: the archive must fit into half of it
    boot_modules: tuple[str, ...]
    modules: tuple[str, ...] = ()  # loaded on demand
    module_prefixes: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    files: tuple[str, ...] = ()  # glob patterns on this machine
    python: str = ""  # a module that Python in the VM can run


GUEST: Final = ImageKind("guest", 96, ("virtio_pci", "virtio_net", "virtio_console"))

FULL: Final = ImageKind(
    name="full",
    memory=320,
    boot_modules=(*GUEST.boot_modules, "crc32c_generic"),
    modules=tuple(
        """
        tun veth bridge br_netfilter 8021q dummy af_packet macvlan vrf vxlan ip_gre ipip bonding ifb
        sch_netem sch_ingress sch_prio sch_tbf sch_fq sch_fq_codel act_mirred cls_u32 cls_matchall cls_flower
        inet_diag tcp_diag udp_diag raw_diag unix_diag packet_diag
        """.split()
    ),
    module_prefixes=tuple(
        """
        nf_ nft_ nfnetlink xt_ x_tables ip_tables ipt_ iptable_ ip6_tables ip6t_ ip6table_
        arp_tables arpt_ arptable_ ebt_ ebtable ip_set ts_
        """.split()
    ),
    programs=tuple(
        """
        dash ip bridge tc ss nstat nft conntrack ethtool tcpdump ping arping sysctl nc traceroute
        iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore
        iptables-nft iptables-nft-save iptables-nft-restore ip6tables-nft
        iptables-legacy iptables-legacy-save iptables-legacy-restore
        ip6tables-legacy ip6tables-legacy-save ip6tables-legacy-restore
        ebtables ebtables-save ebtables-restore ebtables-nft ebtables-legacy ebtables-legacy-save
        ebtables-legacy-restore arptables arptables-nft arptables-legacy xtables-monitor
        unshare
        """.split()
    ),
    files=(
        "/usr/lib/*/xtables/*.so",
        "/usr/lib/*/ebtables/*.so",
        "/etc/ethertypes",
        "/etc/passwd",  # tcpdump becomes a user of its own
        "/etc/group",
        "/etc/networks",
        "/etc/protocols",
        "/etc/services",
        "/etc/iproute2/*",
        "/etc/iproute2/*.d/*",
    ),
    python="pystack.compare.lab.vm_guest",
)
KINDS: Final = {kind.name: kind for kind in (GUEST, FULL)}


def initramfs(kernel: VmKernel, kind: ImageKind) -> Path:
    """The archive for a kernel, built if it is not there or if something in it has changed since."""
    busybox = host_files.find_program("busybox")
    if busybox is None:
        raise LabUnavailable("a VM needs busybox (Debian package busybox-static)")
    programs = [path for name in kind.programs if (path := host_files.find_program(name))]
    files = [path for pattern in kind.files for path in sorted(Path("/").glob(pattern.lstrip("/")))]
    parts = [busybox, *programs, *(path for path in files if path.is_file())]
    python = find_python(kind.python) if kind.python else None
    seen = [*parts, *(python.files if python else ())]
    path = kernel.images / f"{kind.name}-{_fingerprint(kernel, kind, seen)}.cpio"
    if not path.exists():
        write_whole(path, build(kernel, kind, parts, python))
        forget_older(path.parent, kind)
    return path


def build(kernel: VmKernel, kind: ImageKind, parts: Iterable[Path], python: GuestPython | None) -> bytes:
    archive = CpioArchive()
    host_files.add_merged_folders(archive)
    archive.folder("dev")
    archive.character_device("dev/console", 5, 1)  # before devtmpfs is mounted, process 1 speaks here
    archive.file("init", INIT.read_bytes())
    archive.link("usr/bin/sh", "dash" if "dash" in kind.programs else "busybox")
    for part in parts:
        host_files.add_file(archive, part)
    if python is not None:
        python.add_to(archive)
    tree = ModuleTree(kernel.modules)
    at_boot = tree.closure(kind.boot_modules)
    archive.file("etc/modules-at-boot", "".join(f"{module.name}\n" for module in at_boot).encode(), 0o644)
    for module in at_boot:
        archive.file(f"usr/lib/modules/{module.name}.ko", module.content, 0o644)
    by_prefix = (
        [name for name in tree.names() if name.startswith(kind.module_prefixes)]
        if kind.module_prefixes
        else []
    )
    _add_modules(archive, kernel, tree.closure((*kind.modules, *by_prefix)))
    archive.file(".complete", b"", 0o644)  # the last one: what does not fit into the memory is missing there
    return archive.finish()


def _add_modules(archive: CpioArchive, kernel: VmKernel, modules: list[KernelModule]) -> None:
    """Modules that modprobe finds by name or alias."""
    if not modules:
        return
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        folder = root / "lib/modules" / kernel.release
        (folder / "kernel").mkdir(parents=True)
        for module in modules:
            (folder / "kernel" / f"{module.name}.ko").write_bytes(module.content)
        for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
            (folder / name).write_bytes((kernel.modules / name).read_bytes())
        depmod = host_files.find_program("depmod")
        if depmod is None:
            raise LabUnavailable("a reference VM needs depmod (Debian package kmod)")
        subprocess.run([depmod, "-b", scratch, kernel.release], check=True, capture_output=True)
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.file(f"usr/{path.relative_to(root)}", path.read_bytes(), 0o644)


def _fingerprint(kernel: VmKernel, kind: ImageKind, parts: Iterable[Path]) -> str:
    """Of all that decides about the content; files of the machine by name, size and time."""
    seen = hashlib.sha256(repr((FORMAT, kernel.release, kind, INIT.read_bytes())).encode())
    for part in parts:
        status = part.stat()
        seen.update(f"{part} {status.st_size} {status.st_mtime_ns}\n".encode())
    return seen.hexdigest()[:16]


def forget_older(folder: Path, kind: ImageKind) -> None:
    """The last few stay: another VM may be about to boot from one of them."""
    archives = sorted(folder.glob(f"{kind.name}-*.cpio"), key=lambda path: path.stat().st_mtime)
    for path in archives[:-KEPT]:
        path.unlink(missing_ok=True)
