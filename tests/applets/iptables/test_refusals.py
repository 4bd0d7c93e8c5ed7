"""What is refused, in which words, and what comes first where several things are wrong: as the tool does."""

from __future__ import annotations

from typing import Final

import pytest

from pystack.applets import virtual
from pystack.applets.name_files import GROUPS, NETWORKS, PROTOCOLS, SERVICES, USERS
from pystack.applets.virtual import Completed, Outside
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.host import Host

NFT, LEGACY = "iptables", "iptables-legacy"
FILES = {
    SERVICES: b"http 80/tcp\ndomain 53/udp\n",
    PROTOCOLS: b"gre 47 GRE\n",
    NETWORKS: b"default 0.0.0.0\nloopback 127\n",
    USERS: b"root:x:0:0::/:/bin/sh\nmail:x:8:12::/:/bin/sh\n",
    GROUPS: b"root:x:0:\nmen:x:12:\n",
}


SAID: Final = (
    ("-A INPUT -s nosuch/8 -m length", 'length: option "--length" must be specified'),
    ("-A INPUT -j DROP -L", "Cannot use -L with -A"),
    ("-L INPUT -Z -A INPUT", "Cannot use -A with -Z"),
    ("! -A INPUT", "unexpected '!' flag"),
    ("-A INPUT ! -j DROP", "cannot have ! before -j"),
    ("-A INPUT -i ", 'option "-i" requires an argument'),
    ("-t nat -A PREROUTING -m length -j DROP", 'The "nat" table is not intended for filtering'),
    ("-A INPUT -m mark --mark 1:2", 'mark: trailing garbage after value for option "--mark".'),
    ("-A INPUT -m length --length 1:2:3", 'Too many components for option "--length" (max: 2)'),
    ("-A INPUT -m length --length 5x", 'Argument to "--length" has unexpected characters near "x".'),
    ("-A INPUT -p tcp --sport 1 --sport 2", "Only one `--source-port' allowed"),
    ("-A INPUT -p udp --sport 1 --sport 2", 'udp: option "--source-port" can only be used once.'),
    ("-A INPUT -p tcp --dport 9:5", "invalid portrange (min > max)"),
    ("-A INPUT -m multiport --ports 1", "multiport needs `-p tcp', `-p udp', `-p udplite'"),
    ("-A INPUT -m owner --suppl-groups", '"you need to use --gid-owner first"'),
    ("-A INPUT -m time --utc --kerneltz", '"--utc" cannot be used together with "--kerneltz".'),
    ("-A INPUT -p udp --sport 1:2:3", 'udp: Too many components for option "--source-port" (max: 2)'),
    ("-A INPUT -s 10.0.0.0/8/", "invalid mask `' specified"),
    ("-A INPUT -s 10.0.0.0/8/24", "host/network `10.0.0.0/8' not found"),
    ("-D three -p icmp -f-m icmp", "Couldn't load match `-f-m':No such file or directory"),
    ("-t mangle -A INPUT -j TEE --gateway eth+", "getaddrinfo: Name or service not known"),
    ("-t mangle -A INPUT -j TEE --gateway a.b", "getaddrinfo: Temporary failure in name resolution"),
    ("-A INPUT -p tcp -f!", "multiple -f flags not allowed"),
    ("-A INPUT -f!", 'unknown option "-f!"'),
    ("-A INPUT -m connmark --mark 1 -m mark --mark 1 -m connmark --mark 1", 'mark: option "--mark" can only'),
    ("-A INPUT -m limit --limit -1/s", 'Rate too fast "-1/s"'),
    ("-A INPUT -m limit --limit 4294967296/s", 'bad rate "4294967296/s"'),
    (
        "-t mangle -A INPUT -j TTL --ttl-set 1 --ttl-inc 1",
        '"--ttl-set" cannot be used together with "--ttl-inc".',
    ),
    ("-A INPUT -m time --timestart 12:60", 'invalid time "60" specified'),
    ("-A INPUT -m hashlimit --hashlimit-mode srcip", "You have to specify --hashlimit"),
    ("-A INPUT -p icmp --icmp-type 3/1/1", "unknown character /"),
    ("-A INPUT -m string --algo bm --hex-string |0", "Odd number of hex digits"),
    ("-A INPUT -m connlimit --connlimit-upto 1 --connlimit-mask x", "neither a valid network mask"),
    ("-A INPUT -m aNameOfMoreThanTwentyEightSigns", "Invalid match name"),
    ("-P INPUT nosuch", "Bad policy name."),
    ("-I INPUT 4294967296", "Invalid rule number `4294967296'"),
    ("-A INPUT -p udp --sport -19", 'Port "-19" does not resolve to anything.'),
    ("-A INPUT -m conntrack --ctorigsrc ::1", "Address family for hostname not supported"),
    ("-A INPUT -m ipv6-icmp", "Couldn't load match `icmp6'"),
    ("-A INPUT -p udp ! -1:5", 'unknown option "udp"'),
    ("-A INPUT -p udp ! -12", 'unknown option ""'),
    ("-A INPUT -p gre ! -1:5", 'unknown option ""'),
    ("-A INPUT -p gre -f/", 'unknown option "-f/"'),
    ("-A INPUT -s 1.2.3.256", "host/network `1.2.3.256' not found"),
    ("-A INPUT -m conntrack --ctorigsrc loopback", "getaddrinfo: Temporary failure in name resolution"),
    ("-A INPUT -m dscp --dscp-class E", "Invalid DSCP value `E'"),
)
SAID_OF_TABLES: Final = (
    (["-C nosuch -j DROP"], "Bad rule", "Bad rule"),
    (["-D INPUT -j LOG"], "Bad rule", "No chain/target/match by that name"),
    (["-D INPUT 1"], "No chain/target/match by that name", "Index of deletion too big"),
    (["-R INPUT 1 -j DROP"], "No chain/target/match by that name", "Index of replacement too big"),
    (["-N a", "-E a INPUT"], "File exists", "File exists"),
    (["-X INPUT"], "No chain/target/match by that name", "Invalid argument"),
    (["-A INPUT -j DROP", "-X INPUT"], "CHAIN_DEL failed (Device or resource busy)", "Invalid argument"),
    (["-P INPUT DROP", "-X INPUT"], "Directory not empty", "Invalid argument"),
    (["-N a", "-P a nosuch"], "Bad policy name", "Bad built-in chain name"),
    (["-A INPUT -m tcp --dport 80"], "TCP match requires '-p tcp'", "Invalid argument"),
    (
        ["-N a", "-A a -m owner --uid-owner 0", "-A INPUT -j a"],
        "RULE_APPEND failed (Invalid argument)",
        "Inval",
    ),
    (["-N a", "-N c", "-N b", "-A c -j DROP", "-A INPUT -j b", "-X"], "chain c", "Directory not empty"),
    (["-N a", "-A a -j a", "-A INPUT -j a"], "Too many links", "Too many levels of symbolic links"),
)


