"""`pystack compare live --json` of a namespace, while a test does something there."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pystack.compare.lab.kernel_netns import KernelNetns
from tests.compare.lab.patience import wait_until
from tests.daemon.running import clean_environment

PATIENCE = 60.0  # seconds: a program begins late on a busy machine
Json = dict[str, Any]


class Watching:
    """One comparison, from when it has begun."""

    def __init__(self, kernel: KernelNetns, *options: str) -> None:
        self._folder = TemporaryDirectory()
        self._said = Path(self._folder.name, "said")  # a pipe that nobody reads would hold it up
        argv = [sys.executable, "-m", "pystack", "compare", "live", kernel.netns_path, "--json", *options]
        with self._said.open("w") as out:
            self.process = subprocess.Popen(argv, stdout=out, env=clean_environment())

    def __enter__(self) -> "Watching":
        try:
            wait_until(lambda: any(one["type"] == "begin" for one in self.told()), PATIENCE)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.end()
        self._folder.cleanup()

    def told(self) -> list[Json]:
        """What it has said so far."""
        lines = self._said.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def end(self) -> list[Json]:
        """All that it said."""
        os.kill(self.process.pid, signal.SIGINT)
        self.process.wait(60)
        return self.told()
