"""`tcpdump`: frames as they pass a device, shown or saved as tcpdump 4.99.3 does."""
