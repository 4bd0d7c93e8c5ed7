"""Namespaces of the kernel that are held while others take their names away."""

import subprocess

import pytest

from pystack.drivers.kernel_netns import HeldNetns, in_netns
from pystack.drivers.unavailable import PortUnavailable
from pystack.hooks.tools import output

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
