"""When a line was written, whatever stands around it."""

import pytest

from pystack.compare.log.moment import moment_of, passed
from tests.compare.log.logs import accounts_of, echo, faults_of

EVENING = 20 * 3600 + 24 * 60 + 38.0


@pytest.mark.parametrize(
    ("wrapping", "moment"),
    [
        ("фев 03 20:24:38 lenovo kernel: ", EVENING),
        ("2月 03 20:24:38 lenovo kernel: ", EVENING),
        ("[Сб фев  3 20:24:38 2024] ", EVENING),
        ("2024-02-03T20:24:38.250000+03:00 lenovo kernel: ", EVENING + 0.25),
        ("2024-02-03T20:24:38,500000+03:00 ", EVENING + 0.5),
        ("[  123.456789] ", 123.456789),
        ("Feb 03 20:24:38 lenovo kernel: [  123.5] ", 123.5),
        ("1706981078.5 lenovo kernel: ", 1706981078.5),
        ("6,1252,711100988,-;", 711.100988),
        ("1252 711100988 ", 711.100988),
        ("[  +0.000123] ", None),
        ("lenovo kernel: ", None),
    ],
)
def test_the_time_is_found_in_what_stands_in_front(wrapping: str, moment: float | None) -> None:
    assert moment_of(wrapping) == moment


@pytest.mark.parametrize(
    ("before", "now", "seconds"),
    [(1.0, 3.5, 2.5), (86_390.0, 5.0, 15.0), (50.0, 49.0, 0.0), (1e9, 2e9, 86_400.0), (2e9, 1e9, 0.0)],
)
def test_time_passes_forwards_and_over_midnight(before: float, now: float, seconds: float) -> None:
    assert passed(before, now) == seconds


def test_a_limited_rule_speaks_as_often_as_time_allows() -> None:
    setup = (
        "ip addr add 192.0.2.1/24 dev wan\nip link set wan up\n"
        "iptables -t raw -A PREROUTING -j LOG --log-prefix 'RAW-PREROUTING '\n"
        "iptables -t mangle -A PREROUTING -m limit --limit 1/sec --limit-burst 1 "
        "-j LOG --log-prefix 'LIMITED '\n"
    )

    def line(second: int, prefix: str, ident: int) -> str:
        packet = echo(source="192.0.2.7", to="192.0.2.1", ident=ident, kind=0)
        link = "MAC=02:00:00:00:00:11:02:00:00:00:00:77:08:00"
        return f"Feb 03 23:59:{second:02} lenovo kernel: {prefix} IN=wan OUT= {link} {packet}"

    lines = [
        line(50, "RAW-PREROUTING", 1),
        line(50, "LIMITED", 1),
        line(50, "RAW-PREROUTING", 2),
        line(53, "RAW-PREROUTING", 3),
        line(53, "LIMITED", 3),
    ]
    assert faults_of(accounts_of(lines, setup)) == []
    late = [one.replace("23:59:53", "23:59:50") for one in lines]
    assert faults_of(accounts_of(late, setup)) == [("extra", "LIMITED: pystack does not print this line")]
