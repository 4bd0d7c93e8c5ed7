"""What `pystack status` tells."""

import json
from typing import Any

import pytest

from pystack.daemon.status import duration, process_age, render, resident, stack_facts
from pystack.hooks.shim.shims import Counts
from pystack.sysctl import Knob, Stored
from tests.daemon.guest import memory_config, memory_stack

AROUND = {
    "name": "lab",
    "config": "",
    "socket": "/run/pystack/lab.sock",
    "pid": 1,
    "keeper": 2,
    "user": "nobody",
    "uptime": 61.0,
    "clients": 1,
    "memory": {"daemon": 31 << 20, "keeper": 9 << 20},
    "hooks": None,
}


def facts(setup: str = "") -> dict[str, Any]:
    stack = memory_stack(memory_config("p1", "p2", setup=setup))
    stack.host.init.receive(stack.devices["p1"], bytes(60))
    return {**AROUND, **stack_facts(stack)}


def test_every_drop_is_told_with_its_reason() -> None:
    text = render(facts())
    assert "drop     1 DEV_READY: the device is down\n" in text
    assert "packets  1 received, 0 transmitted, 0 delivered, 1 dropped\n" in text


def test_each_queue_of_the_kernel_has_a_line() -> None:
    counts = Counts("mangle/input", 101, 4000, 1, 2, 3, 4)
    hooks = {
        "mode": "observe",
        "netns": "fw",
        "namespace": "fw",
        "failure": "",
        "not_followed": "routes",
        "notes": ["nat is not asked"],
        "queues": [{**counts._asdict(), "accepted": 5, "dropped": 6, "changed": 7}],
    }
    text = render({**facts(), "hooks": hooks})
    assert "hooks    observe in namespace fw (pystack -n fw …): the kernel decides; " in text
    assert "         routes changed in the kernel, not here: " in text
    assert "         nat is not asked\n" in text
    row = next(line for line in text.splitlines() if line.startswith("mangle/input"))
    assert row.split() == "mangle/input 101 4000 5 6 7 3 4 1 2".split()


def test_a_client_is_one_and_more_are_clients() -> None:
    assert "lab.sock, 1 client\n" in render(facts())
    assert "lab.sock, 2 clients\n" in render({**facts(), "clients": 2})


def test_each_port_has_a_line() -> None:
    setup = "ip link set p1 up; ip netns add b; ip link set p2 netns b; ip -n b link set p2 name x"
    *_, first, second = render(facts(setup)).splitlines()
    assert first.split() == ["p1", "memory", "-", "up", "1", "60", "0", "0", "0"]
    assert second.split() == ["p2", "(x)", "in", "b", "memory", "-", "down", "0", "0", "0", "0", "0"]


def test_a_port_that_died_says_why() -> None:
    stack = memory_stack(memory_config("p1"))
    stack.drivers["p1"].fail("its TAP was deleted")
    assert "its TAP was deleted" in render({**AROUND, **stack_facts(stack)})


def test_the_facts_are_json() -> None:
    assert json.loads(json.dumps(facts()))["packets"]["received"] == 1


def test_a_sysctl_that_was_set_and_does_nothing_is_named() -> None:
    stack = memory_stack(memory_config())
    sysctls = stack.host.init.sysctls
    sysctls.bind(("net", "core", "idle"), Knob(Stored(0), "value", effect=False))
    assert stack_facts(stack)["without_effect"] == ["net.core.idle"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (59.9, "59.9 s"), (61, "1 min 1 s"), (3725, "1 h 2 min"), (90_000, "1 d 1 h")],
)
def test_durations_are_read_at_a_glance(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_age_and_the_memory_of_a_process_are_the_kernels() -> None:
    assert process_age() > 0
    assert resident("self") > 1 << 20
    assert resident(1 << 30) == 0
