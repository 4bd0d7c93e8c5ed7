"""A reject of which a listing cannot tell the message sends it all the same."""

from pystack.applets import virtual
from pystack.applets.virtual import run_setup
from pystack.host import Host

SETUP = """ip netns add b
ip link add v type veth peer name w netns b
ip address add 10.0.0.1/24 dev v
ip link set v up
ip -n b address add 10.0.0.2/24 dev w
ip -n b link set w up
nft 'add table inet t; add chain inet t c { type filter hook input priority 0; }'
nft add rule inet t c iiftype ether reject with icmp type admin-prohibited
"""


def test_the_message_is_the_one_that_was_asked_for() -> None:
    host = Host()
    assert run_setup(host, SETUP, "setup") == []
    listed = virtual.run(["nft", "list", "chain", "inet", "t", "c"], host).out
    assert "\t\t@ll,96,16 0x800 meta iiftype ether reject\n" in listed
    asked = virtual.run(["ip", "netns", "exec", "b", "ping", "-c1", "10.0.0.1"], host)
    assert "Packet filtered" in asked.out
