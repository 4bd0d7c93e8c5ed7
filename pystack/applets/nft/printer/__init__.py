"""Listings as nft prints them: the text of evaluated trees."""
