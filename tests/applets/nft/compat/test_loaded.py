"""nft finds an extension that there is for each family of IP in the family alone that it met first."""

from pystack.applets import virtual
from pystack.host import Host

SETUP = """\
iptables -t nat -A POSTROUTING -j SNAT --to-source 1.2.3.4
ip6tables -t nat -A POSTROUTING -j MASQUERADE
"""


def test_the_second_family_has_no_words_for_its_target_and_that_is_said() -> None:
    host = Host()
    assert virtual.run_setup(host, SETUP, "setup") == []
    both = virtual.run(["nft", "list", "ruleset"], host)
    assert "snat to 1.2.3.4\n" in both.out
    assert "masquerade" not in both.out
    assert both.err.endswith("XT target MASQUERADE not found\n")


def test_listed_alone_each_family_has_its_words() -> None:
    host = Host()
    assert virtual.run_setup(host, SETUP, "setup") == []
    assert "masquerade\n" in virtual.run(["nft", "list", "table", "ip6", "nat"], host).out
