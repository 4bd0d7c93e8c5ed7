"""`ip rule`: add and delete here, the rest by reference."""

from __future__ import annotations

from typing import Final

from pystack.applets.iproute import rule_show
from pystack.applets.iproute.options import Options
from pystack.applets.iproute.rule_request import RuleParser
from pystack.applets.iproute.usage_of_objects import RULE_USAGE, explained
from pystack.applets.iproute.words import USAGE_CODE, ToolExit, Words, refused
from pystack.applets.session import Session
from pystack.errors import NetError, NotModelled

_COMMANDS: Final = ("add", "delete", "show", "flush")


def run(words: Words, options: Options, session: Session) -> int:
    """Linux: iproute2 ip/iprule.c do_iprule()"""
    if options.family not in ("", "inet"):
        raise NotModelled(f"ip rule for family {options.family}", ("inet",))
    if not words:
        return rule_show.show(words, options, session)
    word = words.word
    if words.begins("list", "lst", "show"):
        words.take()
        return rule_show.show(words, options, session)
    if words.begins("save", "restore"):
        raise NotModelled(f"ip rule {word}", _COMMANDS)
    for name in ("add", "delete"):
        if words.begins(name):
            words.take()
            return _modify(name, words, options, session)
    if words.begins("flush"):
        words.take()
        return rule_show.flush(words, options, session)
    if words.begins("help"):
        raise explained(RULE_USAGE)
    raise ToolExit(USAGE_CODE, f'Command "{word}" is unknown, try "ip rule help".\n')


def _modify(command: str, words: Words, options: Options, session: Session) -> int:
    deletes = command == "delete"
    if not words:
        raise ToolExit(1, f'"ip rule {"del" if deletes else "add"}" requires arguments.\n')
    parser = RuleParser(words, options.family)
    rule = parser.parse(deletes=deletes)
    fib = session.netns.ipv4.fib
    if not parser.has_priority:
        rule.priority = fib.rules.default_priority()
    try:
        if deletes:
            fib.delete_rule(rule, any_priority=not parser.has_priority)
        else:
            fib.add_rule(rule)
            session.host.origins.note(rule)
    except NetError as error:
        raise refused(error) from None
    return 0
