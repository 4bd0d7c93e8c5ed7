"""Words that users chose: comments and prefixes.

The tree has them as nft has, octet by octet; whoever reads a listing wants to see characters.
"""

from __future__ import annotations


def said(text: str) -> str:
    """The characters of a text that has one for each octet; what is no UTF-8 survives being written."""
    return text if text.isascii() else text.encode("latin-1").decode(errors="surrogateescape")


def comment_words(comment: str) -> str:
    """`comment "…"`, or nothing."""
    return f'comment "{said(comment)}"' if comment else ""
