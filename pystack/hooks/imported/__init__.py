"""The state of one of the kernel's namespaces, taken over into a host of ours.

Linux's own tools are asked for their listings, in one go; everything behind that is pure: the listings become
commands for ours, and what ours do not know is named and left out.
"""
