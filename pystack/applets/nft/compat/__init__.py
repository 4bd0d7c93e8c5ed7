"""What nft lists of tables that iptables-nft and its kin have filled: rules in nft's words.

What these programs say in expressions of nft's own is a part of the tree like any other; what the kernel asks
an xtables module about is an Xt, with the words in which libxtables translates it.
"""
