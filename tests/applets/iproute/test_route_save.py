"""`ip route save`, `restore` and `showdump`: the kernel's octets, and the real tool's words."""

from __future__ import annotations

import shlex
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from pystack.applets import virtual
from pystack.applets.io import Io
from pystack.applets.registry import start
from pystack.applets.virtual import Completed, Outside, run_setup
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.host import Host
from tests.applets.both_sides import Sides, both_sides

SETUP = """\
ip link set lo up
ip link add v0 type veth peer name v1
ip link set v0 up; ip link set v1 up
ip addr add 10.0.0.1/24 dev v0
ip addr add 10.1.0.1/24 dev v1
ip route add 10.9.0.0/16 via 10.0.0.2 metric 5 mtu lock 1400 advmss 1300 src 10.0.0.1
ip route add 10.8.0.0/16 nexthop via 10.0.0.3 weight 2 nexthop via 10.1.0.3 dev v1
ip route add blackhole 10.7.0.0/16
ip route add default via 10.0.0.9 onlink dev v0
ip route add 10.6.0.0/16 via 10.0.0.2 table 77 tos 0x10
ip route add 10.4.0.0/16 dev v0 table 1000
ip route add 10.5.0.0/16 dev v1 congctl cubic proto static
"""
SELECTORS = ("", "table 77", "table all", "10.9.0.0/16", "proto kernel", "table 1000", "dev v1")
HEADER = struct.Struct("=IHHII")
MAGIC = bytes.fromhex("24123145")


@pytest.fixture
def host() -> Host:
    host = Host(seed=1)
    assert run_setup(host, SETUP, "setup") == []
    return host


def run(host: Host, command: str, stdin: bytes = b"") -> tuple[Completed, bytes]:
    """How it ended, and its output as octets."""
    io = Io()
    job = virtual.VirtualJob(host, start(shlex.split(command), host, io=io), Outside(stdin=stdin))
    ended = job.run()
    return ended, bytes(job.out)


def save(host: Host, selector: str = "") -> bytes:
    ended, dump = run(host, f"ip route save {selector}")
    assert (ended.rc, ended.err) == (0, "")
    return dump


def listing(host: Host) -> str:
    return virtual.run(["ip", "route", "show", "table", "main"], host).out


def test_what_was_saved_and_flushed_is_back_after_restore(host: Host) -> None:
    dump, before = save(host, "10.9.0.0/16"), listing(host)
    assert virtual.run(shlex.split("ip route del 10.9.0.0/16"), host).rc == 0
    assert listing(host) != before
    assert run(host, "ip route restore", dump)[0].rc == 0
    assert listing(host) == before


def test_networks_of_the_links_are_restored_before_what_lies_behind_them(host: Host) -> None:
    assert virtual.run(shlex.split("ip route del 10.8.0.0/16"), host).rc == 0
    dump, before = save(host), virtual.run(["ip", "route"], host).out
    assert virtual.run(shlex.split("ip route flush table main"), host).rc == 0
    assert run(host, "ip route restore", dump)[0].rc == 0
    assert virtual.run(["ip", "route"], host).out == before


def test_what_is_there_already_is_told_of_and_left(host: Host) -> None:
    ended, _ = run(host, "ip route restore", save(host, "proto kernel"))
    assert (ended.rc, ended.err) == (0, "RTNETLINK answers: File exists\n" * 2)


def test_a_dump_is_shown_as_routes_are(host: Host) -> None:
    shown = run(host, "ip route showdump", save(host))[1].decode()
    assert shown == virtual.run(["ip", "route"], host).out


@pytest.mark.parametrize("cut", range(4, 200, 7))
def test_a_dump_that_is_cut_off_is_said_to_be(host: Host, cut: int) -> None:
    dump = save(host)[:cut]
    lengths, at = {4}, 4
    while at + HEADER.size <= len(dump):
        at += HEADER.unpack_from(dump, at)[0]
        lengths.add(at)
    ended, _ = run(host, "ip route showdump", dump)
    whole = cut in lengths
    assert (ended.rc, ended.err) == ((0, "") if whole else (2, "rtnl-from_file: truncated message\n"))


@pytest.mark.parametrize("octet", [1, 5, 17, 90, 255])
def test_a_dump_with_wrong_octets_never_breaks_the_stack(host: Host, octet: int) -> None:
    dump = save(host, "table all")
    for at in range(4, len(dump), 3):
        damaged = dump[:at] + bytes([octet]) + dump[at + 1 :]
        assert run(host, "ip route showdump", damaged)[0].rc in (0, 2)
        assert run(host, "ip route restore", damaged)[0].rc in (0, 2)


# --- beside the real tool ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sides() -> Iterator[Sides]:
    with both_sides(SETUP) as sides:
        yield sides


def without_sender(dump: bytes) -> bytes:
    """The messages without their sequence numbers and the port of who asked."""
    octets, at = bytearray(dump), 4
    while at < len(octets):
        length = HEADER.unpack_from(octets, at)[0]
        octets[at + 8 : at + 16] = bytes(8)
        at += length
    return bytes(octets)


def kernel_save(kernel: KernelNetns, selector: str, folder: Path) -> bytes:
    path = folder / "dump"
    kernel.run(f"ip route save {selector} > {path}").check()
    return path.read_bytes()


@pytest.mark.root
@pytest.mark.parametrize("selector", SELECTORS)
def test_the_octets_are_the_kernel_s(sides: Sides, selector: str, tmp_path: Path) -> None:
    theirs = without_sender(kernel_save(sides.kernel, selector, tmp_path))
    assert save(sides.host, selector) == theirs
    shown = sides.kernel.run(f"ip route showdump < {tmp_path}/dump")
    assert run(sides.host, "ip route showdump", theirs)[1].decode() == shown.out


@pytest.mark.root
@pytest.mark.parametrize(
    "octets",
    [b"", b"xx\n", MAGIC, MAGIC + b"garbage", b"\\x12garbage", MAGIC + bytes(40)],
)
def test_what_is_no_dump_is_refused_in_the_real_tool_s_words(
    sides: Sides, octets: bytes, tmp_path: Path
) -> None:
    (tmp_path / "dump").write_bytes(octets)
    theirs = sides.kernel.run(f"ip route restore < {tmp_path}/dump")
    ours, _ = run(sides.host, "ip route restore", octets)
    assert (ours.rc, ours.err) == (theirs.rc, theirs.err)


def test_show_is_no_beginning_of_showdump(host: Host) -> None:
    assert virtual.run(["ip", "route", "show"], host).out == virtual.run(["ip", "route"], host).out
