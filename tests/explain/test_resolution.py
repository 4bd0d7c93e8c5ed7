"""What ARP decides, and why."""

import pytest

from tests.explain.lab import build, ends, reasons, stage, told

ASKER = "02:aa:00:00:00:09"


def asked(
    target: str, sender: str = "10.0.0.9", more: str = "", entry: str = "tap1"
) -> tuple[str, list[str]]:
    """What becomes of a question: the outcome, and why."""
    words = f"{ASKER} > Broadcast, ethertype ARP (0x0806), length 42: Request who-has {target} tell {sender}"
    explanation = told(words.replace("length 42: ", "length 42: ARP, "), entry, host=build(more))
    return stage(explanation, "arp").told.text, reasons(explanation, "arp")


def test_a_question_for_an_own_address_is_answered_and_its_asker_noted() -> None:
    text, why = asked("10.0.0.1")
    assert text.startswith("answered: 10.0.0.1 is at 02:00:00:00:00:0")
    assert why == ["10.0.0.1 is an address of br0", f"10.0.0.9 becomes a neighbour: {ASKER} (STALE)"]


def test_any_device_answers_for_any_address_of_the_host() -> None:
    text, why = asked("192.0.2.1")
    assert text.startswith("answered: 192.0.2.1")
    assert why[0] == "192.0.2.1 is an address of wan: any device answers for it"


@pytest.mark.parametrize(
    ("setting", "sender", "why"),
    [
        (
            "arp_ignore=1",
            "10.0.0.9",
            "br0.arp_ignore is 1: it answers only for addresses of the device that is asked",
        ),
        ("arp_ignore=8", "10.0.0.9", "br0.arp_ignore is 8: it answers nobody"),
        ("arp_filter=1", "192.0.2.9", "br0.arp_filter is 1, and the way back to 192.0.2.9 is another device"),
    ],
)
def test_a_sysctl_that_keeps_it_silent_is_named(setting: str, sender: str, why: str) -> None:
    text, told_of = asked("192.0.2.1", sender, f"sysctl -q -w net.ipv4.conf.br0.{setting}\n")
    assert text == "not answered"
    assert told_of[-1] == why


def test_a_question_for_another_is_not_answered_and_teaches_nothing() -> None:
    text, why = asked("10.0.0.7")
    assert text == "not answered"
    assert why[0] == "10.0.0.7 is not an address of this host"
    assert why[-1] == "10.0.0.9 was not asked for, and br0.arp_accept is 0: it is not learned"


def test_proxy_arp_says_for_whom_it_answers() -> None:
    text, why = asked("192.0.2.7", more="sysctl -q -w net.ipv4.conf.br0.proxy_arp=1\n")
    assert text == "answered for 192.0.2.7, after a while of up to 0.8 s (neigh.br0.proxy_delay)"
    assert why[0] == "the way there is wan, and br0.proxy_arp is 1"


def test_a_probe_is_answered_if_the_address_is_taken() -> None:
    assert asked("10.0.0.1", "0.0.0.0")[0] == "answered: 10.0.0.1 is taken"
    assert asked("10.0.0.7", "0.0.0.0")[0] == "not answered: nobody here has 10.0.0.7"


def test_a_neighbour_that_a_user_set_does_not_move() -> None:
    _, why = asked("10.0.0.1", "10.0.0.2")
    assert why[-1] == "10.0.0.2 stays at 02:aa:00:00:00:01 (PERMANENT)"


def test_a_neighbour_that_moves_says_from_where() -> None:
    more = "ip neigh add 10.0.0.9 lladdr 02:aa:00:00:00:08 nud stale dev br0\n"
    _, why = asked("10.0.0.1", "10.0.0.9", more)
    assert why[-1] == f"10.0.0.9 moves from 02:aa:00:00:00:08 to {ASKER} (STALE)"


def test_an_answer_confirms_a_neighbour() -> None:
    more = "ip neigh add 10.0.0.9 lladdr 02:aa:00:00:00:09 nud stale dev br0\n"
    words = (
        f"{ASKER} > 02:00:00:00:00:01, ethertype ARP (0x0806), length 42: ARP, Reply 10.0.0.9 is-at {ASKER}"
    )
    explanation = told(words, "tap1", host=build(more))
    assert stage(explanation, "arp").told.text == "heard: an answer"
    assert reasons(explanation, "arp") == [f"10.0.0.9 is at {ASKER} (REACHABLE)"]


@pytest.mark.parametrize(
    ("target", "sender", "why"),
    [
        ("224.0.0.1", "10.0.0.9", "nobody is asked for the group 224.0.0.1"),
        ("127.0.0.1", "10.0.0.9", "127.0.0.1 belongs on lo alone, and br0.route_localnet is 0"),
    ],
)
def test_what_is_not_heeded_says_why(target: str, sender: str, why: str) -> None:
    assert asked(target, sender) == ("not heeded", [why])


def test_a_message_to_arp_ends_there() -> None:
    explanation = told("ARP, Request who-has 192.0.2.1 tell 192.0.2.9", "wan")
    assert ends(explanation) == ["delivered to ARP; caused #2", "sent by wan"]
