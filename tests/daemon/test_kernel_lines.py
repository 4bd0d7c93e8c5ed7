"""The kernel's log in the daemon's, where nothing that a rule says steers a terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.daemon.running import daemon, memory_daemon_config


@pytest.mark.slow
def test_lines_of_log_rules_come_into_the_log_and_are_inert(tmp_path: Path) -> None:
    path = memory_daemon_config(tmp_path)
    with daemon(tmp_path, "-c", path) as running:
        running.run("ip", "link", "set", "lo", "up")
        assert running.run("iptables", "-A", "OUTPUT", "-j", "LOG", "--log-prefix", "\x1b[31mred ").rc == 0
        running.run("ping", "-c1", "127.0.0.1")
        running.until("SRC=127.0.0.1")
        assert "kernel: \\x1b[31mred IN= OUT=lo SRC=127.0.0.1" in running.log
        asked = "Ether()/IP(src='10.0.0.1', dst='127.0.0.1')/ICMP()"
        told = running.run("explain", asked, "--out")
        assert "\x1b" not in told.out + told.err + running.log
