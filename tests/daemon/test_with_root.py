"""The daemon with root's rights: TAPs in namespaces, what it drops, and that nothing is left behind."""

from __future__ import annotations

import os
import pwd
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from pystack.drivers.tap_open import open_tap
from tests.daemon.running import PYSTACK, Daemon, Ended, clean_environment, daemon, pystack

pytestmark = [pytest.mark.root, pytest.mark.slow]

NOBODY = pwd.getpwnam("nobody")
SETUP = """\
ip link add br0 type bridge
ip link set p1 master br0; ip link set p2 master br0
ip address add 10.77.0.1/24 dev br0
ip link set p1 up; ip link set p2 up; ip link set br0 up
"""


def sh(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=30).stdout


@pytest.fixture
def netns() -> Iterator[str]:
    """A namespace of the kernel's for the outer sides of the ports."""
    name = f"m-{os.getpid()}"
    sh("ip", "netns", "add", name)
    yield name
    sh("ip", "netns", "delete", name)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that others may enter: pytest's own are root's alone."""
    path = Path(tempfile.mkdtemp(prefix="pystack-m-"))
    path.chmod(0o755)
    yield path
    sh("rm", "-r", str(path))


def links(netns: str) -> list[str]:
    return sorted(
        line.split()[0].partition("@")[0] for line in sh("ip", "-n", netns, "-br", "link").splitlines()
    )


def two_taps(folder: Path, netns: str, more: str = "") -> str:
    """A configuration with two TAPs and a bridge."""
    path = folder / "m.toml"
    ports = "".join(
        f'[port.{name}]\ndriver = "tap"\nifname = "{ifname}"\nnetns = "{netns}"\n'
        for name, ifname in (("p1", "vm1"), ("p2", "vm2"))
    )
    path.write_text(f'name = "m"\nsetup_text = """\n{SETUP}"""\n{ports}{more}')
    return str(path)


def ping(netns: str) -> None:
    """From the outer side of the first port to the bridge."""
    if "10.77.0.2" not in sh("ip", "-n", netns, "address", "show", "vm1"):
        sh("ip", "-n", netns, "address", "add", "10.77.0.2/24", "dev", "vm1")
    assert " 0% packet loss" in sh("ip", "netns", "exec", netns, "ping", "-c2", "-i0.1", "-W2", "10.77.0.1")


def run_failing(*words: str, prefix: tuple[str, ...] = ()) -> Ended:
    """A `pystack run` that must fail."""
    done = subprocess.run(
        [*prefix, *PYSTACK, *words],
        capture_output=True, text=True, timeout=30, check=False, env=clean_environment(),
    )  # fmt: skip
    return Ended(done.returncode, done.stdout, done.stderr)


# --- life and death --------------------------------------------------------------------------------------


def test_taps_live_as_long_as_the_daemon(folder: Path, netns: str) -> None:
    with daemon(folder, "-c", two_taps(folder, netns)) as running:
        assert links(netns) == ["lo", "vm1", "vm2"]
        ping(netns)
        assert running.end() == 0
        assert links(netns) == ["lo"]
        assert os.listdir(folder) == ["m.toml"]


def test_the_lab_needs_no_configuration(folder: Path, netns: str) -> None:
    with daemon(folder, prefix=("ip", "netns", "exec", netns)) as running:
        ping(netns)
        assert running.run("bridge", "fdb", "show").rc in (0, 2)


def test_a_killed_daemon_leaves_no_device_and_no_file(folder: Path, netns: str) -> None:
    with daemon(folder, "-c", two_taps(folder, netns)) as running:
        running.end(signal.SIGKILL)
        assert links(netns) == ["lo"]
        assert os.listdir(folder) == ["m.toml"]
    with daemon(folder, "-c", two_taps(folder, netns)):
        ping(netns)


def test_a_killed_keeper_leaves_nothing_that_stops_the_next_start(folder: Path, netns: str) -> None:
    with daemon(folder, "-c", two_taps(folder, netns)) as running:
        os.kill(running.keeper, signal.SIGKILL)
        assert running.wait() == 1
        assert links(netns) == ["lo"]
    with daemon(folder, "-c", two_taps(folder, netns)):
        ping(netns)


def test_a_start_right_after_a_kill_succeeds(folder: Path, netns: str) -> None:
    path = two_taps(folder, netns)
    first = Daemon(folder, "-c", path)
    first.until("ready")
    first.process.kill()
    with daemon(folder, "-c", path):
        ping(netns)
    first.wait()


def test_the_daemon_and_its_keeper_are_small(folder: Path, netns: str) -> None:
    with daemon(folder, "-c", two_taps(folder, netns)) as running:
        resident = [
            int(line.split()[1])
            for pid in (running.process.pid, running.keeper)
            for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            if line.startswith("VmRSS")
        ]
    assert sum(resident) < 80_000, f"kB: {resident}"


# --- reload ----------------------------------------------------------------------------------------------


def test_a_reload_keeps_the_taps_and_what_was_learned(folder: Path, netns: str) -> None:
    with daemon(folder, "-c", two_taps(folder, netns)) as running:
        ping(netns)
        before = sh("ip", "-n", netns, "-o", "link", "show", "vm1").partition(":")[0]
        assert running.run("reload").rc == 0
        assert sh("ip", "-n", netns, "-o", "link", "show", "vm1").partition(":")[0] == before
        mac = sh("ip", "netns", "exec", netns, "cat", "/sys/class/net/vm1/address").strip()
        assert f"lladdr {mac}" in running.run("ip", "neigh").out
        ping(netns)


def test_a_reload_that_cannot_have_a_tap_is_exit_code_4_and_changes_nothing(folder: Path, netns: str) -> None:
    path = two_taps(folder, netns)
    with daemon(folder, "-c", path) as running, taken(netns, "vm3"):
        ping(netns)
        two_taps(folder, netns, f'[port.p3]\ndriver = "tap"\nifname = "vm3"\nnetns = "{netns}"\n')
        ended = running.run("reload")
        assert ended.rc == 4
        assert "port.p3: TAP vm3 is in use" in ended.err
        ping(netns)


def test_a_port_that_was_given_up_in_vain_is_had_back(folder: Path, netns: str) -> None:
    path = two_taps(folder, netns, '[daemon]\nuser = "nobody"\n')
    with daemon(folder, "-c", path) as running, taken(netns, "vm9"):
        Path(path).write_text(Path(path).read_text().replace("vm2", "vm9"))
        ended = running.run("reload")
        assert (ended.rc, "TAP vm9 is in use" in ended.err) == (4, True)
        assert links(netns) == ["lo", "vm1", "vm2", "vm9"]
        ping(netns)


def test_a_port_whose_tap_was_deleted_says_so_and_a_reload_makes_it_anew(folder: Path, netns: str) -> None:
    with daemon(folder, "-c", two_taps(folder, netns)) as running:
        sh("ip", "-n", netns, "link", "delete", "vm1")
        running.until("p1: its TAP was deleted")
        assert "its TAP was deleted" in running.run("status").out
        assert running.run("reload").rc == 0
        ping(netns)


@contextmanager
def taken(netns: str, ifname: str) -> Iterator[None]:
    """Somebody else holds a TAP."""
    tap = open_tap(ifname, netns)
    try:
        yield
    finally:
        os.close(tap.fd)


# --- rights ----------------------------------------------------------------------------------------------


def test_the_daemon_becomes_its_user_and_the_keeper_stays(folder: Path, netns: str) -> None:
    path = two_taps(folder, netns, '[daemon]\nuser = "nobody"\ngroup = "daemon"\n')
    with daemon(folder, "-c", path) as running:
        status = Path(f"/proc/{running.process.pid}/status").read_text()
        uid, gid = NOBODY.pw_uid, NOBODY.pw_gid
        assert f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}" in status
        assert f"Gid:\t{gid}\t{gid}\t{gid}\t{gid}" in status
        assert "CapEff:\t0000000000000000" in status
        assert "Uid:\t0\t0\t0\t0" in Path(f"/proc/{running.keeper}/status").read_text()
        there = running.socket.stat()
        assert (there.st_uid, there.st_mode & 0o777) == (uid, 0o660)
        assert running.socket.group() == "daemon"
        ping(netns)
        assert running.end() == 0
    assert os.listdir(folder) == ["m.toml"]


def test_without_rights_the_daemon_can_still_reload_and_open_a_port(folder: Path, netns: str) -> None:
    more = '[daemon]\nuser = "nobody"\n'
    path = two_taps(folder, netns, more)
    os.chmod(path, 0o600)
    with daemon(folder, "-c", path) as running:
        others = '[port.m]\ndriver = "memory"\n[port.q]\ndriver = "unix"\ntype = "stream"\npath = "q.sock"\n'
        two_taps(
            folder, netns, f'{more}[port.p3]\ndriver = "tap"\nifname = "vm3"\nnetns = "{netns}"\n{others}'
        )
        ended = running.run("reload")
        assert (ended.rc, ended.err) == (0, "")
        assert links(netns) == ["lo", "vm1", "vm2", "vm3"]
        two_taps(folder, netns, more)
        assert running.run("reload").rc == 0
        assert links(netns) == ["lo", "vm1", "vm2"]


def test_who_is_not_in_the_group_may_not_speak_to_the_daemon(folder: Path, netns: str) -> None:
    with daemon(folder, "-c", two_taps(folder, netns)) as running:
        ended = run_failing("-S", str(running.socket), "status", prefix=as_nobody())
        assert ended.rc == 4
        assert ended.err == f"pystack: {running.socket}: you may not speak to this daemon\n"


def as_nobody() -> tuple[str, ...]:
    return ("setpriv", f"--reuid={NOBODY.pw_uid}", f"--regid={NOBODY.pw_gid}", "--clear-groups")


# --- what can be lacking: one line and exit code 4 -------------------------------------------------------


def a_tap_that_is_taken(folder: Path, netns: str, stack: ExitStack) -> tuple[str, ...]:
    stack.enter_context(taken(netns, "vm2"))
    return ()


def no_namespace(folder: Path, netns: str, stack: ExitStack) -> tuple[str, ...]:
    two_taps(folder, "m-none")
    return ()


def no_rights(folder: Path, netns: str, stack: ExitStack) -> tuple[str, ...]:
    two_taps(folder, "")
    os.chown(folder, NOBODY.pw_uid, NOBODY.pw_gid)
    return as_nobody()


def no_tun(folder: Path, netns: str, stack: ExitStack) -> tuple[str, ...]:
    return ("unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /dev/net && exec "$@"', "sh")


@pytest.mark.parametrize(
    ("hinder", "line"),
    [
        (a_tap_that_is_taken, "{0}/m.toml:12: port.p2: TAP vm2 is in use: another program holds it"),
        (no_namespace, "{0}/m.toml:8: port.p1: there is no network namespace m-none"),
        (no_rights, "{0}/m.toml:8: port.p1: no right to open /dev/net/tun"),
        (no_tun, "{0}/m.toml:8: port.p1: there is no /dev/net/tun"),
    ],
)
def test_what_is_lacking_is_one_line_and_exit_code_4(
    folder: Path, netns: str, hinder: Callable[[Path, str, ExitStack], tuple[str, ...]], line: str
) -> None:
    path = two_taps(folder, netns)
    with ExitStack() as stack:
        prefix = hinder(folder, netns, stack)
        ended = run_failing("-S", str(folder / "d.sock"), "run", "-c", path, prefix=prefix)
    assert ended.rc == 4, ended.err
    assert ended.err.startswith("pystack: " + line.format(folder))
    assert ended.err.count("\n") == 1
    assert links(netns) == ["lo"]
    assert os.listdir(folder) == ["m.toml"]


# --- devices that are not ours ---------------------------------------------------------------------------


@pytest.fixture
def veth(netns: str) -> str:
    """A device of somebody else's."""
    sh("ip", "-n", netns, "link", "add", "e0", "type", "veth", "peer", "name", "e1")
    sh("ip", "-n", netns, "link", "set", "e1", "up")
    return "e0"


