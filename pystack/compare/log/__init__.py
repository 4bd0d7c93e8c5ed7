"""`compare log`: what lines of the kernel's log tell of packets, held against what pystack would print."""
