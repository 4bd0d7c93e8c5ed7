"""A scenario as the text of a scenario file, which reads back as the same scenario."""

from __future__ import annotations

import json
from collections.abc import Iterator

from pystack.compare.scenario import IPV4_ALONE, Call, Run, Scenario, Send, Start, Step, Stop, Wait
from pystack.compare.words import one_line


def text_of(scenario: Scenario) -> str:
    """Frames are written as octets, with what tcpdump makes of them above."""
    lines = [f"title = {_quoted(scenario.title)}", f"ports = {_words(scenario.topology.ports)}"]
    if scenario.family != IPV4_ALONE:
        lines.append(f"family = {_words(scenario.family)}")
    if scenario.capture:
        lines.append(f"capture = {_words(scenario.capture)}")
    lines += ['setup = """', *(_escaped(line) for line in scenario.topology.setup.splitlines()), '"""', ""]
    for step in scenario.steps:
        lines += _step(step)
    return "\n".join(lines) + "\n"


def _step(step: Step) -> Iterator[str]:
    if isinstance(step, Send):
        for frame in step.frames:
            yield f"# {one_line(frame).splitlines()[0]}"
            yield "[[step]]"
            relative = ", relative = true" if step.relative else ""
            yield f'send = {{ port = {_quoted(step.port)}, hex = "{frame.hex()}"{relative} }}'
        return
    yield "[[step]]"
    match step:
        case Call():
            yield f"call = {_quoted(step.text)}"
        case Run():
            yield f"run = {_quoted(step.command)}"
        case Start():
            yield f"start = {_quoted(step.command)}"
            yield f"as = {_quoted(step.name)}"
        case Stop():
            yield f"stop = {_quoted(step.name)}"
        case Wait():
            yield f"wait = {step.seconds}"


def _words(words: tuple[str, ...]) -> str:
    return "[" + ", ".join(map(_quoted, words)) + "]"


def _quoted(text: str) -> str:
    """JSON's strings are TOML's basic ones, as far as both can say a character."""
    return json.dumps(text)


def _escaped(line: str) -> str:
    """A line within three quotes."""
    return _quoted(line)[1:-1]
