"""What the host and the VM that plays for it tell each other: dataclasses of a closed list, as JSON.

An object becomes `{"Frame": [its fields in order]}`, octets `{"bytes": HEX}`, a mapping `{"dict": {…}}`;
every sequence is read as a tuple.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final, TypeAlias

from pystack.compare import records, scenario
from pystack.compare.lab.side import Choices

TYPES: Final = {
    kind.__name__: kind
    for kind in (
        *records.TYPES,
        scenario.Call,
        scenario.Expectation,
        scenario.Run,
        scenario.Scenario,
        scenario.Send,
        scenario.Start,
        scenario.Station,
        scenario.Stop,
        scenario.Topology,
        scenario.Wait,
        Choices,
    )
}
BYTES: Final = "bytes"
DICT: Final = "dict"

Value: TypeAlias = Any  # what JSON can say, and what it is made from


def to_words(value: Value) -> Value:
    """What json.dumps can write."""
    if isinstance(value, bytes):
        return {BYTES: value.hex()}
    if isinstance(value, dict):
        return {DICT: {key: to_words(entry) for key, entry in value.items()}}
    if isinstance(value, list | tuple):
        return [to_words(entry) for entry in value]
    name = type(value).__name__
    if name in TYPES:
        return {name: [to_words(getattr(value, field.name)) for field in fields(value)]}
    return value


def from_words(words: Value) -> Value:
    """The same values again. Raises KeyError for a type that is not in the list."""
    if isinstance(words, list):
        return tuple(map(from_words, words))
    if not isinstance(words, dict):
        return words
    ((name, content),) = words.items()
    if name == BYTES:
        return bytes.fromhex(content)
    if name == DICT:
        return {key: from_words(entry) for key, entry in content.items()}
    return TYPES[name](*map(from_words, content))
