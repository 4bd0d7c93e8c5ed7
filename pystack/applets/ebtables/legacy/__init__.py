"""What ebtables-legacy does and says otherwise than ebtables-nft."""