def run(host: Host, line: str, stdin: str = "") -> Completed:
    outside = Outside(stdin=stdin.encode(), read_file=lambda path: FILES.get(path, b""))
    return virtual.run(line.split(), host, None, outside)


def complaint(program: str, *lines: str) -> str:
    """What the last of these says, without the program and the hint."""
    host = Host()
    for line in lines[:-1]:
        assert run(host, f"{program} {line}").rc == 0, line
    done = run(host, f"{program} {lines[-1]}")
    assert done.rc != 0
    text = done.err.partition("Try `")[0].strip()
    return text.partition(": ")[2] if text.startswith("iptables") else text


def saved(program: str, *lines: str) -> str:
    """The rule that is there behind these."""
    host = Host()
    for line in lines:
        assert run(host, f"{program} {line}").rc == 0, line
    return run(host, f"{program} -S").out.splitlines()[-1]


@pytest.mark.parametrize(("line", "said"), SAID)
@pytest.mark.parametrize("program", [NFT, LEGACY])
def test_the_first_thing_that_is_wrong_is_said(program: str, line: str, said: str) -> None:
    assert said in complaint(program, line)


@pytest.mark.parametrize(("lines", "nft", "legacy"), SAID_OF_TABLES)
def test_the_tables_refuse_in_the_words_of_their_owner(lines: list[str], nft: str, legacy: str) -> None:
    assert nft in complaint(NFT, *lines)
    assert legacy in complaint(LEGACY, *lines)


