"""iptables of 1.8.9, its -save and -restore, over the nft and over the legacy tables."""
