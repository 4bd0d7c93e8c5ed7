"""Tables, chains, sets and objects as nft 1.0.6 lists them; the texts are measured."""

from dataclasses import replace

from pystack.applets.nft import types
from pystack.applets.nft.printer.chains import chain_line
from pystack.applets.nft.printer.layout import ONE_LINE
from pystack.applets.nft.printer.objects import object_text
from pystack.applets.nft.printer.page import Page
from pystack.applets.nft.printer.sets import set_text
from pystack.applets.nft.printer.tables import declarations_text, parts_text, table_text
from pystack.applets.nft.style import Style
from pystack.applets.nft.tree.commands import ChainText, ObjectText, Priority, RuleText, SetText
from pystack.applets.nft.tree.expressions import Anything, Element, Elements, Payload, Value, Verdict
from pystack.applets.nft.tree.listed import ListedChain, ListedObject, ListedRule, ListedSet, ListedTable
from pystack.applets.nft.tree.statements import Counter, Decide, Limit, Match, Quota
from tests.applets.nft.printer.test_expressions import DPORT, PAGE, SSH, value

HANDLES = replace(PAGE, style=Style(handles=True))

ADDRESSES = tuple(Element(value(types.IPV4_ADDR, 0x0A000001 + number)) for number in range(3))
PORTS = tuple(Element(value(types.INET_SERVICE, number)) for number in range(1, 8))
TABLE = ListedTable(
    "ip",
    "n",
    1,
    flags=("dormant",),
    comment="the table",
    objects=(ListedObject(ObjectText(kind="counter", name="cn", statement=Counter(3, 7)), 7),),
    sets=(ListedSet(SetText(name="s", key=("ipv4_addr",), elements=ADDRESSES), 8),),
    chains=(
        ListedChain(ChainText(name="o", comment="chain comment"), 1),
        ListedChain(
            ChainText(
                name="in",
                type="filter",
                hook="input",
                priority=Priority(None, -5),
                policy=Verdict("drop"),
            ),
            2,
            (
                ListedRule(
                    RuleText(statements=(Match(DPORT, SSH, "=="), Decide(Verdict("accept"))), comment="ssh"),
                    9,
                ),
            ),
        ),
    ),
)
LISTING = """\
table ip n { # handle 1
	flags dormant
	comment "the table"

	counter cn { # handle 7
		packets 3 bytes 7
	}

	set s { # handle 8
		type ipv4_addr
		elements = { 10.0.0.1, 10.0.0.2,
\t\t\t     10.0.0.3 }
	}

	chain o { # handle 1
		comment "chain comment"
	}

	chain in { # handle 2
		type filter hook input priority filter - 5; policy drop;
		tcp dport 22 accept comment "ssh" # handle 9
	}
}
"""


def test_a_table_is_listed_with_blank_lines_between_its_parts() -> None:
    assert table_text(TABLE, HANDLES) == LISTING


def test_handles_are_only_said_if_wanted() -> None:
    lines = LISTING.splitlines(keepends=True)
    without = "".join(line.split(" # handle")[0].rstrip("\n") + "\n" for line in lines)
    assert table_text(TABLE, PAGE) == without


def test_some_parts_of_a_table_stand_close_together() -> None:
    chains = ListedTable("ip", "n", 1, flags=("dormant",), chains=TABLE.chains)
    assert parts_text(chains, PAGE).splitlines()[:5] == [
        "table ip n {",
        "\tchain o {",
        '\t\tcomment "chain comment"',
        "\t}",
        "\tchain in {",
    ]


def test_declarations_have_neither_rules_nor_elements() -> None:
    assert declarations_text(TABLE, PAGE) == (
        "table ip n {\n"
        "\tset s {\n\t\ttype ipv4_addr\n\t}\n"
        '\tchain o {\n\t\tcomment "chain comment"\n\t}\n'
        "\tchain in {\n\t\ttype filter hook input priority filter - 5; policy drop;\n\t}\n"
        "}\n"
    )


def lines_of(declared: SetText, page: Page = PAGE) -> list[str]:
    return [line.strip("\t") for line in set_text(ListedSet(declared, 1), page).splitlines()[1:-1]]


def test_five_ports_or_two_addresses_stand_in_a_line_of_elements() -> None:
    ports = SetText(name="p", key=("inet_service",), elements=PORTS)
    assert lines_of(ports) == ["type inet_service", "elements = { 1, 2, 3, 4, 5,", "     6, 7 }"]
    names = tuple(Element(Value(name, types.IFNAME)) for name in (b"lo", b"eth0"))
    devices = SetText(name="d", key=("ifname",), elements=names)
    assert lines_of(devices) == ["type ifname", 'elements = { "lo",', '     "eth0" }']


