"""arptables: the rules for ARP packets of this host's own, and in bridges."""
