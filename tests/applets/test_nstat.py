"""What nstat remembers; its words are held against the real one's in parity/counters.cases."""

from pystack.applets import virtual
from pystack.host import Host

NAMES = ("IpInReceives", "IcmpInEchos")


class Asked:
    def __init__(self) -> None:
        self.host = Host(seed=1)

    def pings(self, count: int) -> None:
        self.host.init.snmp.Ip.InReceives += count
        self.host.init.snmp.Icmp.InEchos += count

    def __call__(self, words: str = "") -> dict[str, str]:
        done = virtual.run(["nstat", *words.split()], self.host)
        assert (done.rc, done.err) == (0, "")
        if not done.out:
            return {}
        head, *lines = done.out.splitlines()
        assert head == "#kernel"
        return {line.split()[0]: line.split()[1] for line in lines}


def test_each_time_only_what_moved_since_is_told() -> None:
    nstat = Asked()
    nstat.pings(3)
    assert nstat() == dict.fromkeys(NAMES, "3")
    assert nstat() == {}
    nstat.pings(2)
    assert nstat() == dict.fromkeys(NAMES, "2")


def test_without_an_update_it_is_told_again() -> None:
    nstat = Asked()
    nstat.pings(3)
    assert nstat("-s") == nstat("-s") == dict.fromkeys(NAMES, "3")


def test_history_can_be_ignored_or_forgotten() -> None:
    nstat = Asked()
    nstat.pings(3)
    nstat()
    assert nstat("-a") == dict.fromkeys(NAMES, "3")
    assert nstat() == {}
    assert nstat("-r") == dict.fromkeys(NAMES, "3")


def test_only_history_may_be_wanted() -> None:
    nstat = Asked()
    nstat.pings(3)
    assert nstat("-n") == {}
    assert nstat() == {}


def test_what_was_not_asked_for_stays_news() -> None:
    nstat = Asked()
    nstat.pings(3)
    nstat()
    nstat.pings(2)
    assert nstat("Icmp*") == {"IcmpInEchos": "2"}
    assert nstat() == {"IpInReceives": "2"}


def test_sampling_in_the_background_is_refused_by_name() -> None:
    done = virtual.run(["nstat", "-d", "5"], Host(seed=1))
    assert done.rc == 2
    assert done.err == "pystack: nstat -d is not modelled (known: -a, -j, -n, -p, -r, -s, -z)\n"


def test_netstat_lists_no_sockets() -> None:
    done = virtual.run(["netstat", "-t"], Host(seed=1))
    assert (done.rc, done.err) == (
        2,
        "pystack: netstat without -s is not modelled (known: netstat -s [-tuw])\n",
    )
