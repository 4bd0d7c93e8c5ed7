"""Socket objects that do no I/O: ping, raw, packet."""
