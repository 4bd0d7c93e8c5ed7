"""What rules can ask of a packet: one file for a match, or for a family of small ones."""
