"""What rules of nftables do: each statement is a test that acts, and says whether the rule goes on."""
