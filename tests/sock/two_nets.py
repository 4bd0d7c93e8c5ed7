"""A host in two nets with a neighbour in each, as the tests against the kernel set it up on both sides."""

PORTS = ("tap1", "tap2")
MACS = {"tap1": bytes.fromhex("020000000001"), "tap2": bytes.fromhex("020000000002")}
SETUP = """
ip link set lo up
ip addr add 10.1.0.1/24 brd 10.1.0.255 dev tap1
ip addr add 10.1.0.3/24 brd 10.1.0.255 dev tap1
ip addr add 10.2.0.1/24 brd 10.2.0.255 dev tap2
ip link set tap1 up
ip link set tap2 up
ip neigh add 10.1.0.7 lladdr 02:00:00:00:00:77 dev tap1
ip neigh add 10.2.0.7 lladdr 02:00:00:00:00:78 dev tap2
ip route add unreachable 10.7.0.0/16
ip route add prohibit 10.8.0.0/16
"""
OWN = ("0.0.0.0", "10.1.0.1", "10.1.0.3", "10.2.0.1", "127.0.0.1")
