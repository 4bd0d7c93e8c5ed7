# Commands of several programs on the same tables: each on a line of its own.
iptables -A FORWARD -p tcp --dport 80 -m comment --comment x -j ACCEPT
iptables -P INPUT DROP
nft insert rule ip filter FORWARD drop
iptables -S
iptables -nvL FORWARD
nft add rule ip filter FORWARD ip saddr 1.2.3.4 tcp dport 22 counter accept
nft add rule ip filter FORWARD iifname eth7 meta mark 5 limit rate 3/second reject
iptables -S
iptables -S FORWARD
iptables -L
iptables-save
iptables -A FORWARD -j DROP
iptables -D FORWARD 5
iptables -I FORWARD 2 -s 10.0.0.1
iptables -R FORWARD 1 -j DROP
nft -a list ruleset
nft -j list ruleset
iptables -F
iptables -N users
iptables -N users
nft add rule ip filter FORWARD jump users
iptables -nL users
iptables -X users
nft delete chain ip filter users
iptables -A users -j LOG
nft add rule ip filter users ip saddr 10.0.0.0/8 tcp dport 1-5 counter packets 3 bytes 5 drop
nft add rule ip filter users ip saddr != 10.0.0.1 udp sport != 5 accept
nft add rule ip filter users iifname eth0 oifname != '"eth*"' ip protocol 253 return
nft add rule ip filter users counter goto users
nft add rule ip filter users meta l4proto udp udp dport '>= 5'
nft add rule ip filter users tcp flags syn / syn,ack tcp dport 5
nft add rule ip filter users 'tcp flags & syn == syn' counter
nft add rule ip filter users meta mark 5 'meta mark & 3 == 1'
nft add rule ip filter users limit rate 3/second
nft add rule ip filter users log group 1 prefix x
nft add rule ip filter users 'ip saddr & 255.0.255.0 == 10.0.1.0'
nft add rule ip filter users 'ip frag-off & 0x1fff != 0'
nft add rule ip filter users ip ttl 5
iptables -S
iptables -v -S users
iptables -nvL users
iptables -C users ! -s 10.0.0.1 -p udp ! --sport 5 -j ACCEPT
iptables -D users ! -s 10.0.0.1 -p udp -m udp ! --sport 5 -j ACCEPT
iptables -Z users
nft flush chain ip filter users
iptables -F FORWARD
iptables -X users
nft add chain ip filter base '{ type filter hook input priority 5; }'
iptables -S
iptables -A base -j DROP
iptables -S base
nft add set ip filter s '{ type ipv4_addr; }'
nft list ruleset
nft rename chain ip filter base other
nft delete chain ip filter other
nft delete table ip filter
iptables -S
nft list ruleset
iptables -t nat -S
nft add table ip nat
nft add chain ip nat POSTROUTING '{ type nat hook postrouting priority 100; }'
iptables -t nat -A POSTROUTING -j MASQUERADE
iptables -t nat -P POSTROUTING DROP
nft list ruleset
nft delete rule ip nat POSTROUTING handle 2
nft -a list ruleset
nft flush ruleset
nft list tables
nft add table ip filter
nft add chain ip filter INPUT '{ type filter hook input priority 5; }'
iptables -A OUTPUT -j ACCEPT
iptables -A INPUT -j DROP
iptables -L -n
nft flush ruleset
iptables -A INPUT -j DROP
nft 'flush ruleset; delete table ip nosuch'
nft -c flush ruleset
iptables -S INPUT
nft 'flush ruleset; add table ip filter; add chain ip filter mine'
nft list ruleset
iptables -A INPUT -s 1.1.1.1
iptables -N c1
iptables -E c1 c2
iptables -P FORWARD DROP
iptables -Z
iptables -Z INPUT 1
iptables -X
ebtables -N usr
ebtables -A usr -j DROP
ebtables -A FORWARD -j usr
ebtables -P usr DROP
nft -a list table bridge filter
ebtables -P usr RETURN
ebtables -P usr ACCEPT
ebtables -N u2 -P DROP
ebtables -E u2 u3
ebtables -P FORWARD DROP
nft -a list table bridge filter
nft list chain bridge filter usr
ip6tables -A INPUT -p 253 -j REJECT
nft add rule ip6 filter INPUT ip6 saddr fe80::/10 tcp dport 22 drop
ip6tables -S
arptables -A INPUT -j DROP
arptables -P OUTPUT DROP
nft list table arp filter
nft flush table arp filter
nft list table arp filter
iptables -t nat -N X
iptables -t nat -A X -j SNAT --to-source 1.2.3.4
iptables -t nat -A PREROUTING -s 1.1.1.1
nft add rule ip nat PREROUTING jump X
nft 'add map ip nat m { type inet_service : verdict; }; add element ip nat m { 22 : jump X }; add rule ip nat PREROUTING tcp dport vmap @m'
nft 'add map ip nat m { type inet_service : verdict; }; add element ip nat m { 22 : jump X }'
iptables -t nat -X X
iptables -t nat -F X
nft 'add rule ip nat PREROUTING tcp dport vmap @m'
iptables -t nat -A X -j X
nft add rule ip nat X jump X
iptables -t nat -A X -j DNAT --to-destination 1.2.3.4
iptables -t nat -X X
iptables -t nat -F
nft list table ip nat
iptables-legacy -A INPUT -j DROP
nft list table ip filter
