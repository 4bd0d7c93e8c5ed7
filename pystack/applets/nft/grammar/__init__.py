"""nft's grammar: a function for each thing that a text may say, and one module for each topic."""
