"""Rules of our own that show real packets to pystack, and the processes that answer for them.

The law: what a host accepts and drops is the same with them, without them, with whoever answers stopped, and
with him killed. A queue's ACCEPT goes on at the next hook, not at the next rule; so a shim is the last rule
of a chain whose policy is ACCEPT, where nothing can follow it, or it is refused.
"""
