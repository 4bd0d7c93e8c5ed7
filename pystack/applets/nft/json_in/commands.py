"""Commands out of JSON.

Linux: nftables src/parser_json.c json_parse_cmd()
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.grammar.words import FAMILIES
from pystack.applets.nft.json_in.asking import Asking, integer_in, refuse, string_in, type_name, within
from pystack.applets.nft.json_in.load import Loaded, NotJson, load
from pystack.applets.nft.json_in.statements import statement
from pystack.applets.nft.json_in.things import OBJECTS, chain_of, elements_of, object_of, set_of
from pystack.applets.nft.place import Source
from pystack.applets.nft.reading import Read
from pystack.applets.nft.tree.commands import Command, Handle, RuleText, TableText

SCHEMA_VERSION: Final = 1
STDIN: Final = "/dev/stdin"
_OPERATIONS: Final = ("add", "replace", "create", "insert", "delete", "list", "reset", "flush", "rename")
_ADDED: Final = ("table", "chain", "rule", "set", "map", "element", *OBJECTS)
_FLUSHED: Final = ("table", "chain", "set", "map", "meter", "ruleset")
_RESET: Final = ("counter", "counters", "quota", "quotas")
_LISTED: Final = (
    "table", "tables", "chain", "chains", "set", "sets", "map", "maps", "counter", "counters", "quota",
    "quotas", "ct helper", "ct helpers", "ct timeout", "ct expectation", "limit", "limits", "ruleset",
    "meter", "meters", "flowtables", "secmark", "secmarks",
)  # fmt: skip
_PLURALS: Final = frozenset(word for word in (*_LISTED, *_RESET) if word.endswith("s")) | {"ruleset"}
_IN_TABLE: Final = ("sets", "counters", "ct helpers")
# What a thing is called when the command that deletes it has neither name nor handle.
_CALLED: Final = {"table": "table", "chain": "chain", "set": "set", "map": "set", "flowtable": "flowtable"}


def read_json(source: Source) -> Read | None:
    """All commands of a text; None if it is no JSON at all.

    Of standard input nft can show no line, since it has been read already.
    """
    try:
        root = load(source.text)
    except NotJson:
        return None
    commands: list[Command] = []
    try:
        shown = Source(STDIN, "") if source.name == STDIN else source
        _read(Asking(shown), root, commands)
    except NftError as error:
        return Read(commands, [error])
    return Read(commands, [])


def _read(ask: Asking, root: Loaded, commands: list[Command]) -> None:
    values = ask.any(root, "nftables")
    if not isinstance(values, list):
        refuse('Value of property "nftables" must be an array.')
    for index, value in enumerate(values):
        if not isinstance(value, dict):
            kind = type_name(value)
            refuse(f"Unexpected command array element of type {kind}, expected object.")
        if "metainfo" in value:
            within("Metainfo verification failed.", _check_version, value["metainfo"])
            continue
        words = f"Parsing command array at index {index} failed."
        commands.append(within(words, _command, ask, value))


def _check_version(value: Loaded) -> None:
    version = integer_in(value, "json_schema_version")
    if version is not None and version > SCHEMA_VERSION:
        refuse(f"Schema version {version} not supported, maximum supported version is {SCHEMA_VERSION}\n")


def _command(ask: Asking, value: dict[str, Loaded]) -> Command:
    operation = next((word for word in _OPERATIONS if word in value), "")
    if not operation:
        return _add(ask, "add", value)  # so that a listing can be read back
    inside = value[operation]
    if operation in ("replace", "insert"):
        return _place_rule(ask, operation, ask.any(inside, "rule"))
    if operation == "rename":
        return _rename(ask, inside)
    if operation == "list":
        return _other(ask, operation, inside, _LISTED)
    if operation == "reset":
        return _other(ask, operation, inside, _RESET)
    if operation == "flush":
        return _other(ask, operation, inside, _FLUSHED)
    return _add(ask, operation, inside)


def _family(name: str) -> str:
    if name not in FAMILIES:
        refuse(f"Unknown family '{name}'.")
    return name


# --- add, create, delete ------------------------------------------------------------------------------------


def _add(ask: Asking, operation: str, value: Loaded) -> Command:
    if not isinstance(value, dict):
        refuse(f"Value of add command must be object (got {type_name(value)} instead).")
    kind = next((word for word in _ADDED if word in value), "")
    if not kind:
        refuse("Unknown object passed to add command.")
    if operation == "create" and kind == "rule":
        refuse("Create command not available for rules.")
    return _thing(ask, operation, kind, value[kind])


def _thing(ask: Asking, operation: str, kind: str, value: Loaded) -> Command:
    if kind == "rule":
        return _rule(ask, operation, value)
    if kind == "element":
        family, table, name = ask.strings(value, "family", "table", "name")
        given = ask.any(value, "elem", 3)
        handle = Handle(_family(family), table, name)
        return Command(operation, kind, handle, within("Invalid set.", elements_of, ask, given))
    handle = _handle(ask, operation, kind, value)
    if operation in ("delete", "list", "flush", "reset"):
        return Command(operation, kind, handle)
    if kind == "table":
        return Command(operation, kind, handle, TableText(handle.family, handle.table))
    if kind == "chain":
        return Command(operation, kind, handle, chain_of(value, handle.name))
    if kind in ("set", "map", "meter"):
        return Command(operation, kind, handle, set_of(ask, value, handle.name))
    return Command(operation, kind, handle, object_of(ask, kind, value, handle.name))


def _handle(ask: Asking, operation: str, kind: str, value: Loaded) -> Handle:
    """By name; what is deleted also by its handle."""
    names = ask.strings(value, "family") if kind == "table" else ask.strings(value, "family", "table")
    name, number = string_in(value, "name"), None
    if name is None:
        number = integer_in(value, "handle") if operation == "delete" and kind != "ct helper" else None
        if operation != "delete" or kind == "ct helper":
            ask.strings(value, "name")
        if number is None:
            called = _CALLED.get(kind, "object")
            refuse(f"Either name or handle required to delete a{'n' * (called == 'object')} {called}.")
    family = _family(names[0])
    if kind == "table":
        return Handle(family, name or "", handle=number)
    return Handle(family, names[1], name or "", handle=number)


# --- rules --------------------------------------------------------------------------------------------------


def _rule(ask: Asking, operation: str, value: Loaded) -> Command:
    family, table, chain = ask.strings(value, "family", "table", "chain")
    if operation == "delete":
        number = ask.integer(value, "handle")
        return Command(operation, "rule", Handle(_family(family), table, chain, handle=number))
    written = ask.any(value, "expr")
    handle = Handle(_family(family), table, chain)
    if operation in ("add", "create"):
        handle = replace(handle, index=integer_in(value, "index"))
    return Command(operation, "rule", handle, _rule_text(ask, value, written))


def _rule_text(ask: Asking, value: Loaded, written: Loaded) -> RuleText:
    if not isinstance(written, list):
        refuse('Value of property "expr" must be an array.')
    made = []
    for index, one in enumerate(written):
        if not isinstance(one, dict):
            refuse(f"Unexpected expr array element of type {type_name(one)}, expected object.")
        words = f"Parsing expr array at index {index} failed."
        made.append(within(words, statement, ask, one))
    return RuleText(tuple(made), string_in(value, "comment") or "")


def _place_rule(ask: Asking, operation: str, value: Loaded) -> Command:
    """A rule in the place of another one, or in front of it."""
    family, table, chain = ask.strings(value, "family", "table", "chain")
    written = ask.any(value, "expr", 3)
    number = integer_in(value, "handle") or None
    if operation == "replace" and number is None:
        refuse("Handle is required when replacing a rule.")
    handle = Handle(_family(family), table, chain, index=integer_in(value, "index"))
    is_position = operation == "insert"
    handle = replace(handle, position=number) if is_position else replace(handle, handle=number)
    return Command(operation, "rule", handle, _rule_text(ask, value, written))


# --- the others ---------------------------------------------------------------------------------------------


def _other(ask: Asking, operation: str, value: Loaded, known: tuple[str, ...]) -> Command:
    if not isinstance(value, dict):
        refuse(f"Value of {operation} command must be object (got {type_name(value)} instead).")
    kind = next((word for word in known if word in value), "")
    if not kind:
        refuse(f"Unknown object passed to {operation} command.")
    return (
        _several(operation, kind, value[kind])
        if kind in _PLURALS
        else _thing(ask, operation, kind, value[kind])
    )


def _several(operation: str, kind: str, value: Loaded) -> Command:
    family, table = string_in(value, "family"), string_in(value, "table")
    handle = Handle(_family(family) if family is not None else "")
    if kind in _IN_TABLE and table is not None:
        handle = replace(handle, table=table)
    if kind == "ct helpers" and table is None:
        refuse("Listing ct helpers requires table reference.")
    return Command(operation, kind, handle)


def _rename(ask: Asking, value: Loaded) -> Command:
    chain = ask.any(value, "chain")
    family, table, name, new = ask.strings(chain, "family", "table", "name", "newname", first=7)
    return Command("rename", "chain", Handle(_family(family), table, name), new)
