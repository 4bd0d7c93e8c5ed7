"""What every test may rely on: honest skips, one hypothesis profile, and the size of big counts."""

import ctypes
import functools
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

NAMESPACES = Path("/run/netns")
CLONE_NEWNS = 0x20000
FULL = bool(os.environ.get("PYSTACK_FULL"))

# Derandomized: a run that failed fails again, here and elsewhere. No deadline: a test asserts no timing.
settings.register_profile("pystack", derandomize=True, deadline=None, max_examples=50)
settings.register_profile("pystack-full", derandomize=True, deadline=None, max_examples=1000)
settings.load_profile("pystack-full" if FULL else "pystack")


@pytest.fixture(scope="session")
def scaled() -> Callable[[int], int]:
    """A big count as this run does it: all of it with `scripts/test --full`, else a tenth."""
    return lambda count: count if FULL else max(1, count // 10)


def pytest_sessionstart() -> None:
    """Names of network namespaces are this process's alone: other runs make and remove theirs meanwhile."""
    if why_no_root_tests() is not None or ctypes.CDLL(None).unshare(CLONE_NEWNS) != 0:
        return
    NAMESPACES.mkdir(exist_ok=True)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", NAMESPACES], check=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for marker, why_not in (("root", why_no_root_tests), ("vm", why_no_vm_tests)):
            if item.get_closest_marker(marker) and (reason := why_not()):
                item.add_marker(pytest.mark.skip(reason=reason))


class Scheduler(LoadScopeScheduling):  # type: ignore[misc]  # which has no types
    """Files of one group run one after the other: the kernel's log is one, and so are names in it."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if file.startswith(("tests/compare/", "tests/netfilter/")):
            return "kernel log"
        return "kernel" if needs_kernel(file) else file


@functools.cache
def needs_kernel(file: str) -> bool:
    return "mark.root" in (Path(__file__).parent.parent / file).read_text()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Scheduler:
    return Scheduler(config, log)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Repeat what scripts/test found before us: a screen of green must not hide it."""
    if failed := os.environ.get("PYSTACK_FAILED_CHECKS"):
        terminalreporter.section("failed before pytest", red=True)
        terminalreporter.line(f"{failed}: see the words above pytest's; the exit code is not 0")


@functools.cache
def why_no_root_tests() -> str | None:
    if os.geteuid() != 0:
        return "needs root"
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as error:
        return f"needs /dev/net/tun ({error.strerror})"
    if not shutil.which("ip"):
        return "needs ip (Debian: iproute2)"
    if subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode != 0:
        return "needs the right to make network namespaces"
    return None


@functools.cache
def why_no_vm_tests() -> str | None:
    for program, package in (("qemu-system-x86_64", "qemu-system-x86"), ("busybox", "busybox-static")):
        if not shutil.which(program):
            return f"needs {program} (Debian: {package})"
    if not (vm_kernel() / ".complete").exists():
        return "needs the kernel that `scripts/setup --vm` fetches"
    return None


def vm_kernel() -> Path:
    """The folder in which scripts/setup unpacked Debian's kernel package (its boot/ and lib/modules/)."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "pystack" / "vm" / "kernel"
