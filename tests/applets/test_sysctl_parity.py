"""Every sysctl of a fresh namespace against a kernel's, every word of sysctl(8) against the real one's."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pystack.applets import virtual
from pystack.applets.requests import FileRefused
from pystack.applets.virtual import Outside
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.host import Host
from pystack.netns import Netns
from pystack.sysctl_table import MACHINE_DEPENDENT

PORTS = ("tap1", "tap2")
SETUP = """
ip link add br0 address 02:00:00:00:00:10 type bridge
ip link set tap1 master br0
ip link set tap2 master br0
ip link add v.5 address 02:00:00:00:00:11 type veth peer name v1 address 02:00:00:00:00:12
"""
# procps 4.0.2 says it this way; others may not.
VERSION = "sysctl from procps-ng 4.0.2\n"

FILES = {
    "good": "# comment\n; another\n net.ipv4.ip_forward = 1\n-net.foo = 1\nnet.ipv4.conf.*.rp_filter = 2\n"
    "-net.ipv4.conf.all.rp_filter\nnet.ipv4.conf.lo.rp_filter=1\n\nrubbish\nnet.bar=3\n"
    "net/ipv4/tcp_fin_timeout=15   \nnet.ipv4.tcp_rmem = 4096   87380\t16777216 # no comment\n",
    "odd": "\n \n=\n=1\nx=1\n-\n--net.foo=1\nnet.ipv4.ip_forward =   \n net.ipv4.ip_default_ttl=70",
    "globs": "net.ipv4.conf.*.rp_filter=3\n-net.ipv4.conf.*.foo=1\nnet.ipv4.nope.*=2\n"
    "net.ipv4.conf.[al]*.arp_ignore = 1\nnet.ipv4.conf.l?.arp_notify=1\nnet.ipv4.r*.*=1",
    "again": "net.ipv4.conf.*.rp_filter=3\nnet/ipv4/conf/lo/rp_filter=1\nnet.ipv4.ip_forward=1\n"
    "net.ipv4.ip_forward=0\n-net.ipv4.ip_forward",
}

# What sh of ours says of a line that fails; dash says nothing.
OUR_OWN_WORDS = re.compile(r"pystack: -c:1: .*\n")

TABLE_OF = "6.18"  # the kernel that the table is of

# One command a line; the state of one line is that of the next, on both sides.
COMMANDS = """
sysctl
sysctl -w
sysctl -N -q net.core.somaxconn
sysctl -V
sysctl --help
sysctl -d
sysctl --foo
sysctl -Z
sysctl -r
sysctl -a=3
sysctl --d net.ipv4.ip_forward
sysctl --values=3 net.core.somaxconn
sysctl --nam net.ipv4.ip_forward
sysctl --pat net.ipv4.ip_forward
sysctl net.foo
sysctl net.foo=1
sysctl foo
sysctl net.foo net.bar net.ipv4.ip_forward
sysctl -e net.foo net.ipv4.ip_forward
sysctl -e net.foo=1
sysctl ''
sysctl .
sysctl =1
sysctl a
sysctl -w a
sysctl '#a=1'
sysctl net/ipv4/ip_forward
sysctl /net/ipv4/ip_forward
sysctl /proc/sys/net/ipv4/ip_forward
sysctl .net.ipv4.ip_forward
sysctl net..ipv4.ip_forward
sysctl net//core/somaxconn net//core/somaxconn=7 net//foo net..core.somaxconn=7
sysctl net.core/
sysctl net.ipv4.route.
sysctl net/ipv4/route/
sysctl net/ipv4/../core/somaxconn
sysctl net.ipv4.ip_forward.
sysctl net.ipv4.ip_forward/
sysctl net.ipv4.ip_forward/x
sysctl net.ipv4.conf.v/5.rp_filter net/ipv4/conf/v.5/rp_filter
sysctl net/core.somaxconn
sysctl 'net.core.somaxconn '
sysctl net.ipv4.ip_forward=1
sysctl -w net.ipv4.ip_forward = 1
sysctl net.ipv4.ip_forward=
sysctl 'net.ipv4.ip_forward = 0'
sysctl -w net.ipv4.ip_forward
sysctl net.ipv4.ip_forward=x
sysctl net.ipv4.ip_forward=1=2
sysctl net.ipv4.ip_forward=999999999999
sysctl -q net.ipv4.ip_forward=1
sysctl -n net.ipv4.ip_forward net.ipv4.ip_default_ttl
sysctl -N net.ipv4.ip_forward
sysctl -N net.ipv4.ip_forward=1
sysctl -n net.ipv4.ip_forward=1
sysctl -b net.ipv4.ip_forward net.core.somaxconn
sysctl -b net.ipv4.ip_forward=1
sysctl -nN net.ipv4.ip_forward
sysctl net.ipv4.ip_forward -n
sysctl net.core.somaxconn -- -n
sysctl -o net.ipv4.ip_forward -x
sysctl -- -net.ipv4.ip_forward=x
sysctl -- -net.foo=1
sysctl -w -- -net.ipv4.ip_forward
sysctl net.core.rmem_max=1
sysctl -n net.core.rmem_max=1
sysctl net.ipv4.tcp_available_congestion_control=reno
sysctl net.ipv4.route=1
sysctl -N net.ipv4.route
sysctl net.ipv4.route.flush
sysctl net.ipv4.route.flush=x
sysctl net.ipv4.conf.br0
sysctl net.ipv4.neigh.tap1
sysctl --deprecated net.ipv4.neigh.lo
sysctl net.ipv4.neigh.lo.retrans_time
sysctl 'net.ipv4.conf.*.rp_filter=1'
sysctl 'net.ipv4.conf.*.rp_filter'
sysctl -r '^net.ipv4.ip_f' net.ipv4
sysctl -a -r '^net.ipv4.ip_f'
sysctl -a --pattern='ip_f.*d$'
sysctl -a -r 'ip_f('
sysctl -a -r '[[:alpha:]]+somax|^net.core.soma[x]'
sysctl -a -r '\\bsomaxconn'
sysctl -a -r 'soma[\\x]conn'
sysctl -arsomaxconn -n
sysctl -a foo -N -r somaxconn
sysctl -A -b -r somaxconn
sysctl -X -r somaxconn
sysctl -r xyz net.ipv4.ip_forward=1
sysctl -r ip_f net.ipv4.ip_forward
sysctl --dry-run net.ipv4.ip_forward=7
sysctl --dry-run -q net.ipv4.ip_forward=7 net.ipv4.ip_forward
sysctl net.ipv4.tcp_syn_retries=0 net.ipv4.tcp_syn_retries=5
sysctl net.ipv4.ip_local_port_range='1024 65535' net.ipv4.ip_local_port_range
sysctl net.ipv4.tcp_rmem='5 x 7' net.ipv4.tcp_rmem='1 2 3' net.ipv4.tcp_rmem
sysctl ' net.core.somaxconn=77'
sysctl net.core.somaxconn=' 0x10 ' net.core.somaxconn
sysctl net.core.somaxconn='79 80' net.core.somaxconn
sysctl net.ipv4.tcp_congestion_control=nosuch
sysctl net.ipv4.ip_local_reserved_ports=80-90,85-100,101 net.ipv4.ip_local_reserved_ports
sysctl net.ipv4.ip_local_reserved_ports= net.ipv4.ip_local_reserved_ports
sysctl -n net.ipv4.ip_local_reserved_ports
sysctl net.bridge.bridge-nf-call-iptables=5 net.bridge.bridge-nf-call-iptables
sysctl net.ipv4.neigh.lo.retrans_time_ms=5 net.ipv4.neigh.lo.retrans_time_ms
sysctl net.ipv4.neigh.lo.unres_qlen=3 net.ipv4.neigh.lo.unres_qlen_bytes
sysctl net.ipv4.neigh.lo.proxy_delay=3 net.ipv4.neigh.lo.proxy_delay
sysctl net.ipv4.icmp_ratelimit=5 net.ipv4.icmp_ratelimit
sysctl net.ipv4.tcp_fin_timeout=8589935
sysctl net.ipv4.neigh.default.gc_thresh1
sysctl net.core.netdev_max_backlog
sysctl net.netfilter.nf_log.2=NONE net.netfilter.nf_log.2=nf_log_arp
sysctl net.ipv6.conf.tap1.disable_ipv6=1
sysctl -p {good}
sysctl -p{good}
sysctl -n -f {good}
sysctl -q --load={good}
sysctl -N -p {good}
sysctl -b -p {good}
sysctl -e -p {good}
sysctl --dry-run -p {good}
sysctl -r forward -p {good}
sysctl -p {odd}
sysctl -p {globs}
sysctl -p {again}
sysctl -p {nosuch} {again}
sysctl -p {again} {nosuch}
sysctl -p {folder}
sysctl -p - < {again}
sysctl -q net.ipv4.conf.default.proxy_arp=1 net.ipv4.conf.default.arp_ignore=1 net.ipv4.conf.v1.proxy_arp=1
sysctl -a -r '(proxy_arp|arp_ignore) *$'
ip link add w0 type veth peer name w1; ip addr add 10.9.0.1/24 dev tap1; sysctl -n net.ipv4.conf.w0.proxy_arp
sysctl -q net.ipv4.conf.default.proxy_arp=0 net.ipv4.conf.default.arp_ignore=2
sysctl -a -r '(proxy_arp|arp_ignore) *$'
ip addr del 10.9.0.1/24 dev tap1; sysctl -q net.ipv4.conf.default.tag=3; sysctl -a -r 'tag$'
sysctl -q net.ipv4.conf.default.forwarding=1; sysctl -a -r 'ipv4.*[.]forwarding$'
sysctl -q net.ipv4.conf.all.forwarding=1; sysctl -a -r 'ipv4.*[.](ip_)?forward(ing)?$'
ip link set w0 name w.5; sysctl -a -r 'w/5[.](tag|proxy_arp)|v4.*w/5.*unres'
ip link del w1; sysctl -a -r 'ipv4.*[.]w'
"""


class Kernels:
    """A namespace of the kernel's, and where the files of the commands lie."""

    def __init__(self, lab: KernelNetns, folder: Path) -> None:
        self.lab = lab
        self.places = {name: str(folder / name) for name in FILES} | {
            "nosuch": str(folder / "nosuch"),
            "folder": str(folder),
        }
        for name, text in FILES.items():
            (folder / name).write_text(text)


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernels]:
    with KernelNetns(PORTS) as lab:
        lab.sh(untuned() + SETUP).check()
        if lab.run("sysctl -V").out != VERSION:
            pytest.skip(f"this machine has another sysctl than {VERSION.strip()}")
        if lab.run("test -d /proc/sys/net/bridge").rc:
            pytest.skip("this kernel shows no net.bridge (br_netfilter)")
        yield Kernels(lab, tmp_path_factory.mktemp("sysctl"))


