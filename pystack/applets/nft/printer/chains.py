"""Chains and their rules.

Linux: nftables src/rule.c chain_print_declaration(), rule_print()
"""

from __future__ import annotations

from pystack.applets.nft.printer.page import Page
from pystack.applets.nft.printer.statements import commented
from pystack.applets.nft.priorities import priority_text
from pystack.applets.nft.said import comment_words
from pystack.applets.nft.tree.commands import ChainText, Priority
from pystack.applets.nft.tree.expressions import Elements, Value, Verdict
from pystack.applets.nft.tree.listed import ListedChain, ListedRule


def chain_text(chain: ListedChain, page: Page) -> str:
    """The whole of it."""
    rules = "".join(f"\t\t{listed_rule_text(rule, page)}\n" for rule in chain.rules)
    return f"{chain_declaration(chain, page)}{rules}\t}}\n"


def chain_declaration(chain: ListedChain, page: Page) -> str:
    """Without rules, and without the brace behind them."""
    text = chain.text
    comment = f"\n\t\t{comment_words(text.comment)}" if text.comment else ""
    head = f"\tchain {text.name} {{{page.handle(chain.handle)}{comment}\n"
    if not text.hook:
        return head
    base = f"type {text.type} hook {text.hook}{_devices(text)} priority {priority_words(text, page)};"
    offload = " flags offload;" if "offload" in text.flags else ""
    policy = f" policy {policy_word(text)};" if text.policy is not None else ""  # the kernel tells one always
    return f"{head}\t\t{base}{policy}{offload}\n"


def chain_line(chain: ListedChain, page: Page, table: str) -> str:
    """As an event says it. Linux: nftables src/rule.c chain_print_plain()"""
    text = chain.text
    base = ""
    if text.hook:
        priority = priority_words(text, page)
        base = f" {{ type {text.type} hook {text.hook} priority {priority}; policy {policy_word(text)}; }}"
    return f"chain {page.family} {table} {text.name}{base}{page.handle(chain.handle)}"


def listed_rule_text(rule: ListedRule, page: Page) -> str:
    """A rule with its comment and its handle."""
    return f"{commented(rule.text, page)}{page.handle(rule.handle)}"


def priority_words(chain: ChainText, page: Page) -> str:
    """`filter + 10`"""
    number = chain_priority(chain)
    return priority_text(number, page.family, chain.hook, numeric=page.style.numeric_priority)


def chain_priority(chain: ChainText) -> int:
    """The number that evaluation has made of it."""
    return chain.priority.offset if isinstance(chain.priority, Priority) else 0


def policy_word(chain: ChainText) -> str:
    """What a base chain does with packets that no rule decides about; accept, if nobody says otherwise."""
    return chain.policy.word if isinstance(chain.policy, Verdict) else "accept"


def chain_devices(chain: ChainText) -> list[str]:
    """The names of the devices that an ingress or egress chain hangs at."""
    devices = chain.devices
    names = [element.key for element in devices.items] if isinstance(devices, Elements) else [devices]
    return [name.octets.decode(errors="surrogateescape") for name in names if isinstance(name, Value)]


def _devices(chain: ChainText) -> str:
    names = chain_devices(chain)
    if len(names) > 1:
        return f" devices = {{ {', '.join(names)} }}"
    return f' device "{names[0]}"' if names else ""