def test_a_chain_that_nothing_leads_to_may_lead_to_itself() -> None:
    for program in (NFT, LEGACY):
        assert saved(program, "-N a", "-A a -j a") == "-A a -j a"


def test_trace_stands_only_in_raw_where_tables_are_legacy() -> None:
    assert "Invalid argument" in complaint(LEGACY, "-A INPUT -j TRACE")
    assert saved(NFT, "-A INPUT -j TRACE") == "-A INPUT -j TRACE"


def test_a_list_of_addresses_is_taken_whole_or_not_at_all() -> None:
    host = Host()
    assert run(host, f"{NFT} -A INPUT -s 10.0.0.1 -j DROP").rc == 0
    assert run(host, f"{NFT} -D INPUT -s 10.0.0.1,10.0.0.2 -j DROP").rc == 1
    assert run(host, f"{NFT} -S INPUT").out.splitlines()[1:] == ["-A INPUT -s 10.0.0.1/32 -j DROP"]


@pytest.mark.parametrize(
    ("given", "nft", "legacy"),
    [
        ("-p udp ! --dport :53", "-p udp -m udp --dport 54:65535", "-p udp -m udp ! --dport 0:53"),
        ("-p udp --sport http", "-p udp -m udp --sport 80", "-p udp -m udp --sport 80"),
        ("-m devgroup --src-group 0", "-m devgroup --src-group default", "-m devgroup --src-group default"),
        ("-p tcp --tcp-flags NONE SYN", "-p tcp", "-p tcp -m tcp"),
        ("-p tcp ! --tcp-flags NONE SYN", "-p tcp", "-p tcp -m tcp ! --tcp-flags NONE SYN"),
        ("-p tcp --dport : --tcp-flags NONE SYN", "-p tcp", "-p tcp -m tcp"),
        ("-p tcp --dport 5 --tcp-flags NONE SYN", *["-p tcp -m tcp --dport 5"] * 2),
        ("-p tcp ! --dport :53 --tcp-option 5", *["-p tcp -m tcp ! --dport 0:53 --tcp-option 5"] * 2),
        ("-m iprange --src-range 1-2.3", *["-m iprange --src-range 1.0.0.0-2.3.0.0"] * 2),
        ("-s 010.0.0.1 -d 0xa.1", *["-s 8.0.0.1/32 -d 10.1.0.0/32"] * 2),
        ("-s 10.0.256", *["-s 10.0.1.0/32"] * 2),
        ("-s 4294967295", *["-s 255.255.255.255/32"] * 2),
        ("-s Loopback/8 -d 127.1", *["-s 127.0.0.0/8 -d 127.1.0.0/32"] * 2),
        ("-m ttl --ttl 5", "-m ttl --ttl-eq 5", "-m ttl --ttl-eq 5"),
        ("-m addrtype --src-type loc,UNI", *["-m addrtype --src-type UNICAST,LOCAL"] * 2),
        ("-m conntrack --ctorigsrc 0/0", *["-m conntrack --ctorigsrc 0.0.0.0/0"] * 2),
    ],
)
def test_a_rule_is_kept_as_its_owner_keeps_it(given: str, nft: str, legacy: str) -> None:
    assert saved(NFT, f"-A INPUT {given}") == f"-A INPUT {nft}"
    assert saved(LEGACY, f"-A INPUT {given}") == f"-A INPUT {legacy}"


def test_every_change_of_a_legacy_table_has_its_policies_count_anew() -> None:
    host = Host()
    assert run(host, f"{LEGACY} -P INPUT DROP -c 3 4").rc == 0
    assert "-P INPUT DROP -c 3 4" in run(host, f"{LEGACY} -S INPUT -v").out
    assert run(host, f"{LEGACY} -A OUTPUT -j DROP").rc == 0
    assert "-P INPUT DROP -c 0 0" in run(host, f"{LEGACY} -S INPUT -v").out


