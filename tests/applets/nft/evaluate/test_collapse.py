"""Which commands are one."""

from pystack.applets.nft.evaluate.collapse import collapsed
from pystack.applets.nft.tree.commands import Command, Handle
from pystack.applets.nft.tree.expressions import Element, Symbol


def put(text: str, name: str = "s", operation: str = "add") -> Command:
    elements = tuple(Element(Symbol(word)) for word in text.split())
    return Command(operation, "element", Handle("ip", "t", name), elements)


def test_elements_of_one_set_are_added_together() -> None:
    commands = [put("1 2"), put("3"), put("4", "other"), put("5"), put("6", operation="create")]
    flush = Command("flush", "set", Handle("ip", "t", "s"))
    done = list(
        collapsed([*commands, flush, put("7"), put("8", operation="delete"), put("9", operation="delete")])
    )
    assert done == [
        put("1 2 3"),
        *commands[2:],
        flush,
        put("7"),
        *(put(one, operation="delete") for one in "89"),
    ]