def settings(netns: str) -> dict[str, str]:
    keys = ("ipv4/conf/e0/arp_ignore", "ipv4/conf/e0/forwarding", "ipv6/conf/e0/disable_ipv6")
    found = {key: sh("ip", "netns", "exec", netns, "cat", f"/proc/sys/net/{key}").strip() for key in keys}
    return {**found, "flags": sh("ip", "-n", netns, "-o", "link", "show", "e0").split()[2]}


def packet_port(folder: Path, netns: str) -> str:
    path = folder / "m.toml"
    path.write_text(f'[port.p1]\ndriver = "packet"\nifname = "e0"\nnetns = "{netns}"\n')
    return str(path)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_device_that_was_taken_over_is_given_back(
    folder: Path, netns: str, veth: str, end: signal.Signals
) -> None:
    before = settings(netns)
    with daemon(folder, "-c", packet_port(folder, netns), "--allow-system-changes") as running:
        assert settings(netns) != before
        running.end(end)
        assert settings(netns) == before


def test_what_a_killed_keeper_could_not_give_back_doctor_does(folder: Path, netns: str, veth: str) -> None:
    before = settings(netns)
    with daemon(folder, "-c", packet_port(folder, netns), "--allow-system-changes") as running:
        os.kill(running.process.pid, signal.SIGSTOP)
        os.kill(running.keeper, signal.SIGKILL)
        running.end(signal.SIGKILL)
    assert settings(netns) != before
    doctor = ("-S", str(running.socket), "doctor")
    ended = pystack(*doctor)
    assert ended.rc == 1
    assert f"net/ipv6/conf/e0/disable_ipv6 of e0 in namespace {netns} (was 0)" in ended.out
    assert pystack(*doctor, "--clean").rc == 0
    assert settings(netns) == before
    assert os.listdir(folder) == ["m.toml"]


