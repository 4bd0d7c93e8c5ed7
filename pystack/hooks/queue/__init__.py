"""Packets that the kernel's NFQUEUE hands over, and what is answered to it."""
