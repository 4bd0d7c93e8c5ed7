"""nftables: tables that users name, whose chains hang at any hook with any priority.

Rules are made of expressions, what these are held against, and statements. An expression reads some octets
out of a packet, or of what is noted about it; where there is nothing to read the rule does not match, as with
the kernel's NFT_BREAK. Numbers are big-endian here wherever they come from, so that values of all kinds
compare as octets; Linux's registers hold some in the machine's order.
"""
