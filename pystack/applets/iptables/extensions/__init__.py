"""The extensions of iptables: one file for a match or target, or for a family that shares its options."""
