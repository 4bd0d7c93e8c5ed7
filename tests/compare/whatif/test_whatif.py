"""What a change would cut is said before it is typed, and nothing is changed."""

from collections.abc import Iterator

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.compare.whatif.verb import whatif
from tests.compare.lab.patience import wait_until

pytestmark = pytest.mark.root

SERVER = "python3 -c 'import socket; s = socket.create_server((\"\", {})); c = s.accept(); s.accept()'"
CLIENT = "python3 -c 'import socket, time; s = socket.create_connection((\"10.0.0.1\", {})); time.sleep(600)'"
SETUP = """
ip link add v0 type veth peer name v1
ip netns add far
ip link set v1 netns far
ip addr add 10.0.0.1/24 dev v0
ip link set v0 up
ip link set lo up
ip -n far addr add 10.0.0.2/24 dev v1
ip -n far link set v1 up
ip link add v2 type veth peer name v3
ip netns add inn
ip link set v3 netns inn
ip addr add 10.1.0.1/24 dev v2
ip link set v2 up
ip -n inn addr add 10.1.0.2/24 dev v3
ip -n inn link set v3 up
ip -n inn route add default via 10.1.0.1
sysctl -qw net.ipv4.ip_forward=1
iptables -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 10.1.0.2:80
iptables -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
"""
PUBLISHED = "tcp 0.0.0.0:8080 (DNAT to 10.1.0.2:80)"


@pytest.fixture(scope="module")
def kernel() -> Iterator[KernelNetns]:
    """With two clients, of the host and of what it publishes; their servers take others, too."""
    with KernelNetns() as lab:
        lab.sh(SETUP).check()
        lab.start(SERVER.format(2222))
        lab.start(f"ip netns exec inn {SERVER.format(80)}")
        wait_until(lambda: "2222" in lab.sh("ss -Htln").out)
        wait_until(lambda: ":80 " in lab.sh("ip netns exec inn ss -Htln").out)
        for port in (2222, 8080):
            lab.start(f"ip netns exec far {CLIENT.format(port)}")
        wait_until(lambda: lab.sh("ip netns exec far ss -Htn").out.count("ESTAB") == 2)
        yield lab


