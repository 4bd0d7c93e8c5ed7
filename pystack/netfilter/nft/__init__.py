"""nftables: tables that users name, whose chains hang at any hook with any priority."""
