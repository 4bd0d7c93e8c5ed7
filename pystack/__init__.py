"""A userspace Linux packet path: run it, have it explained, compare it with the kernel.

Nothing is imported here: the command must start in less than 100 ms, and the core
must not drag the shell along. Import what you need from where it lives, for example
`from pystack.host import Host`.
"""

__version__ = "0.1.0.dev0"
