"""Tables and what is in them as `nft -j` 1.0.6 lists them; the texts are measured."""

from dataclasses import replace

from pystack.applets.nft.json_out.dump import dump
from pystack.applets.nft.json_out.tables import (
    declaration_things,
    listing,
    object_thing,
    set_thing,
    table_things,
)
from pystack.applets.nft.printer.page import Page
from pystack.applets.nft.style import Style
from pystack.applets.nft.tree.commands import ObjectText, SetText
from pystack.applets.nft.tree.expressions import Concatenation, Payload
from pystack.applets.nft.tree.listed import ListedObject, ListedSet
from pystack.applets.nft.tree.statements import Counter, Limit, Quota
from tests.applets.nft.printer.test_expressions import DPORT, PAGE, SADDR
from tests.applets.nft.printer.test_statements import MIB
from tests.applets.nft.printer.test_tables import PORTS, TABLE


def test_a_table_comes_with_all_chains_in_front_of_all_rules() -> None:
    assert [dump(thing) for thing in table_things(TABLE, PAGE)] == [
        '{"table": {"family": "ip", "name": "n", "handle": 1, "flags": "dormant"}}',
        '{"counter": {"family": "ip", "name": "cn", "table": "n", "handle": 7, "packets": 3, "bytes": 7}}',
        '{"set": {"family": "ip", "name": "s", "table": "n", "type": "ipv4_addr", "handle": 8, '
        '"elem": ["10.0.0.1", "10.0.0.2", "10.0.0.3"]}}',
        '{"chain": {"family": "ip", "table": "n", "name": "o", "handle": 1}}',
        '{"chain": {"family": "ip", "table": "n", "name": "in", "handle": 2, "type": "filter", '
        '"hook": "input", "prio": -5, "policy": "drop"}}',
        '{"rule": {"family": "ip", "table": "n", "chain": "in", "handle": 9, "comment": "ssh", "expr": '
        '[{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}}, '
        '{"accept": null}]}}',
    ]


def test_an_answer_begins_with_what_nft_says_of_itself() -> None:
    assert listing([]) == (
        '{"nftables": [{"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", '
        '"json_schema_version": 1}}]}\n'
    )


def test_declarations_have_no_rules() -> None:
    things = [dump(thing) for thing in declaration_things(TABLE, PAGE)]
    assert [thing for thing in things if thing.startswith('{"rule"')] == []
    assert len(things) == 4


def test_a_set_says_what_it_was_declared_with() -> None:
    text = SetText(
        name="s",
        key=Concatenation((SADDR, DPORT)),
        data=("ipv4_addr", "mark"),
        is_map=True,
        flags=("timeout", "interval", "dynamic"),
        timeout=3_600_000,
        gc_interval=10_000,
        size=100,
        policy="memory",
        comment="c",
        statements=(Counter(1, 2),),
    )
    assert dump(set_thing(TABLE, ListedSet(text, 5), PAGE)) == (
        '{"map": {"family": "ip", "name": "s", "table": "n", "type": ["ipv4_addr", "inet_service"], '
        '"handle": 5, "comment": "c", "map": "ipv4_addr . mark", "policy": "memory", "size": 100, '
        '"flags": ["interval", "timeout"], "timeout": 3600, "gc-interval": 10, "stmt": [{"counter": null}]}}'
    )


def test_a_terse_listing_has_no_elements() -> None:
    text = SetText(name="s", key=Payload("vlan", "id"), elements=PORTS)
    assert dump(set_thing(TABLE, ListedSet(text, 5), Page(Style(terse=True)))) == (
        '{"set": {"family": "ip", "name": "s", "table": "n", "type": "integer", "handle": 5}}'
    )


def object_words(text: ObjectText) -> str:
    return dump(object_thing(replace(TABLE, name="n"), ListedObject(text, 8))).partition('"handle": 8, ')[2]


def test_named_objects_say_their_numbers() -> None:
    assert object_words(ObjectText(kind="quota", name="q", statement=Quota(1025, 3, over=True))) == (
        '"bytes": 1025, "used": 3, "inv": true}}'
    )
    assert object_words(ObjectText(kind="limit", name="l", statement=Limit(10, "minute", 7, over=True))) == (
        '"rate": 10, "per": "minute", "inv": true, "burst": 7}}'
    )
    limit = Limit(MIB, "second", octets=True)
    assert object_words(ObjectText(kind="limit", name="l", statement=limit, comment="ll")) == (
        '"comment": "ll", "rate": 1, "per": "second", "rate_unit": "mbytes"}}'
    )


def test_what_is_named_for_connections_says_its_protocols() -> None:
    fields: dict[str, object] = {"protocol": "tcp", "l3proto": "ip", "policy": {"close": 4}}
    assert object_words(ObjectText(kind="ct timeout", name="t", fields=fields)) == (
        '"protocol": "tcp", "l3proto": "ip", "policy": {"close": 4}}}'
    )
    fields = {"type": "ftp", "protocol": "tcp", "l3proto": "ip"}
    assert object_words(ObjectText(kind="ct helper", name="h", fields=fields)) == (
        '"type": "ftp", "protocol": "tcp", "l3proto": "ip"}}'
    )
