"""ebtables under all its names; plain `ebtables` is nft's, as on Debian."""

from __future__ import annotations

from typing import Final

from pystack.applets.ebtables import command, restore, save
from pystack.applets.iptables.owner import LEGACY_OWNER, NFT_OWNER
from pystack.applets.session import Applet

APPLETS: Final[dict[str, Applet]] = {
    "ebtables": command.applet(NFT_OWNER),
    "ebtables-nft": command.applet(NFT_OWNER),
    "ebtables-legacy": command.applet(LEGACY_OWNER),
    "ebtables-save": save.applet(NFT_OWNER, "ebtables-save"),
    "ebtables-nft-save": save.applet(NFT_OWNER, "ebtables-nft-save"),
    "ebtables-restore": restore.applet(NFT_OWNER),
    "ebtables-nft-restore": restore.applet(NFT_OWNER),
}
