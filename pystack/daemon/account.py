"""Who the daemon is on this system, and who owns its sockets."""

from __future__ import annotations

import grp
import os
import pwd
from typing import NamedTuple

from pystack.daemon.settings import DaemonSettings


class NotAllowed(Exception):
    """The rights lack something: the sentence for the user."""


class Account(NamedTuple):
    """The user whose rights the daemon works with, and the group that may use its sockets; -1: as it is."""

    user: str = ""
    uid: int = -1
    user_gid: int = -1
    gid: int = -1

    @classmethod
    def of(cls, settings: DaemonSettings) -> Account:
        """From a configuration that was checked: its names exist. Raises NotAllowed."""
        entry = pwd.getpwnam(settings.user) if settings.user else None
        if entry is not None and os.geteuid() not in (0, entry.pw_uid):
            raise NotAllowed(f"only root can become user {settings.user}")
        gid = grp.getgrnam(settings.group).gr_gid if settings.group else -1
        if entry is None:
            return cls(gid=gid)
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid, gid if gid >= 0 else entry.pw_gid)

    def become(self) -> None:
        """Give up all other rights, for good."""
        if not self.user or os.geteuid() == self.uid:
            return
        os.initgroups(self.user, self.user_gid)
        os.setresgid(self.user_gid, self.user_gid, self.user_gid)
        os.setresuid(self.uid, self.uid, self.uid)


def user_name() -> str:
    """Who we are now."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
