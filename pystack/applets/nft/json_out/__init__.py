"""Listings as `nft -j` prints them: evaluated trees as JSON.

Linux: nftables src/json.c, libnftables-json(5)
"""
