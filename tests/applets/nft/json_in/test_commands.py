"""Commands in JSON become the tree that their text becomes."""

import pytest

from pystack.applets.nft.json_in.commands import read_json
from pystack.applets.nft.place import COMMAND_LINE, Source
from pystack.applets.nft.reading import parse
from pystack.applets.nft.tree.commands import Command


def of_json(commands: str) -> list[Command]:
    found = read_json(Source("/dev/stdin", f'{{"nftables": [{commands}]}}'))
    assert found is not None
    assert not found.errors, "".join(error.text() for error in found.errors)
    return found.commands


def of_text(text: str) -> list[Command]:
    return parse(Source(COMMAND_LINE, f"{text}\n"))


OWNER = '"family": "ip", "table": "t"'


@pytest.mark.parametrize(
    ("json", "text"),
    [
        ('{"add": {"table": {"family": "ip", "name": "t"}}}', "add table ip t"),
        ('{"table": {"family": "ip", "name": "t", "handle": 5}}', "add table ip t"),
        ('{"create": {"table": {"family": "inet", "name": "t"}}}', "create table inet t"),
        ('{"delete": {"table": {"family": "ip", "name": "t"}}}', "delete table ip t"),
        ('{"delete": {"table": {"family": "ip", "handle": 5}}}', "delete table ip handle 5"),
        (f'{{"add": {{"chain": {{{OWNER}, "name": "c"}}}}}}', "add chain ip t c"),
        (
            f'{{"add": {{"chain": {{{OWNER}, "name": "c", "type": "filter", "hook": "input", "prio": -5, '
            '"policy": "drop"}}}',
            "add chain ip t c { type filter hook input priority -5; policy drop; }",
        ),
        (
            '{"add": {"chain": {"family": "netdev", "table": "t", "name": "c", "type": "filter", '
            '"hook": "ingress", "prio": 0, "dev": "lo"}}}',
            'add chain netdev t c { type filter hook ingress device "lo" priority 0; }',
        ),
        (f'{{"delete": {{"chain": {{{OWNER}, "name": "c"}}}}}}', "delete chain ip t c"),
        (f'{{"rename": {{"chain": {{{OWNER}, "name": "c", "newname": "d"}}}}}}', "rename chain ip t c d"),
        (f'{{"flush": {{"chain": {{{OWNER}, "name": "c"}}}}}}', "flush chain ip t c"),
        ('{"flush": {"ruleset": null}}', "flush ruleset"),
        ('{"list": {"ruleset": {"family": "ip"}}}', "list ruleset ip"),
        ('{"list": {"tables": null}}', "list tables"),
        (f'{{"list": {{"chain": {{{OWNER}, "name": "c"}}}}}}', "list chain ip t c"),
        (f'{{"list": {{"sets": {{{OWNER}}}}}}}', "list sets table ip t"),
        (f'{{"reset": {{"counter": {{{OWNER}, "name": "c"}}}}}}', "reset counter ip t c"),
        ('{"reset": {"quotas": null}}', "reset quotas"),
        (f'{{"delete": {{"rule": {{{OWNER}, "chain": "c", "handle": 4}}}}}}', "delete rule ip t c handle 4"),
        (
            f'{{"add": {{"rule": {{{OWNER}, "chain": "c", "index": 3, "comment": "x", '
            '"expr": [{"accept": null}]}}}',
            'add rule ip t c index 3 accept comment "x"',
        ),
        (
            f'{{"insert": {{"rule": {{{OWNER}, "chain": "c", "handle": 3, "expr": [{{"drop": null}}]}}}}}}',
            "insert rule ip t c handle 3 drop",
        ),
        (
            f'{{"replace": {{"rule": {{{OWNER}, "chain": "c", "handle": 3, "expr": [{{"drop": null}}]}}}}}}',
            "replace rule ip t c handle 3 drop",
        ),
        (
            f'{{"add": {{"set": {{{OWNER}, "name": "s", "type": ["ipv4_addr", "inet_service"], '
            '"flags": ["interval", "timeout"], "timeout": 5, "gc-interval": 7, "size": 3, '
            '"policy": "memory", "elem": [{"elem": {"val": {"concat": ["1.1.1.1", 22]}, "timeout": 3, '
            '"comment": "c"}}]}}}',
            "add set ip t s { type ipv4_addr . inet_service; flags interval,timeout; timeout 5s; "
            "gc-interval 7s; size 3; policy memory; "
            'elements = { 1.1.1.1 . 22 timeout 3s comment "c" } }',
        ),
        (
            f'{{"add": {{"map": {{{OWNER}, "name": "m", "type": "ipv4_addr", "map": "verdict", '
            '"elem": [["1.1.1.1", {"jump": {"target": "c"}}], ["*", {"drop": null}]]}}}',
            "add map ip t m { type ipv4_addr : verdict; elements = { 1.1.1.1 : jump c, * : drop } }",
        ),
        (
            f'{{"add": {{"map": {{{OWNER}, "name": "m", "type": "ipv4_addr", "map": "counter"}}}}}}',
            "add map ip t m { type ipv4_addr : counter; }",
        ),
        (f'{{"delete": {{"set": {{{OWNER}, "handle": 5}}}}}}', "delete set ip t handle 5"),
        (
            f'{{"add": {{"element": {{{OWNER}, "name": "s", "elem": ["1.1.1.1", {{"range": [2, 3]}}]}}}}}}',
            "add element ip t s { 1.1.1.1, 2-3 }",
        ),
        (
            f'{{"add": {{"counter": {{{OWNER}, "name": "c", "packets": 3, "bytes": 4}}}}}}',
            "add counter ip t c { packets 3 bytes 4 }",
        ),
        (
            f'{{"add": {{"quota": {{{OWNER}, "name": "q", "bytes": 1048576, "inv": true}}}}}}',
            "add quota ip t q over 1 mbytes",
        ),
        (
            f'{{"add": {{"limit": {{{OWNER}, "name": "l", "rate": 3, "per": "minute"}}}}}}',
            "add limit ip t l rate 3/minute",
        ),
        (
            f'{{"add": {{"ct helper": {{{OWNER}, "name": "h", "type": "ftp", "protocol": "tcp"}}}}}}',
            'add ct helper ip t h { type "ftp" protocol tcp; }',
        ),
        (
            f'{{"add": {{"ct timeout": {{{OWNER}, "name": "h", "protocol": "tcp", "l3proto": "ip", '
            '"policy": {"close": 4}}}}',
            "add ct timeout ip t h { protocol tcp; l3proto ip; policy = { close : 4 }; }",
        ),
        (f'{{"delete": {{"counter": {{{OWNER}, "name": "c"}}}}}}', "delete counter ip t c"),
    ],
)
def test_a_command_becomes_the_tree_of_its_text(json: str, text: str) -> None:
    assert of_json(json) == of_text(text)


def test_what_nft_says_of_itself_is_no_command() -> None:
    assert of_json('{"metainfo": {"version": "1.0.6", "json_schema_version": 1}}') == []


def test_a_text_of_nfts_own_language_is_no_json() -> None:
    assert read_json(Source("/dev/stdin", "add table ip t\n")) is None
