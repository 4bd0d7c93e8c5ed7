"""Modules as files: names, packing, and what they need."""

import lzma
from pathlib import Path

from pystack.compare.lab.kernel_modules import ModuleTree


def module(depends: str) -> bytes:
    return b"\x7fELF...\0license=GPL\0depends=" + depends.encode() + b"\0name=x\0"


def test_a_module_comes_after_all_that_it_needs_and_once(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net/virtio_net.ko").write_bytes(module("virtio,net_failover"))
    (tmp_path / "net/net-failover.ko").write_bytes(module("failover"))
    (tmp_path / "failover.ko").write_bytes(module(""))
    (tmp_path / "virtio.ko.xz").write_bytes(lzma.compress(module("")))
    (tmp_path / "modules.order").write_text("no module\n")
    tree = ModuleTree(tmp_path)
    found = tree.closure(["net_failover", "virtio-net", "built_in"])
    assert [each.name for each in found] == ["failover", "net_failover", "virtio", "virtio_net"]
    assert found[2].content == module("")
    assert sorted(tree.names()) == ["failover", "net_failover", "virtio", "virtio_net"]
