"""Namespaces of the kernel that are held while others take their names away."""

import subprocess
from pathlib import Path

import pytest

from pystack.drivers.kernel_netns import HeldNetns, in_netns, namespaces
from pystack.drivers.unavailable import PortUnavailable
from pystack.hooks.tools import output
from tests.compare.lab.patience import wait_until

NAME = "held"


def test_where_we_are_is_never_deleted() -> None:
    held = HeldNetns("")
    assert (held.path, held.is_deleted()) == ("", False)
    held.close()


def test_one_that_is_not_there_is_named() -> None:
    with pytest.raises(PortUnavailable, match="there is no network namespace nowhere-at-all"):
        HeldNetns("nowhere-at-all")


@pytest.mark.root
def test_one_whose_name_was_given_to_another_is_still_itself() -> None:
    subprocess.run(["ip", "netns", "add", NAME], check=True)
    try:
        held = HeldNetns(NAME)
        in_netns(held.path, lambda: output("ip", "link", "add", "br7", "type", "bridge"))
        assert not held.is_deleted()
        subprocess.run(["ip", "netns", "del", NAME], check=True)
        assert held.is_deleted()
        subprocess.run(["ip", "netns", "add", NAME], check=True)
        assert held.is_deleted()
        assert "br7" in in_netns(held.path, lambda: output("ip", "-br", "link"))
        assert "br7" not in in_netns(NAME, lambda: output("ip", "-br", "link"))
        held.close()
    finally:
        subprocess.run(["ip", "netns", "del", NAME], check=True)


@pytest.mark.root
def test_each_namespace_is_found_once_by_its_name_or_a_process_in_it() -> None:
    subprocess.run(["ip", "netns", "add", NAME], check=True)
    inside = ["ip", "netns", "exec", NAME, "sleep", "60"]
    alone = ["unshare", "--net", "sleep", "60"]
    with subprocess.Popen(inside) as first, subprocess.Popen(alone) as second:
        try:
            wait_until(lambda: Path(f"/proc/{second.pid}/comm").read_text() == "sleep\n")
            found = dict(namespaces())
            assert found["this namespace"] == ""
            assert found[f"namespace {NAME}"] == NAME
            path = f"/proc/{second.pid}/ns/net"
            assert [words for words, netns in found.items() if netns == path] == [
                f"namespace of process {second.pid} (sleep)"
            ]
            assert f"/proc/{first.pid}/ns/net" not in found.values()
        finally:
            first.kill()
            second.kill()
            subprocess.run(["ip", "netns", "del", NAME], check=True)
