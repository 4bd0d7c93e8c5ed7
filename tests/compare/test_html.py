"""The page shows what differs first, needs nothing but itself, and is not broken by what was on the wire."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from pystack.compare.html import html
from pystack.compare.outcome import SAME, Outcome
from pystack.compare.predict import Prediction
from pystack.compare.records import Log
from pystack.explain.path_kind import Wiring
from tests.compare.runs import bridged, echo, lost, outcome, run


class Page(HTMLParser):
    """What stands on it, and whether every element is closed."""

    VOID = ("meta",)

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.said = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said += data


def test_differences_come_before_the_list_of_scenarios() -> None:
    page = Page(html(run(Outcome("a.toml", "All is well", SAME), outcome(bridged(echo()), lost(echo())))))
    assert page.said.index("only the kernel has it") < page.said.index("All is well")
    assert "1-7 sent by tap2" in page.said
    assert page.open == []


def test_the_page_asks_nobody_for_anything_and_runs_no_script() -> None:
    text = html(run(outcome(bridged(echo()), lost(echo()))))
    page = Page(text)
    assert page.links == []
    assert "script" not in page.tags
    assert "url(" not in text
    assert "@import" not in text


def test_light_and_dark_are_both_provided_for() -> None:
    text = html(run())
    assert "color-scheme: light dark" in text
    assert "prefers-color-scheme: dark" in text


def test_what_was_on_the_wire_is_text_and_no_element() -> None:
    hostile = '<script>alert(1)</script><img src="http://x"> & \x00'
    page = Page(html(run(outcome([Log(1, hostile)], [Log(1, "x")]))))
    assert "script" not in page.tags
    assert "img" not in page.tags
    assert "<script>alert(1)</script>" in page.said


def test_what_differs_is_marked_by_a_sign_too() -> None:
    text = html(run(outcome(bridged(echo()), lost(echo()))))
    coloured = re.findall(r'<tr class="(?:first|also)"><td class="mark">(.*?)</td>', text)
    assert coloured
    assert set(coloured) == {"&gt;", "!"}


def test_of_many_differences_with_one_cause_a_few_are_explained_and_all_are_named() -> None:
    page = Page(html(run(*(outcome([Log(1, "a")], [Log(1, "b")], f"{n}.toml") for n in range(9)))))
    assert page.tags.count("summary") == 4
    assert "and 6 more" in page.said
    assert all(f"{n}.toml" in page.said for n in range(9))


def test_predictions_have_a_table_of_their_own() -> None:
    findings = run()
    one = Prediction("path", 1, "1-2", "1-7 sent", None, holds=False)
    findings.add(Outcome("a.toml", "A pings B", SAME), Wiring(), (one,))
    page = Page(html(findings))
    assert re.search(r"Predictions.*>.*A pings B: path 1.*1-2.*1-7 sent.*-", page.said, re.DOTALL)
