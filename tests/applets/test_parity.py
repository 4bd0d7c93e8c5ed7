"""What our applets print is what the real tools print in a namespace of the kernel, made by the same text."""

import re
import time
from collections.abc import Iterator

import pytest

from pystack.applets import virtual
from pystack.applets.virtual import Completed
from pystack.compare.lab.kernel_netns import FIRST_ADDRESS, KernelNetns
from pystack.host import Host
from tests.applets.parity.cases import Case, read_cases
from tests.applets.parity.equivalences import EQUIVALENCES, normalised

CASES = read_cases()
OUR_OWN_WORDS = re.compile(r"pystack: -c:\d+: .*\n")  # which line of the text failed: dash says nothing

_LINK = re.compile(r"\d+: ([^:@]+)(?:@[^:]*)?: <([^>]*)> .*?(?:master (\S+) )?state (\S+)")
LINK_WATCH_PATIENCE = 3.0  # seconds


@pytest.fixture(scope="module")
def kernel() -> Iterator[KernelNetns]:
    with KernelNetns() as lab:
        yield lab


@pytest.mark.root
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_words_are_those_of_the_real_tool(case: Case, kernel: KernelNetns) -> None:
    kernel.renew(case.ports)
    kernel.sh(case.setup).check()
    if " up" in case.setup:
        wait_for_link_watch(kernel)
    theirs = kernel.run(case.command)
    ours = run_ours(case)
    said = OUR_OWN_WORDS.sub("", ours.err)
    assert (ours.rc, normalised(ours.out), normalised(said)) == (
        theirs.rc,
        normalised(theirs.out),
        normalised(theirs.err),
    )


def run_ours(case: Case) -> Completed:
    host = Host(seed=1)
    for number, name in enumerate(case.ports):
        port = host.init.add_port(name, (FIRST_ADDRESS + number).to_bytes(6, "big"))
        port.features = 0  # as the lab opens its TAPs: without a virtio header
    assert virtual.run_setup(host, case.setup, "setup") == []
    return virtual.run(["sh", "-c", case.command], host)


def wait_for_link_watch(kernel: KernelNetns) -> None:
    """Carriers, and the states that follow from them, are told by a work queue a moment later."""
    deadline = time.monotonic() + LINK_WATCH_PATIENCE
    while not is_settled(kernel.run("ip -o link").out):
        assert time.monotonic() < deadline, "the kernel's links do not come to rest"
        time.sleep(0.02)


def is_settled(listing: str) -> bool:
    """Whether flags, states and the carriers of bridges tell of the same moment."""
    links: dict[str, tuple[set[str], str, str]] = {}
    for name, flags, master, state in _LINK.findall(listing):
        links[name] = (set(flags.split(",")), master, state)
    for name, (flags, _, state) in links.items():
        carrier = "LOWER_UP" in flags
        if "UP" not in flags:
            continue
        if carrier == ("NO-CARRIER" in flags) or carrier != (state in ("UP", "UNKNOWN")):
            return False
        ports = [port for port, port_master, _ in links.values() if port_master == name]
        if ports and carrier != any("LOWER_UP" in port for port in ports):
            return False
    return True


def test_there_are_as_many_pairs_as_were_promised() -> None:
    assert len(CASES) > 400
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_setup_of_a_pair_runs_without_a_kernel(case: Case) -> None:
    run_ours(case)


def test_every_equivalence_gives_its_reason() -> None:
    assert all(reason for _, _, reason in EQUIVALENCES)


@pytest.mark.parametrize(
    ("listing", "settled"),
    [
        ("1: lo: <LOOPBACK> mtu 65536 state DOWN mode", True),
        ("2: v0@v1: <BROADCAST,UP,LOWER_UP> mtu 1500 state UP mode", True),
        ("2: v0@v1: <BROADCAST,UP> mtu 1500 state UP mode", False),
        ("2: v0@v1: <NO-CARRIER,BROADCAST,UP> mtu 1500 state LOWERLAYERDOWN mode", True),
        ("2: br0: <UP,LOWER_UP> state UP mode\n3: t: <UP,LOWER_UP> master br0 state UP mode", True),
        ("2: br0: <NO-CARRIER,UP> state DOWN mode\n3: t: <UP,LOWER_UP> master br0 state UP mode", False),
    ],
)
def test_links_have_settled_when_all_tell_of_one_moment(listing: str, settled: bool) -> None:
    assert is_settled(listing) is settled
