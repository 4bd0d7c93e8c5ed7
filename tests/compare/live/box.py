"""A test box of a test's own: a bridge with two containers, an uplink, and rules as docker writes them."""

SETUP = """
for side in ca cb out; do ip netns add $side; ip -n $side link set lo up; done
sysctl -qw net.ipv4.ip_forward=1
ip link add br-c type bridge
ip link add va type veth peer name eth0 netns ca
ip link add vb type veth peer name eth0 netns cb
ip link add up0 type veth peer name eth0 netns out
for port in va vb; do ip link set $port master br-c; ip link set $port up; done
ip addr add 172.18.0.1/24 dev br-c
ip addr add 192.0.2.2/24 dev up0
ip link set lo up; ip link set br-c up; ip link set up0 up
ip -n ca addr add 172.18.0.2/24 dev eth0
ip -n cb addr add 172.18.0.3/24 dev eth0
ip -n out addr add 192.0.2.1/24 dev eth0
for side in ca cb out; do
    ip -n $side link set eth0 up
    ip netns exec $side sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv4.icmp_ratelimit=0
done
for side in ca cb; do ip -n $side route add default via 172.18.0.1; done
ip -n out route add 172.18.0.0/24 via 192.0.2.2
ip route add default via 192.0.2.1
sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_msgs_per_sec=10000
iptables-restore <<RULES
*nat
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.18.0.0/24 ! -o br-c -j MASQUERADE
-A DOCKER -i br-c -j RETURN
-A DOCKER ! -i br-c -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.18.0.2:80
COMMIT
*filter
:FORWARD DROP [0:0]
:DOCKER - [0:0]
-A FORWARD -o br-c -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o br-c -j DOCKER
-A FORWARD -i br-c ! -o br-c -j ACCEPT
-A FORWARD -i br-c -o br-c -j ACCEPT
-A DOCKER -d 172.18.0.2/32 ! -i br-c -o br-c -p tcp -m tcp --dport 80 -j ACCEPT
-A INPUT -i up0 -p tcp --dport 5201 -j DROP
COMMIT
RULES
"""