def test_a_table_of_nfts_is_there_without_chains_until_it_is_restored_anew() -> None:
    host = Host()
    run(host, f"{NFT} -N a")
    run(host, f"{NFT} -X a")
    assert "*filter" in run(host, "iptables-save").out
    assert run(host, "iptables-restore", "*filter\nCOMMIT\n").rc == 0
    assert "*filter" not in run(host, "iptables-save").out


def test_nft_reads_all_lines_of_a_table_before_it_does_any() -> None:
    text = "*filter\n-D INPUT 1\n-A INPUT -p nosuch\nCOMMIT\n"
    assert "line: 3" in run(Host(), "iptables-restore", text).err
    assert "line 2 failed" in run(Host(), "iptables-legacy-restore", text).err


def test_the_kernel_refuses_a_legacy_table_as_a_whole_and_of_nfts_a_line() -> None:
    text = "*filter\n-A INPUT -j DROP\n-A OUTPUT -j TEE --gateway 0.0.0.0\nCOMMIT\n"
    nft, legacy = Host(), Host()
    assert "line 3: RULE_APPEND failed (Invalid argument)" in run(nft, "iptables-restore", text).err
    assert run(legacy, "iptables-legacy-restore", text).err == "iptables-restore: line 4 failed\n"
    assert "DROP" not in run(nft, "iptables-save").out + run(legacy, "iptables-legacy-save").out


@pytest.mark.parametrize(
    ("given", "listed"),
    [
        ("-p tcp --tcp-flags NONE NONE", "tcp"),
        ("-p sctp -m sctp --sport : --dport :5", "sctp dpts:0:5"),
        ("-m time ! --weekdays 8", "TIME UTC"),
    ],
)
def test_what_says_nothing_is_not_listed(given: str, listed: str) -> None:
    for program in (NFT, LEGACY):
        host = Host()
        assert run(host, f"{program} -A INPUT {given}").rc == 0
        assert run(host, f"{program} -L INPUT -n").out.splitlines()[2].endswith(f" {listed}")


def test_all_rules_of_a_command_are_told_before_the_kernel_refuses_one() -> None:
    rules = "-s 10.0.0.1,10.0.0.2 -j TCPMSS --set-mss 500 -v"
    for program in (NFT, LEGACY):
        done = run(Host(), f"{program} -t mangle -A FORWARD {rules}")
        assert (done.rc != 0, done.out.count("TCPMSS set 500")) == (True, 2)


def test_hashlimits_table_is_told_as_given_and_kept_as_it_is() -> None:
    rule = "INPUT -m hashlimit --hashlimit-above 1/s --hashlimit-name a --hashlimit-htable-size 4294967295"
    for program in (NFT, LEGACY):
        host = Host()
        assert run(host, f"{program} -A {rule} -v").out.rstrip().endswith("htable-size 4294967295")
        assert run(host, f"{program} -S INPUT").out.rstrip().endswith("--hashlimit-htable-size 1048576")
        assert run(host, f"{program} -C {rule}").rc == 1


def test_verbose_commands_say_what_they_are_about() -> None:
    host = Host()
    done = run(host, f"{NFT} -A INPUT ! -p icmp -d 10.0.0.1 -j DROP -v")
    assert done.out == "DROP !icmp opt -- in * out *  0.0.0.0/0  -> 10.0.0.1  \n"
    assert run(host, f"{NFT} -Z INPUT -v").out == "Zeroing chain `INPUT'\n"
    assert run(host, f"{NFT} -F INPUT -v").out == "Flushing chain `INPUT'\n"


@pytest.mark.root
@pytest.mark.parametrize("program", [NFT, LEGACY])
def test_the_real_tool_says_all_of_this_too(program: str) -> None:
    for lines in ([line] for line, _ in SAID), (lines for lines, _, _ in SAID_OF_TABLES):
        for some in lines:
            with KernelNetns() as kernel:
                said = [kernel.run([program, *line.split()]) for line in some]
            host = Host()
            ours = [run(host, f"{program} {line}") for line in some]
            assert [(done.rc, done.err) for done in ours] == [(done.rc, done.err) for done in said], some


