"""What would happen to a packet, and why: told by a host that nobody else uses."""
