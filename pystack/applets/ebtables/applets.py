"""ebtables under all its names; plain `ebtables` is nft's, as on Debian."""

from __future__ import annotations

from typing import Final

from pystack.applets.ebtables import command, restore, save
from pystack.applets.ebtables.legacy import save as legacy_save
from pystack.applets.iptables.owner import NFT_OWNER
from pystack.applets.session import Applet

APPLETS: Final[dict[str, Applet]] = {
    "ebtables": command.run,
    "ebtables-nft": command.run,
    "ebtables-legacy": command.run_legacy,
    "ebtables-legacy-save": legacy_save.save,
    "ebtables-legacy-restore": legacy_save.restore,
    "ebtables-save": save.applet(NFT_OWNER, "ebtables-save"),
    "ebtables-nft-save": save.applet(NFT_OWNER, "ebtables-nft-save"),
    "ebtables-restore": restore.applet(NFT_OWNER),
    "ebtables-nft-restore": restore.applet(NFT_OWNER),
}
