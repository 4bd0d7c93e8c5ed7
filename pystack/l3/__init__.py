"""Addresses, routes, ARP, the IPv4 path."""
