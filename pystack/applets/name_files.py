"""The files that say which names numbers have on the user's machine: everyone may read them."""

from __future__ import annotations

from typing import Final

SERVICES: Final = "/etc/services"
HOSTS: Final = "/etc/hosts"
NETWORKS: Final = "/etc/networks"
PROTOCOLS: Final = "/etc/protocols"
USERS: Final = "/etc/passwd"
GROUPS: Final = "/etc/group"

NAME_FILES: Final = frozenset({SERVICES, HOSTS, NETWORKS, PROTOCOLS, USERS, GROUPS})
