"""`pystack run --check`: whether the daemon would start, as far as that can be known without starting it."""

from __future__ import annotations

from typing import Final

from pystack.daemon.account import Account, NotAllowed
from pystack.daemon.config import ConfigError
from pystack.daemon.hooks_section import HooksFailed
from pystack.daemon.log import Log
from pystack.daemon.settings import LAB
from pystack.daemon.stack import build, load
from pystack.drivers.regular_file import open_regular

DONE: Final = 0
USAGE: Final = 2
LACKING: Final = 4


def check(path: str, allow_system_changes: bool) -> int:
    """Read the configuration, and run its setups on a stack that nobody will use; nothing is opened."""
    log = Log()
    try:
        config = load(path, read_text, allow_system_changes) if path else LAB
        build(config)
        Account.of(config.daemon)
    except ConfigError as error:
        for line in error.complaints:
            log.error(line)
        return USAGE
    except (NotAllowed, HooksFailed) as error:
        log.error(str(error))
        return LACKING
    log.info(f"{path or 'the built-in lab'}: the configuration is right")
    return DONE


def read_text(path: str) -> str:
    """A file of the configuration, with our own rights."""
    with open(open_regular(path), encoding="utf-8") as file:
        return file.read()