def test_doctor_says_who_else_talks_on_a_device(folder: Path, netns: str, veth: str) -> None:
    with daemon(folder, "-c", packet_port(folder, netns), "--allow-system-changes") as running:
        assert "the kernel has the address" not in running.run("doctor").out
        sh("ip", "-n", netns, "address", "add", "192.0.2.1/24", "dev", "e0")
        assert (
            f"port p1, e0 in {netns}: the kernel has the address 192.0.2.1/24 on it"
            in running.run("doctor").out
        )


def test_a_socket_for_qemu_belongs_to_the_daemons_user(folder: Path) -> None:
    (folder / "m.toml").write_text(
        'setup_text = "ip link set q up"\n[daemon]\nuser = "nobody"\n'
        '[port.q]\ndriver = "unix"\ntype = "stream"\npath = "q.sock"\nlisten = true\n'
    )
    with daemon(folder, "-c", str(folder / "m.toml")) as running:
        there = (folder / "q.sock").stat()
        assert (there.st_uid, there.st_mode & 0o777) == (NOBODY.pw_uid, 0o660)
        assert "no carrier" in running.run("status").out
        with socket.socket(socket.AF_UNIX) as qemu:
            qemu.connect(str(folder / "q.sock"))
            while "no carrier" in running.run("status").out:
                pass
        assert running.end() == 0
    assert os.listdir(folder) == ["m.toml"]
