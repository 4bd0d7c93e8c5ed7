"""`tcpdump`: frames as they pass a device, shown or saved as tcpdump 4.99.3 does.

command.py runs; options.py reads its words, capture.py listens, savefile.py reads files, filter/ picks, and
dissect.py prints, with one file for each protocol.
"""

from __future__ import annotations

from pystack.applets.tcpdump.command import run

__all__ = ["run"]
