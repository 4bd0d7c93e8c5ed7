"""Sysctls: Linux's names over typed attributes.

The stack reads plain attributes (`conf.rp_filter`), users read and write text under a dotted name; a
Sysctls ties the two. A knob whose value is stored and shown but changes nothing yet is marked, so that
`doctor` can say so. Such names are data (sysctl_table.py), laid out in folders; their knobs are made when
somebody asks for one, for most nobody ever does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple, Protocol

from pystack.errors import EACCES, EINVAL, EPERM, NetError

Value = int | str | tuple[int, ...]
Path = tuple[str, ...]
INT_MIN, INT_MAX = -(1 << 31), (1 << 31) - 1

# Hexadecimal, octal or decimal, as C has it. Linux: kernel/sysctl.c proc_get_long()
_NUMBER: Final = re.compile(r"(-?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))")


def read_number(word: str, low: int = INT_MIN, high: int = INT_MAX) -> int:
    """A number within a range. Raises NetError."""
    parsed = _NUMBER.fullmatch(word)
    if parsed is None:
        raise NetError(EINVAL)
    sign, hexadecimal, octal, decimal = parsed.groups()
    size = int(hexadecimal, 16) if hexadecimal else int(octal, 8) if octal else int(decimal)
    number = -size if sign else size
    if not low <= number <= high:
        raise NetError(EINVAL)
    return number


@dataclass(slots=True)
class Knob:
    """One name: where its value lives and what may be written to it."""

    owner: object
    attribute: str
    low: int = INT_MIN
    high: int = INT_MAX
    effect: bool = True
    writable: bool = True
    on_write: Callable[[], None] | None = None  # called after every write that was not refused
    on_change: Callable[[], None] | None = None  # then, if it gave another value
    readable: bool = True
    parse: Callable[[str], Value] | None = None  # where a type and a range do not say it all

    @property
    def value(self) -> Value:
        """As the stack sees it."""
        value: Value = getattr(self.owner, self.attribute)
        return value

    @property
    def text(self) -> str:
        """As /proc/sys shows it, without the newline. Raises NetError."""
        if not self.readable:
            raise NetError(EACCES)
        value = self.value
        return (
            "\t".join(str(number) for number in value)
            if isinstance(value, tuple)
            else str(int(value))
            if (isinstance(value, int))
            else value
        )

    def write(self, text: str) -> None:
        """Store what a user wrote. Linux: kernel/sysctl.c proc_dointvec_minmax()"""
        if not self.writable:
            raise NetError(EPERM)
        current = self.value
        try:
            value = self._read(text) if self.parse is None else self.parse(text)
        except PartlyRefused as refused:
            setattr(self.owner, self.attribute, refused.kept)
            raise
        setattr(self.owner, self.attribute, value)
        if self.on_write is not None:
            self.on_write()
        if self.on_change is not None and self.value != current:
            self.on_change()

    def _read(self, text: str) -> Value:
        current = self.value
        if isinstance(current, str):
            return text.strip()
        words = text.split()
        if not words:
            raise NetError(EINVAL)
        if not isinstance(current, tuple):
            return read_number(words[0], self.low, self.high)
        numbers = [read_number(word, self.low, self.high) for word in words]
        return (*numbers, *current[len(numbers) :])[: len(current)]


@dataclass(slots=True)
class Stored:
    """The home of a value that nothing in the stack reads yet."""

    value: Value


class Kind(Protocol):
    """How the text of a sysctl is read."""

    def parse(self, text: str, current: Value, folder: Folder) -> Value:
        """The value that the text means. Raises NetError, or NotModelled."""


class Spec(NamedTuple):
    """What is known of a name before anybody uses it."""

    default: Value
    kind: Kind
    writable: bool = True
    readable: bool = True
    effect: bool = False  # True: to be stored and shown is all that Linux does with it


class PartlyRefused(NetError):
    """What stood before the fault is taken all the same: the numbers of a vector are stored one by one."""

    def __init__(self, number: int, kept: Value) -> None:
        super().__init__(number)
        self.kept = kept


class Folder:
    """The names of one folder of /proc/sys: those that the stack binds, and those that it only stores.

    With a model (`conf.default`), what was never written here is as there, until settle(); but what had been
    written there before this folder came counts as written here too.

    Linux: net/ipv4/devinet.c devinet_copy_dflt_conf()
    """

    __slots__ = ("_model", "_values", "bound", "hz", "specs")

    def __init__(self, specs: Mapping[str, Spec], hz: int, model: Folder | None = None) -> None:
        self.specs = specs
        self.hz = hz
        self.bound: dict[str, Knob] = {}
        self._model = model
        self._values: dict[str, Value] = {} if model is None else dict(model._values)

    def __iter__(self) -> Iterator[str]:
        return iter(self.specs.keys() | self.bound.keys())

    def get(self, name: str) -> Knob | None:
        """The knob of that name; one that is only stored is made for the occasion."""
        knob, spec = self.bound.get(name), self.specs.get(name)
        if spec is None:
            return knob
        if knob is None:
            place = _Place(self, name)
            knob = Knob(place, "value", effect=spec.effect, writable=spec.writable, readable=spec.readable)
        if knob.parse is None:
            knob.parse = partial(self._parse, name)
        return knob

    def value(self, name: str) -> Value:
        """What a name of this folder holds."""
        knob = self.bound.get(name)
        return self.stored(name) if knob is None else knob.value

    def stored(self, name: str) -> Value:
        """What is kept here for a name that nobody binds."""
        if name in self._values:
            return self._values[name]
        if self._model is not None and name in self._model._values:
            return self._model._values[name]
        return self.specs[name].default

    def store(self, name: str, value: Value) -> None:
        """Keep a value here."""
        self._values[name] = value

    def settle(self) -> None:
        """Follow the model no longer. Linux: ipv4_devconf_setall()"""
        if self._model is not None:
            self._values = {**self._model._values, **self._values}
            self._model = None

    def written_in_vain(self) -> list[str]:
        """Names that hold something unusual, with nobody to read it."""
        names = {*self._values, *self.bound, *(() if self._model is None else self._model._values)}
        return [name for name in sorted(names) if self._in_vain(name)]

    def _in_vain(self, name: str) -> bool:
        knob, spec = self.get(name), self.specs.get(name)
        if knob is None or knob.effect or not knob.writable:
            return False
        return spec is None or knob.value != spec.default

    def _parse(self, name: str, text: str) -> Value:
        return self.specs[name].kind.parse(text, self.value(name), self)


@dataclass(slots=True)
class _Place:
    """Where a folder keeps one value, as a knob wants it."""

    folder: Folder
    name: str

    @property
    def value(self) -> Value:
        return self.folder.stored(self.name)

    @value.setter
    def value(self, value: Value) -> None:
        self.folder.store(self.name, value)


class Sysctls:
    """All names of one namespace. Keys are dotted, `net.ipv4.conf.eth0.rp_filter`."""

    def __init__(self, hz: int = 250) -> None:
        self._hz = hz
        self._folders: dict[Path, Folder] = {}

    def __iter__(self) -> Iterator[tuple[Path, Knob]]:
        return self.below(())

    def below(self, prefix: Path) -> Iterator[tuple[Path, Knob]]:
        """All knobs in a folder and in the folders in it, by name."""
        length = len(prefix)
        folders = [(path, folder) for path, folder in self._folders.items() if path[:length] == prefix]
        paths = {(*path, name): folder for path, folder in folders for name in folder}
        for path in sorted(paths):
            knob = paths[path].get(path[-1])
            if knob is not None:
                yield path, knob

    def lay_out(self, path: Path, specs: Mapping[str, Spec], model: Path | None = None) -> Folder:
        """Let a folder have these names. One that is bound, before or after, is the binder's."""
        folder = Folder(specs, self._hz, None if model is None else self._folders[model])
        if path in self._folders:
            folder.bound = self._folders[path].bound
        self._folders[path] = folder
        return folder

    def bind(self, path: Path, knob: Knob) -> None:
        """Give a knob its name; a path, because device names may hold dots."""
        folder = self._folders.get(path[:-1])
        if folder is None:
            folder = self._folders[path[:-1]] = Folder({}, self._hz)
        folder.bound[path[-1]] = knob

    def unbind(self, prefix: Path) -> None:
        """Forget a folder and all in it."""
        length = len(prefix)
        for path in [known for known in self._folders if known[:length] == prefix]:
            del self._folders[path]

    def rename(self, old: Path, new: Path) -> None:
        """Give a folder another name: a device was renamed."""
        length = len(old)
        for path in [known for known in self._folders if known[:length] == old]:
            self._folders[(*new, *path[length:])] = self._folders.pop(path)

    def settle(self, path: Path) -> None:
        """Let a folder follow its model no longer."""
        folder = self._folders.get(path)
        if folder is not None:
            folder.settle()

    def get(self, path: Path) -> Knob | None:
        """The knob of that name."""
        folder = self._folders.get(path[:-1])
        return None if folder is None else folder.get(path[-1])

    def find(self, key: str) -> Knob | None:
        """The knob that `net.ipv4.ip_forward` or `net/ipv4/conf/eth0.5/forwarding` names.

        With dots as separators a `/` stands for a dot inside a name, and the other way round, as sysctl(8)
        has it.
        """
        slash, dot = key.find("/"), key.find(".")
        slashes = slash >= 0 and (dot < 0 or slash < dot)
        words = key.strip("/").split("/") if slashes else [word.replace("/", ".") for word in key.split(".")]
        return self.get(tuple(words))

    def written_in_vain(self) -> list[Path]:
        """Names that somebody gave another value, which changes nothing in the stack yet."""
        return sorted(
            (*path, name) for path, folder in self._folders.items() for name in folder.written_in_vain()
        )