@pytest.mark.parametrize("program", [NFT, LEGACY])
def test_a_word_that_is_no_option_at_all_is_called_by_the_one_in_front_of_it(program: str) -> None:
    assert f'unknown option "{program}"' in complaint(program, "-10.0.0.1 -A INPUT")
    assert 'unknown option "INPUT"' in complaint(program, "-A INPUT -10.0.0.1")


@pytest.mark.parametrize("program", [NFT, LEGACY])
def test_the_first_word_of_a_saved_line_stands_behind_its_table(program: str) -> None:
    done = run(Host(), f"{program}-restore", "*filter\n-10.0.0.1 -A INPUT\nCOMMIT\n")
    assert 'unknown option "filter"' in done.err


def listed(program: str, chain: str, *lines: str, table: str = "filter") -> str:
    """The last rule of a chain, as a listing without -n shows it."""
    host = Host()
    for line in lines:
        assert run(host, f"{program} -t {table} {line}").rc == 0, line
    return run(host, f"{program} -t {table} -L {chain}").out.splitlines()[-1].rstrip()


@pytest.mark.parametrize("program", [NFT, LEGACY])
def test_owners_are_known_by_the_names_that_the_machine_has_for_them(program: str) -> None:
    named = "-A OUTPUT -m owner --uid-owner mail --gid-owner men"
    assert saved(program, named) == "-A OUTPUT -m owner --uid-owner 8 --gid-owner 12"
    assert "owner UID match mail owner GID match men" in listed(program, "OUTPUT", named)
    ranged = "-A OUTPUT -m owner --uid-owner 8-9 --gid-owner 7"
    assert "owner UID match 8-9 owner GID match 7" in listed(program, "OUTPUT", ranged)
    assert 'Bad value for "--gid-owner" option: "mail"' in complaint(
        program, "-A OUTPUT -m owner --gid-owner mail"
    )


def test_a_tos_with_a_name_is_listed_with_its_space_in_front() -> None:
    for program in (NFT, LEGACY):
        line = listed(program, "INPUT", "-A INPUT -j TOS --set-tos Normal-Service", table="mangle")
        assert line.endswith("anywhere              TOS setNormal-Service")


def test_what_nft_reads_as_nothing_is_not_listed() -> None:
    rule = "-A INPUT -p tcp ! --sport :"
    assert listed(NFT, "INPUT", rule).endswith("anywhere             anywhere")
    assert listed(LEGACY, "INPUT", rule).endswith("tcp spts:!0:65535")


@pytest.mark.parametrize("program", [NFT, LEGACY])
def test_networks_are_listed_by_name_whatever_their_length(program: str) -> None:
    rule = "-A INPUT -s 127.0.0.0/31 -d 0/1"
    assert listed(program, "INPUT", rule).endswith("  loopback/31          default/1")


@pytest.mark.parametrize("program", [NFT, LEGACY])
def test_a_prefix_of_two_lines_is_refused_before_what_stands_behind_it(program: str) -> None:
    words = [program, "-A", "INPUT", "-j", "NFLOG", "--nflog-prefix", "a\nb", "--nflog-group", "x"]
    assert "Newlines not allowed" in virtual.run(words, Host()).err


def test_a_chain_called_like_a_target_is_meant_first_where_tables_are_legacy() -> None:
    host = Host()
    for program in (NFT, LEGACY):
        for line in ("-N one", "-E one LOG"):
            assert run(host, f"{program} {line}").rc == 0
    done = run(host, f"{LEGACY} -A INPUT -j LOG --log-prefix x")
    assert (done.rc, done.err) == (0, "Warning: using chain LOG, not extension\n")
    assert run(host, f"{LEGACY} -S INPUT").out.endswith("-A INPUT -j LOG\n")
    assert run(host, f"{NFT} -A INPUT -j LOG --log-prefix x").err == ""
    assert run(host, f"{NFT} -S INPUT").out.endswith("-A INPUT -j LOG --log-prefix x\n")


