"""The applet ipset: sets of addresses for rules of iptables."""
