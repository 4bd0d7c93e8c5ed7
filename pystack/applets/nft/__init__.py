"""nft: its language read, checked, compiled to rules, and printed as the real one prints it."""
