"""What stands in the kernel's own packet path: what it logs, and what it asks about."""
