"""What can go wrong in a lab, by whose fault it is."""

from __future__ import annotations


class LabUnavailable(Exception):
    """This machine, or the rights we have on it, cannot make such a lab; the text says what is missing."""


class LabBroken(Exception):
    """A lab that worked has stopped working: its process died or answered nonsense."""


class CommandFailed(Exception):
    """A command that had to succeed did not."""

    def __init__(self, command: str, rc: int, text: str) -> None:
        super().__init__(f"exit code {rc}: {command}\n{text.rstrip()}".rstrip())
        self.command = command
        self.rc = rc
        self.text = text


class FrameRefused(Exception):
    """The kernel did not take a frame into its port: the device is down, or the frame is no frame."""

    def __init__(self, port: str, error: OSError) -> None:
        super().__init__(f"{port}: {error.strerror or error}")
        self.port = port
        self.errno = error.errno or 0
