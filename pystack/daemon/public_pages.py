"""What the stack's own HTTP server tells: how the stack is, and nothing about the machine that it runs on.

Whoever can send a packet can ask. So here are devices, packets and drops, but no process, path or lease.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from pystack.daemon.status import Described, stack_facts
from pystack.services.http import Page

PORT_KEYS: Final = (
    "port device namespace up carrier rx_packets rx_bytes rx_dropped tx_packets tx_bytes tx_dropped".split()
)


def public_pages(stack: Described) -> Mapping[str, Page]:
    """The pages by their paths."""
    return {
        "/": Page("text/plain", lambda: as_text(public_facts(stack))),
        "/status.json": Page("application/json", lambda: json.dumps(public_facts(stack)) + "\n"),
    }


def public_facts(stack: Described) -> dict[str, Any]:
    """As `pystack status --json` has them, with much left out."""
    facts = stack_facts(stack)
    return {
        "v": 1,
        "name": stack.config.name,
        "uptime": round(stack.host.clock.now, 2),
        "ports": [{key: port[key] for key in PORT_KEYS} for port in facts["ports"]],
        **{key: facts[key] for key in ("packets", "drops", "backlog", "services")},
    }


def as_text(facts: Mapping[str, Any]) -> str:
    """For eyes."""
    lines = [f"{facts['name']}: up {facts['uptime']} s"]
    lines.append(", ".join(f"{count} {name}" for name, count in facts["packets"].items() if count))
    lines += [f"drop {row['count']} {row['reason']}: {row['sentence']}" for row in facts["drops"]]
    for port in facts["ports"]:
        state = "down" if not port["up"] else "up" if port["carrier"] else "no carrier"
        moved = f"rx {port['rx_packets']} packets {port['rx_bytes']} octets"
        moved += f", tx {port['tx_packets']} packets {port['tx_bytes']} octets"
        lines.append(f"{port['device']}: {state}, {moved}")
    return "\n".join(lines) + "\n"
