"""Text and JSON of one walk, laid out as iproute2 does."""

import json

from hypothesis import given
from hypothesis import strategies as st

from pystack.applets.io import Io
from pystack.applets.iproute.printer import CYAN, Literal, Printer


def written(io: Io) -> str:
    return b"".join(chunk for _, chunk in io.take()).decode()


def walk(printer: Printer) -> None:
    printer.begin()
    printer.open_object()
    printer.put("ifindex", 1, "1: ")
    printer.put("ifname", "lo", "lo: ", CYAN)
    printer.words("flags", ["UP", "LOOPBACK"], joined="<UP,LOOPBACK", closed="> ")
    printer.nl()
    printer.field("only", None)
    printer.put("timer", Literal("0.10"), "timer 0.10 ")
    printer.open_object("inner")
    printer.put("on", True, "on ")
    printer.close_object()
    printer.open_array("none")
    printer.close_array()
    printer.text("\n")
    printer.close_object()
    printer.open_object()
    printer.close_object()
    printer.end()


def test_text_is_what_was_said_for_it() -> None:
    io = Io()
    walk(Printer(io.out))
    assert written(io) == "1: lo: <UP,LOOPBACK> \ntimer 0.10 on \n"


def test_oneline_writes_backslashes_for_line_ends() -> None:
    io = Io()
    walk(Printer(io.out, oneline=True))
    assert written(io) == "1: lo: <UP,LOOPBACK> \\timer 0.10 on \n"


def test_colour_wraps_what_has_one() -> None:
    io = Io()
    walk(Printer(io.out, color=True))
    assert written(io).startswith("1: \x1b[36mlo: \x1b[0m<UP")


def test_json_is_on_one_line() -> None:
    io = Io()
    walk(Printer(io.out, json=True, color=True))
    assert written(io) == (
        '[{"ifindex":1,"ifname":"lo","flags":["UP","LOOPBACK"],"only":null,"timer":0.10,'
        '"inner":{"on":true},"none":[]},{}]\n'
    )


def test_pretty_json_is_indented_as_iproute2_indents_it() -> None:
    io = Io()
    walk(Printer(io.out, json=True, pretty=True))
    assert written(io) == (
        '[ {\n        "ifindex": 1,\n        "ifname": "lo",\n        "flags": [ "UP","LOOPBACK" ],\n'
        '        "only": null,\n        "timer": 0.10,\n        "inner": {\n            "on": true\n'
        '        },\n        "none": [ ]\n    },{} ]\n'
    )


@given(st.text(alphabet='ab\\"\t\n\r\f\b/ü', max_size=20))
def test_any_text_can_be_a_value(text: str) -> None:
    io = Io()
    printer = Printer(io.out, json=True)
    printer.begin()
    printer.open_object()
    printer.field("key", text)
    printer.close_object()
    printer.end()
    assert json.loads(written(io)) == [{"key": text}]
