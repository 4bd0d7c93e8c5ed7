"""A difference that was found live, told to a lab: to a fresh namespace of the kernel's and a fresh host of
ours, both with the state of the copy, and the packets of the flow up to the one that differs.
"""
