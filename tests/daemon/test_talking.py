"""Two commands of one daemon that talk to each other, and to their users, at the same time."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.daemon.running import PATIENCE, PYSTACK, clean_environment, daemon, memory_daemon_config

pytestmark = pytest.mark.slow


def test_what_is_typed_goes_out_while_what_comes_in_is_printed(tmp_path: Path) -> None:
    path = memory_daemon_config(tmp_path, 'setup_text = "ip link set lo up"\n')
    with daemon(tmp_path, "-c", path) as running:
        command = [*PYSTACK, "-S", str(running.socket), "nc", "-u", "-n"]
        listener = subprocess.Popen(
            [*command, "-l", "-v", "-W", "2", "53"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=clean_environment(),
            text=True,
        )
        with listener:
            assert listener.stdin is not None
            assert listener.stdout is not None
            assert listener.stderr is not None
            assert listener.stderr.readline() == "Bound on 0.0.0.0 53\n"
            speaker = subprocess.Popen(
                [*command, "-W", "1", "127.0.0.1", "53"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=clean_environment(),
                text=True,
            )
            with speaker:
                assert speaker.stdin is not None
                speaker.stdin.write("question\n")
                speaker.stdin.flush()
                assert listener.stdout.readline() == "question\n"
                listener.stdin.write("answer\n")
                listener.stdin.flush()
                assert speaker.stdout is not None
                assert speaker.stdout.read() == "answer\n"
                assert speaker.wait(PATIENCE) == 0
            listener.terminate()
