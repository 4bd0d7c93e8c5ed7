"""iptables and ip6tables under all their names; plain `iptables` is nft's, as on Debian. Their monitor."""

from __future__ import annotations

from typing import Final

from pystack.applets.iptables import command, monitor, restore, save
from pystack.applets.iptables.owner import LEGACY_OWNER, LEGACY_OWNER6, NFT_OWNER, NFT_OWNER6
from pystack.applets.session import Applet

APPLETS: Final[dict[str, Applet]] = {
    name: applet
    for program, owner in (
        ("iptables", NFT_OWNER),
        ("iptables-nft", NFT_OWNER),
        ("iptables-legacy", LEGACY_OWNER),
        ("ip6tables", NFT_OWNER6),
        ("ip6tables-nft", NFT_OWNER6),
        ("ip6tables-legacy", LEGACY_OWNER6),
    )
    for name, applet in (
        (program, command.applet(owner, program)),
        (f"{program}-save", save.applet(owner, f"{program}-save")),
        (f"{program}-restore", restore.applet(owner, f"{program}-restore")),
    )
} | {monitor.PROGRAM: monitor.run}