def test_the_element_for_everything_else_does_not_say_the_kind() -> None:
    elements = (Element(Anything(), Verdict("drop")), Element(SSH, Verdict("jump", "o")))
    ports = SetText(name="m", key=("inet_service",), data="verdict", is_map=True, elements=elements)
    assert lines_of(ports) == ["type inet_service : verdict", "elements = { * : drop, 22 : jump o }"]


def test_a_set_says_what_it_was_declared_with() -> None:
    declared = SetText(
        name="s",
        key=Payload("ip", "saddr"),
        flags=("timeout", "interval", "dynamic"),
        timeout=3_600_000,
        gc_interval=10_000,
        size=100,
        policy="memory",
        auto_merge=True,
        statements=(Limit(3, "second"), Counter(1, 1)),
        comment="c",
    )
    assert lines_of(declared) == [
        "typeof ip saddr",
        "policy memory",
        "size 100",
        "flags dynamic,interval,timeout",
        "limit rate 3/second counter",
        "auto-merge",
        "timeout 1h",
        "gc-interval 10s",
        'comment "c"',
    ]


def test_a_timeout_for_all_elements_makes_its_flag_needless() -> None:
    declared = SetText(name="s", key=("ipv4_addr", "mark"), flags=("timeout",), timeout=1000)
    assert lines_of(declared) == ["type ipv4_addr . mark", "timeout 1s"]


def test_a_constant_set_has_no_size_and_terse_listings_no_elements() -> None:
    declared = SetText(name="s", key=("ipv4_addr",), flags=("constant",), size=3, elements=ADDRESSES[:1])
    assert lines_of(declared, Page(Style(terse=True))) == ["type ipv4_addr", "flags constant"]


def test_events_have_it_in_one_line() -> None:
    declared = SetText(name="s2", key=("ipv4_addr",))
    assert set_text(ListedSet(declared, 27), HANDLES, ONE_LINE, "ip a") == (
        "set ip a s2 { # handle 27 type ipv4_addr; } "
    )
    line = chain_line(ListedChain(TABLE.chains[1].text, 2), Page(family="ip"), "n")
    assert line == "chain ip n in { type filter hook input priority filter - 5; policy drop; }"


def test_chains_of_devices_name_them() -> None:
    def declared(*names: bytes) -> str:
        devices = Elements(tuple(Element(Value(name, types.IFNAME)) for name in names))
        chain = ChainText(
            name="x",
            type="filter",
            hook="ingress",
            devices=devices,
            priority=Priority("filter", 0),
            policy=Verdict("accept"),
        )
        return parts_text(ListedTable("netdev", "t", 1, chains=(ListedChain(chain, 1),)), PAGE)

    assert 'hook ingress device "lo" priority filter; policy accept;' in declared(b"lo")
    assert "hook ingress devices = { d0, lo } priority filter;" in declared(b"d0", b"lo")


def object_lines(named: ObjectText, page: Page = PAGE) -> list[str]:
    return [line.strip("\t") for line in object_text(ListedObject(named, 1), page).splitlines()]


def test_named_limits_and_quotas_say_their_numbers() -> None:
    quota = ObjectText(kind="quota", name="q", statement=Quota(1025, 3, over=True), comment="qq")
    assert object_lines(quota) == ["quota q {", 'comment "qq"', "over 1025 bytes used 3 bytes", "}"]
    limit = ObjectText(kind="limit", name="l", statement=Limit(10, "minute", 7, over=True))
    assert object_lines(limit) == ["limit l {", "rate over 10/minute burst 7 packets", "}"]
    counter = ObjectText(kind="counter", name="c", statement=Counter(1, 2))
    assert object_lines(counter, Page(Style(stateless=True))) == ["counter c {", "}"]


def test_what_is_named_for_connections_says_its_protocols() -> None:
    helper = ObjectText(
        kind="ct helper", name="h", fields={"type": "ftp", "protocol": "tcp", "l3proto": "ip"}
    )
    assert object_lines(helper) == ["ct helper h {", 'type "ftp" protocol tcp', "l3proto ip", "}"]
    policy = {"established": 100, "close": 4}
    times = ObjectText(
        kind="ct timeout", name="t", fields={"protocol": "tcp", "l3proto": "ip", "policy": policy}
    )
    assert object_lines(times)[1:-1] == [
        "protocol tcp",
        "l3proto ip",
        "policy = { established : 100, close : 4 }",
    ]
