"""Octets that users wrote are shown as the characters that they are."""

from pystack.applets.nft.json_out.dump import dump
from pystack.applets.nft.json_out.expressions import json_of
from pystack.applets.nft.printer.expressions import text
from pystack.applets.nft.printer.page import Page
from pystack.applets.nft.printer.tables import table_text
from pystack.applets.nft.said import comment_words, said
from pystack.applets.nft.tree.expressions import Element, SetName
from pystack.applets.nft.tree.listed import ListedTable

OCTETS = "für 5 €".encode().decode("latin-1")  # as the lexer reads them


def test_characters_of_several_octets_are_put_together() -> None:
    assert said(OCTETS) == "für 5 €"
    assert comment_words(OCTETS) == 'comment "für 5 €"'
    assert comment_words("") == ""


def test_octets_that_are_no_character_survive_being_written() -> None:
    assert said("\xff").encode(errors="surrogateescape") == b"\xff"


def test_listings_show_them_so() -> None:
    element = Element(SetName("s"), comment=OCTETS)
    assert text(element, Page()) == '@s comment "für 5 €"'
    assert dump(json_of(element, Page())) == '{"elem": {"val": "@s", "comment": "für 5 €"}}'
    assert 'comment "für 5 €"' in table_text(ListedTable("ip", "t", 1, comment=OCTETS), Page())
