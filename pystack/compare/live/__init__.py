"""A live namespace of the kernel beside a copy of it here: the same real packets through both.

The kernel's path is shown by NFLOG probes, which accept everything and change the fate of no packet. What was
seen to begin (a frame that entered, a packet that a program sent) goes through the copy a moment later, and
the two ways are laid beside each other, hop by hop.
"""
