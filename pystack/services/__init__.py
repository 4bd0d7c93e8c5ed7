"""What a host offers to others over its own sockets."""