def ours() -> tuple[Host, Netns]:
    """The same devices in a namespace that is not the first, as the kernel's."""
    host = Host(seed=1)
    netns = host.add_netns("fresh")
    for number, name in enumerate(PORTS, start=1):
        netns.add_port(name, bytes([2, 0, 0, 0, 0, number]))
    assert virtual.run_setup(host, untuned() + SETUP, "setup", netns) == []
    return host, netns


def read_file(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise FileRefused(path, str(error.strerror)) from error


def untuned() -> str:
    """New namespaces begin with what the machine has tuned below net.ipv4.conf: lines that take it back."""
    lines = []
    usual = Host().init.sysctls
    for name in ("all", "default"):
        for path in sorted(Path(f"/proc/sys/net/ipv4/conf/{name}").iterdir()):
            knob = usual.get(("net", "ipv4", "conf", name, path.name))
            if knob is not None and path.read_text().strip() != knob.text:
                lines.append(f"sysctl -q net.ipv4.conf.{name}.{path.name}={knob.text}\n")
    return "".join(lines)


def masked(listing: str) -> list[str]:
    """The lines, without values that depend on the machine."""
    lines = []
    for line in listing.splitlines():
        key = line.partition(" = ")[0]
        lines.append(key if tuple(key.split(".")) in MACHINE_DEPENDENT else line)
    return lines


needs_the_tables_kernel = pytest.mark.skipif(
    not os.uname().release.startswith(f"{TABLE_OF}."),
    reason=f"the table is of Linux {TABLE_OF}, this is {os.uname().release}",
)


@pytest.mark.root
@needs_the_tables_kernel
def test_a_fresh_namespace_shows_the_kernels_keys_and_values_in_the_kernels_order(kernels: Kernels) -> None:
    command = r"sysctl -a --deprecated -r '^net\.(bridge|core|ipv4|unix|netfilter)'"
    theirs = kernels.lab.run(command)
    host, netns = ours()
    mine = virtual.run(["sh", "-c", command], host, netns)
    assert masked(mine.out) == masked(theirs.out)
    assert (mine.rc, mine.err) == (theirs.rc, theirs.err)
    assert len(mine.out.splitlines()) > 450


@pytest.mark.root
@needs_the_tables_kernel
def test_no_key_of_the_kernel_is_unknown_here(kernels: Kernels) -> None:
    """What we have not is refused by name."""
    host, netns = ours()
    names = kernels.lab.run("sysctl -a -N --deprecated").out.split()
    unknown = []
    for name in names:
        done = virtual.run(["sysctl", name], host, netns)
        known = done.rc == 0 or (done.rc == 2 and f"pystack: {name} is not modelled" in done.err)
        unknown += [] if known else [name]
    assert not unknown


@pytest.mark.root
def test_every_command_says_what_the_real_one_says(kernels: Kernels) -> None:
    host, netns = ours()
    outside = Outside(read_file=read_file)
    differing = []
    for line in COMMANDS.strip().splitlines():
        command = re.sub(r"\{(\w+)\}", lambda found: kernels.places[found[1]], line)
        theirs = kernels.lab.run(command)
        mine = virtual.run(["sh", "-c", command], host, netns, outside)
        said = OUR_OWN_WORDS.sub("", mine.err)
        if (mine.rc, mine.out, said) != (theirs.rc, theirs.out, theirs.err):
            differing.append(f"{line}\n  theirs: {theirs}\n  ours: {mine}")
    assert not differing, "\n".join(differing)


def test_there_are_more_commands_than_were_promised() -> None:
    assert len(set(COMMANDS.strip().splitlines())) >= 120
