"""What rules can do with a packet: one file for a target, or for a family of small ones."""
