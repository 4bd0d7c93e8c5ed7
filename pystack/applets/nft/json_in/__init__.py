"""JSON by nft's published schema, read into the tree that its language is read into."""