def asked(kernel: KernelNetns, change: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    rc = whatif([change, "--netns", kernel.netns_path])
    return rc, capsys.readouterr().out.splitlines()


def test_a_policy_cuts_who_listens_and_spares_who_is_connected(
    kernel: KernelNetns, capsys: pytest.CaptureFixture[str]
) -> None:
    before = kernel.sh("iptables -S").out
    rc, lines = asked(kernel, "iptables -P INPUT DROP", capsys)
    assert rc == 1
    assert [line for line in lines if line.startswith("cut:")] == ["cut: tcp 0.0.0.0:2222 (python3)"]
    assert lines[1] == "    from 10.0.0.254 by v0: filter:INPUT: no rule decides, the policy is DROP"
    assert kernel.sh("iptables -S").out == before


def test_a_rule_of_nft_in_a_chain_of_iptables_is_asked_in_its_place(
    kernel: KernelNetns, capsys: pytest.CaptureFixture[str]
) -> None:
    rc, lines = asked(kernel, "nft insert rule ip filter INPUT ip saddr 10.0.0.2 tcp dport 2222 drop", capsys)
    assert rc == 1
    (cut,) = (line for line in lines if line.startswith("cut:"))
    assert "ESTABLISHED src=10.0.0.2 dst=10.0.0.1" in cut
    assert lines[1] == "    there: filter:INPUT:1 (ip saddr 10.0.0.2 tcp dport 2222 drop): DROP"


def test_a_rule_for_one_peer_cuts_its_connection_alone(
    kernel: KernelNetns, capsys: pytest.CaptureFixture[str]
) -> None:
    rc, lines = asked(kernel, "iptables -I INPUT -s 10.0.0.2 -p tcp -j DROP", capsys)
    assert rc == 1
    (cut,) = (line for line in lines if line.startswith("cut:"))
    assert "ESTABLISHED src=10.0.0.2 dst=10.0.0.1" in cut
    assert lines[1].startswith("    there: filter:INPUT:1 (-s 10.0.0.2")


def test_a_route_that_goes_away_cuts_answers(kernel: KernelNetns, capsys: pytest.CaptureFixture[str]) -> None:
    rc, lines = asked(kernel, "ip route del 10.0.0.0/24 dev v0", capsys)
    assert rc == 1
    assert any(line.startswith("    back: ") for line in lines)


def test_a_change_that_cuts_nothing_ends_with_0(
    kernel: KernelNetns, capsys: pytest.CaptureFixture[str]
) -> None:
    rc, lines = asked(kernel, "iptables -A INPUT -s 203.0.113.0/24 -j DROP", capsys)
    assert rc == 0
    assert lines[-1].startswith("0 cut, 0 let in, of ")


def test_what_kept_a_socket_shut_is_told_of_before(
    kernel: KernelNetns, capsys: pytest.CaptureFixture[str]
) -> None:
    kernel.sh("iptables -I INPUT -p tcp -j DROP").check()
    try:
        rc, lines = asked(kernel, "iptables -D INPUT 1", capsys)
    finally:
        kernel.sh("iptables -D INPUT 1").check()
    reasons = [line.partition(": ")[2] for line in lines if line.startswith("    ")]
    assert rc == 0
    assert len(reasons) > 1
    assert set(reasons) == {"before: filter:INPUT:1 (-p tcp -j DROP): DROP"}, "and no probe is counted"


def test_what_is_forwarded_is_cut_with_the_port_that_is_published(
    kernel: KernelNetns, capsys: pytest.CaptureFixture[str]
) -> None:
    rc, lines = asked(kernel, "iptables -I FORWARD -j DROP", capsys)
    connection, port = (line for line in lines if line.startswith("cut:"))
    assert "dport=8080 src=10.1.0.2 dst=10.0.0.2 sport=80" in connection
    assert port == f"cut: {PUBLISHED}"
    ways = [line.split(":")[0].strip() for line in lines if line.startswith("    ")]
    assert ways == ["there", "back", "from 10.0.0.254 by v0", "from 10.1.0.254 by v2"]
    assert (rc, lines[-1]) == (1, "2 cut, 0 let in, of 2 connections, 1 listening sockets, 1 published ports")


def test_connections_that_are_not_asked_about_are_counted_apart(
    kernel: KernelNetns, capsys: pytest.CaptureFixture[str]
) -> None:
    over = "-p tcp -s 10.0.0.9 -d 10.0.0.1 --sport 5 --dport 6"
    kernel.sh(f"conntrack -I {over} --state TIME_WAIT -t 60 2> /dev/null").check()
    _, lines = asked(kernel, "iptables -A INPUT -s 203.0.113.0/24 -j DROP", capsys)
    kernel.sh(f"conntrack -D {over} 2> /dev/null").check()
    assert "of 2 connections, " in lines[-1]
    assert lines[-1].endswith("; 1 connections are over, or of IPv6 or other protocols")


def test_a_port_that_is_no_longer_published_comes_to_the_host_itself(
    kernel: KernelNetns, capsys: pytest.CaptureFixture[str]
) -> None:
    rc, lines = asked(kernel, "iptables -t nat -F", capsys)
    assert rc == 1
    assert lines[:2] == [
        f"moved: {PUBLISHED}",
        "    from 10.0.0.254 by v0: comes to 10.0.0.1:8080, not to 10.1.0.2:80",
    ]
    assert lines[-1].startswith("0 cut, 1 moved, 0 let in, of 2 connections"), "what is connected stays so"


def test_a_command_that_fails_is_named(kernel: KernelNetns, capsys: pytest.CaptureFixture[str]) -> None:
    assert whatif(["iptables -A NOWHERE -j DROP", "--netns", kernel.netns_path]) == 2
    assert "No chain/target/match by that name" in capsys.readouterr().err
