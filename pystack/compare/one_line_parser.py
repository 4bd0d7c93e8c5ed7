"""Command lines of verbs, whose mistakes are told in one line."""

from __future__ import annotations

import argparse
from typing import Final, NoReturn

USAGE: Final = 2  # the exit code of bad usage


class OneLineParser(argparse.ArgumentParser):
    """Complains in one line, as everything of pystack's does."""

    def error(self, message: str) -> NoReturn:
        """Say it, and end."""
        self.exit(USAGE, f"{self.prog}: {message}\n")
