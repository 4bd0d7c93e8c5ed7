"""FTP between the kernel's two ends of a daemon that translates, and whose firewall lets only port 21 in."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon import ftp_server
from tests.daemon.running import PATIENCE, clean_environment, daemon

pytestmark = [pytest.mark.root, pytest.mark.slow]

INSIDE, OUTSIDE = f"mi-{os.getpid()}", f"mo-{os.getpid()}"
SERVER = "10.77.2.2"
CONFIG = f'''
name = "m"
setup_text = """
ip link set in0 up; ip link set out0 up
ip address add 10.77.1.1/24 dev in0; ip address add 10.77.2.111/24 dev out0
sysctl -w net.ipv4.ip_forward=1
iptables -t raw -A PREROUTING -p tcp --dport 21 -j CT --helper ftp
iptables -t nat -A POSTROUTING -o out0 -j MASQUERADE
iptables -P FORWARD DROP
iptables -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
iptables -A FORWARD -i in0 -p tcp --dport 21 -j ACCEPT
"""
[port.in0]
driver = "tap"
ifname = "inner"
netns = "{INSIDE}"
[port.out0]
driver = "tap"
ifname = "outer"
netns = "{OUTSIDE}"
'''
CLIENT = """
import ftplib, hashlib, sys
for passive in (True, False):
    ftp = ftplib.FTP(timeout=20)
    ftp.connect(sys.argv[1], 21)
    ftp.login("any", "body")
    ftp.set_pasv(passive)
    for _ in range(2):
        found = hashlib.sha256()
        ftp.retrbinary("RETR it", found.update)
        print(found.hexdigest())
    ftp.close()
"""


def sh(line: str) -> str:
    return subprocess.run(line.split(), capture_output=True, text=True, check=True, timeout=30).stdout


@pytest.fixture
def both_ends() -> Iterator[None]:
    for name in (INSIDE, OUTSIDE):
        sh(f"ip netns add {name}")
    yield
    for name in (INSIDE, OUTSIDE):
        sh(f"ip netns delete {name}")


def test_files_arrive_whole_in_both_modes_across_masquerade(tmp_path: Path, both_ends: None) -> None:
    content = tmp_path / "content"
    content.write_bytes(os.urandom(1_000_000))
    (tmp_path / "m.toml").write_text(CONFIG)
    with daemon(tmp_path, "-c", str(tmp_path / "m.toml")) as running:
        sh(f"ip -n {INSIDE} address add 10.77.1.2/24 dev inner")
        sh(f"ip -n {INSIDE} route add default via 10.77.1.1")
        sh(f"ip -n {OUTSIDE} address add {SERVER}/24 dev outer")
        server = [sys.executable, ftp_server.__file__, SERVER, str(content)]
        with subprocess.Popen(["ip", "netns", "exec", OUTSIDE, *server], stdout=subprocess.PIPE) as serving:
            try:
                assert serving.stdout is not None
                assert serving.stdout.readline() == b"listening\n"
                client = ["ip", "netns", "exec", INSIDE, sys.executable, "-c", CLIENT, SERVER]
                done = subprocess.run(
                    client, capture_output=True, text=True, timeout=3 * PATIENCE, env=clean_environment()
                )
            finally:
                serving.terminate()
        expected = sh(f"sha256sum {content}").split()[0]
        assert (done.returncode, done.stdout.split(), done.stderr) == (0, [expected] * 4, "")
        counted = running.run("conntrack", "-S", "expect").out
        assert "expect_new=4 expect_create=4 expect_delete=4" in counted
