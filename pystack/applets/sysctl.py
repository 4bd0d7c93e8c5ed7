"""`sysctl`: read and write the names below /proc/sys, as procps-ng 4.0.2 does.

In work: no command is registered for it yet.
"""
