"""`ip route get … explain`: the usual answer, and why."""

from pystack.applets.virtual import Completed, run
from pystack.host import Host
from tests.explain.lab import build


def get(words: str, host: Host | None = None, options: str = "") -> Completed:
    return run(["ip", *options.split(), "route", "get", *words.split()], build() if host is None else host)


def test_the_answer_is_followed_by_its_reasons_with_their_lines() -> None:
    plain, told = get("10.0.0.2"), get("10.0.0.2 explain")
    assert told.out.startswith(plain.out)
    assert [line.split() for line in told.out.removeprefix(plain.out).splitlines()] == [
        "rule 0: table local has nothing for 10.0.0.2".split(),
        "rule 32766: table main has 10.0.0.0/24 dev br0 src 10.0.0.1 lab.setup:8".split(),
        "source 10.0.0.1: the src of the route lab.setup:8".split(),
    ]


def test_a_refusal_is_explained_too() -> None:
    told = get("198.51.100.1 explain")
    assert (told.rc, told.err) == (2, "RTNETLINK answers: Network is unreachable\n")
    assert "rule 32766: table main has nothing for 198.51.100.1" in told.out


def test_a_packet_that_came_in_has_its_source_checked() -> None:
    host = build("sysctl -q -w net.ipv4.conf.br0.rp_filter=1\n")
    told = get("10.0.0.1 from 192.0.2.9 iif br0 explain", host)
    assert "is not br0, by which it came, and strict needs that (br0.rp_filter is 1: strict)" in told.out
    assert told.err == "RTNETLINK answers: Invalid argument\n"


def test_nothing_is_changed_by_asking_why() -> None:
    host = build()
    before = host.init.ipv4.fib.generation, host.init.drop.outcomes.generated
    get("10.0.0.2 explain", host)
    assert (host.init.ipv4.fib.generation, host.init.drop.outcomes.generated) == before


def test_it_has_no_form_in_json() -> None:
    assert "ip -json route get … explain is not modelled" in get("10.0.0.2 explain", options="-j").err
