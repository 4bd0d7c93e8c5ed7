"""What `-h` prints. Linux: iptables/xshared.c xtables_printhelp()"""

from __future__ import annotations

from typing import Final

from pystack.applets.iptables.family import IPV4
from pystack.applets.iptables.owner import Owner
from pystack.applets.iptables.refused import VERSION
from pystack.netfilter.table import LEGACY, NFT

_FRAGMENT: Final = "[!] --fragment\t-f\t\tmatch second or further fragments only\n"
_TEXT: Final = """\
{program} v{version} ({variant})

Usage: {program} -[ACD] chain rule-specification [options]
       {program} -I chain [rulenum] rule-specification [options]
       {program} -R chain rulenum rule-specification [options]
       {program} -D chain rulenum [options]
       {program} -[LS] [chain [rulenum]] [options]
       {program} -[FZ] [chain] [options]
       {program} -[NX] chain
       {program} -E old-chain-name new-chain-name
       {program} -P chain target [options]
       {program} -h (print this help information)

Commands:
Either long or short options are allowed.
  --append  -A chain\t\tAppend to chain
  --check   -C chain\t\tCheck for the existence of a rule
  --delete  -D chain\t\tDelete matching rule from chain
  --delete  -D chain rulenum
\t\t\t\tDelete rule rulenum (1 = first) from chain
  --insert  -I chain [rulenum]
\t\t\t\tInsert in chain as rulenum (default 1=first)
  --replace -R chain rulenum
\t\t\t\tReplace rule rulenum (1 = first) in chain
  --list    -L [chain [rulenum]]
\t\t\t\tList the rules in a chain or all chains
  --list-rules -S [chain [rulenum]]
\t\t\t\tPrint the rules in a chain or all chains
  --flush   -F [chain]\t\tDelete all rules in  chain or all chains
  --zero    -Z [chain [rulenum]]
\t\t\t\tZero counters in chain or all chains
  --new     -N chain\t\tCreate a new user-defined chain
  --delete-chain
            -X [chain]\t\tDelete a user-defined chain
  --policy  -P chain target
\t\t\t\tChange policy on chain to target
  --rename-chain
            -E old-chain new-chain
\t\t\t\tChange chain name, (moving any references)

Options:
    --ipv4\t-4\t\t{ipv4} (line is ignored by ip6tables-restore)
    --ipv6\t-6\t\t{ipv6} (line is ignored by iptables-restore)
[!] --protocol\t-p proto\tprotocol: by number or name, eg. `tcp'
[!] --source\t-s address[/mask][...]
\t\t\t\tsource specification
[!] --destination -d address[/mask][...]
\t\t\t\tdestination specification
[!] --in-interface -i input name[+]
\t\t\t\tnetwork interface name ([+] for wildcard)
 --jump\t-j target
\t\t\t\ttarget for rule (may load target extension)
  --goto      -g chain
\t\t\t       jump to chain with no return
  --match\t-m match
\t\t\t\textended match (may load extension)
  --numeric\t-n\t\tnumeric output of addresses and ports
[!] --out-interface -o output name[+]
\t\t\t\tnetwork interface name ([+] for wildcard)
  --table\t-t table\ttable to manipulate (default: `filter')
  --verbose\t-v\t\tverbose mode
  --wait\t-w [seconds]\tmaximum wait to acquire xtables lock before give up
  --line-numbers\t\tprint line numbers when listing
  --exact\t-x\t\texpand numbers (display exact values)
{fragment}  --modprobe=<command>\t\ttry to insert modules using this command
  --set-counters -c PKTS BYTES\tset the counter during insert/append
[!] --version\t-V\t\tprint package version.
"""
_RESTORE: Final = {
    NFT: """\
Usage: {program} [-c] [-v] [-V] [-t] [-h] [-n] [-T table] [-M command] [-4] [-6] [file]
\t   [ --counters ]
\t   [ --verbose ]
\t   [ --version]
\t   [ --test ]
\t   [ --help ]
\t   [ --noflush ]
\t   [ --table=<TABLE> ]
\t   [ --modprobe=<command> ]
\t   [ --ipv4 ]
\t   [ --ipv6 ]
""",
    LEGACY: """\
Usage: {program} [-c] [-v] [-V] [-t] [-h] [-n] [-w secs] [-W usecs] [-T table] [-M command] [file]
\t   [ --counters ]
\t   [ --verbose ]
\t   [ --version]
\t   [ --test ]
\t   [ --help ]
\t   [ --noflush ]
\t   [ --wait=<seconds>
\t   [ --table=<TABLE> ]
\t   [ --modprobe=<command> ]
""",
}


def usage_of_restore(owner: Owner) -> str:
    """Of iptables-restore. Linux: iptables-restore.c print_usage(), xtables-restore.c print_usage()"""
    return _RESTORE[owner.tables].format(program=f"{owner.program}-restore")


def usage(owner: Owner) -> str:
    """Of iptables, or of ip6tables."""
    ours, other = "Nothing", "Error"
    is_ipv4 = owner.family is IPV4
    return _TEXT.format(
        program=owner.program,
        version=VERSION,
        variant=owner.variant,
        ipv4=ours if is_ipv4 else other,
        ipv6=other if is_ipv4 else ours,
        fragment=_FRAGMENT if is_ipv4 else "",
    )