CLASSIFY: Final = "-A INPUT -j CLASSIFY --set-class 1:1"  # which may not stand there


@pytest.mark.parametrize(
    "lines",
    [
        ["-A INPUT -j DROP", CLASSIFY, "-D INPUT 1"],
        ["-A INPUT -j DROP", CLASSIFY, "-D INPUT -j DROP"],
        ["-A INPUT -j RETURN", CLASSIFY, "-R INPUT 1 -j MARK --set-mark 1"],
        ["-A INPUT -j DROP", CLASSIFY, "-R INPUT 1 -m comment --comment x -j DROP"],
        ["-N a", "-A INPUT -j a", "-A a -j ACCEPT", CLASSIFY.replace("INPUT", "a"), "-D a 1"],
        ["-N a", "-A a -j a", "-A INPUT -j ACCEPT", "-A INPUT -j a", "-D INPUT 1"],
    ],
)
def test_what_no_packet_comes_to_may_stand_anywhere_where_tables_are_legacy(lines: list[str]) -> None:
    host = Host()
    for line in lines[:-1]:
        assert run(host, f"{LEGACY} -t mangle {line}").rc == 0, line
    before = run(host, f"{LEGACY} -t mangle -S").out
    done = run(host, f"{LEGACY} -t mangle {lines[-1]}")
    assert done.rc == 1
    assert ("Too many levels" if "-A a -j a" in lines else "Invalid argument") in done.err
    assert run(host, f"{LEGACY} -t mangle -S").out == before


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        (["-m mac --mac-source 1:1:1:1:1:1 -j a"], "Invalid argument"),
        (["-j a", "-m mac --mac-source 1:1:1:1:1:1"], "Too many links"),
    ],
)
def test_nft_follows_a_jump_where_it_stands_and_says_what_it_meets_first(rules: list[str], said: str) -> None:
    assert said in complaint(NFT, "-N a", *(f"-A a {rule}" for rule in rules), "-A OUTPUT -j a")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("-m set --match-set b src,nosuch", "Set b doesn't exist."),
        ("-m set --match-set b src -m length", "Set b doesn't exist."),
        ("-m set --match-set b src -s nosuch/8", "Set b doesn't exist."),
        ("-m set --match-set b -x", "--match-set requires two args."),
        ("-m set --match-set a nosuch", "You must spefify (the comma separated list of) 'src' or 'dst'."),
        ("-m set --match-set a src --match-set b src", "--match-set can be specified only once"),
        ("-j SET --add-set b src --timeout x", "Set b doesn't exist."),
        ("-j SET --add-set a src --add-set b src", "--add-set can be specified only once"),
        ("-j SET --del-set six src", "The protocol family of set six is IPv6, which is not applicable."),
    ],
)
@pytest.mark.parametrize("program", [NFT, LEGACY])
def test_a_set_is_looked_for_as_soon_as_it_is_named(program: str, line: str, said: str) -> None:
    host = Host()
    for made in ("ipset create a hash:ip", "ipset create six hash:ip family inet6"):
        assert run(host, made).rc == 0
    assert run(host, f"{program} -A INPUT {line}").err.partition(": ")[2].startswith(f"{said}\n")


def test_the_first_date_there_is_ends_a_time_without_being_shown() -> None:
    for program in (NFT, LEGACY):
        rule = "-A INPUT -m time --datestart 1970-01-01 --datestop 1970-01-01"
        assert listed(program, "INPUT", rule).endswith("TIME until date UTC")


def test_a_prefix_of_nflog_is_cut_to_what_its_owner_keeps() -> None:
    rule = f"-A INPUT -j NFLOG --nflog-prefix {'x' * 128}"
    assert saved(NFT, rule).endswith(f" {'x' * 127}")
    assert saved(LEGACY, rule).endswith(f" {'x' * 63}")


def test_root_is_known_where_no_file_names_users() -> None:
    host = Host()
    assert virtual.run("iptables -A OUTPUT -m owner --uid-owner root --gid-owner root".split(), host).rc == 0
    assert "owner UID match root owner GID match root" in virtual.run(["iptables", "-L", "OUTPUT"], host).out
