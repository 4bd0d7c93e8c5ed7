"""arptables under all its names; plain `arptables` is nft's, as on Debian."""

from __future__ import annotations

from typing import Final

from pystack.applets.arptables import command, save
from pystack.applets.arptables.command import LEGACY_OWNER, NFT_OWNER
from pystack.applets.session import Applet

APPLETS: Final[dict[str, Applet]] = {
    name: applet
    for program, owner in (
        ("arptables", NFT_OWNER),
        ("arptables-nft", NFT_OWNER),
        ("arptables-legacy", LEGACY_OWNER),
    )
    for name, applet in (
        (program, command.applet(owner)),
        (f"{program}-save", save.save_applet(owner, f"{program}-save")),
        (f"{program}-restore", save.restore_applet(owner)),
    )
}
