"""From the words of a command line to what is asked. Linux: iptables/xshared.c do_parse()"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from pystack.applets.iptables import header as headers
from pystack.applets.iptables.chain_names import LONGEST, check_length, check_new
from pystack.applets.iptables.extension import Extension, MatchExtension, TargetExtension, exactly_needed
from pystack.applets.iptables.family import IPV4, IPV6
from pystack.applets.iptables.header import Header
from pystack.applets.iptables.network import Network, anywhere, networks
from pystack.applets.iptables.option import Given, Option, Where, strtoul
from pystack.applets.iptables.owner import Owner
from pystack.applets.iptables.refused import BadArgument, BadOption, Refused
from pystack.applets.iptables.registry import find_match, find_target, implied_match
from pystack.applets.iptables.spec import VERDICTS, RuleSpec
from pystack.applets.iptables.words import Word, Words
from pystack.applets.tcpdump.names import Names

COMMANDS: Final = "ADCIRLSFZNXEP"
RULE_COMMANDS: Final = "ADCIR"
_NEEDS_CHAIN: Final = "ADCIRNEP"
# Extension headers of IPv6, which are no protocol that a packet carries. Linux: is_exthdr()
_NEVER_UPPER: Final = (43, 44, 51, 60)
_OPTION_LETTERS: Final = "npsdjivox0cf"  # in the order in which iptables checks them

# Which options a command does not take. Linux: commands_v_options
_ILLEGAL: Final[dict[str, str]] = {
    "I": "nx0",
    "D": "nx0c",
    "R": "nx0",
    "A": "nx0",
    "C": "nx0c",
    "L": "psdjiocf",
    "F": "npsdjiox0cf",
    "Z": "npsdjiox0cf",
    "N": "npsdjiox0cf",
    "X": "npsdjiox0cf",
    "P": "npsdjiox0f",
    "E": "npsdjiox0cf",
    "S": "npsdjiox0cf",
}


@dataclass(slots=True)
class Loaded:
    """An extension of this line, and what was given to it so far."""

    extension: Extension
    values: dict[str, Given] = field(default_factory=dict)


@dataclass(slots=True)
class Command:
    """What is asked."""

    spec: RuleSpec
    sources: list[Network]
    destinations: list[Network]
    letter: str = ""
    also_zero: bool = False  # -L -Z
    chain: str = ""
    new_name: str = ""
    policy: str = ""
    rulenum: int = 0  # 0: none was given
    table: str = "filter"
    counters: tuple[int, int] | None = None
    verbose: int = 0
    numeric: bool = False
    exact: bool = False
    line_numbers: bool = False
    help: bool = False
    version: bool = False
    other_family: bool = False  # -6 in a line of iptables, -4 in one of ip6tables
    warnings: list[str] = field(default_factory=list)

    def specs(self) -> list[RuleSpec]:
        """One rule for each pair of addresses."""
        return [
            replace(self.spec, header=headers.with_ends(self.spec.header, source, destination))
            for source in self.sources
            for destination in self.destinations
        ]


class Parser:
    """Reads one line."""

    def __init__(self, args: Sequence[str], names: Names, owner: Owner, table: str = "") -> None:
        self._words = Words(args)
        self._names = names
        self._fixed_table = table  # inside iptables-restore
        self._family = owner.family
        everywhere = anywhere(self._family)
        self._header = Header(everywhere, everywhere)
        spec = RuleSpec(self._header, nft=owner.is_nft)
        self._command = Command(spec, [everywhere], [everywhere], table=table or "filter")
        self._loaded: list[Loaded] = []
        self._target: Loaded | None = None
        self._given: set[str] = set()  # letters
        self._inverted = False
        self._protocol_text = ""
        self._implied = False  # whether -p brought its match along

    def parse(self) -> Command:
        """What is asked; raises Refused."""
        while (word := self._words.next()) is not None:
            if not word.letter and not word.name and word.argument is not None:
                self._plain(word.argument)
                continue
            self._option(word)
            self._inverted = False
            if self._command.help or self._command.version or self._command.other_family:
                return self._command
        self._finish()
        return self._command

    def _plain(self, text: str) -> None:
        if text != "!":
            raise BadArgument(text)
        if self._inverted:
            raise Refused("multiple consecutive ! not allowed")
        self._inverted = True

    def _option(self, word: Word) -> None:
        letter = word.letter
        if not letter:
            self._of_extension(word)
        elif letter in COMMANDS:
            self._command_letter(word)
        elif letter in "sdpio":
            self._of_header(letter, self._words.last)  # iptables takes the whole word: -ptcp is no protocol
        elif letter in "jg":
            self._jump(letter, self._words.last)
        elif letter == "m":
            self._load_match(word.argument or "")
        else:
            self._setting(letter, word.argument)

    # --- commands -----------------------------------------------------------------------------------------

    def _command_letter(self, word: Word) -> None:
        command, letter = self._command, word.letter
        if letter == "Z" and command.letter in ("L", "S"):
            command.also_zero = True
        elif letter in "LS" and command.letter == "Z":
            command.also_zero = True
            command.letter = letter
        elif command.letter:
            raise Refused(f"Cannot use -{letter} with -{command.letter}")
        else:
            command.letter = letter
        if self._inverted:
            raise Refused(f"unexpected ! flag before --{_long_name(letter)}")
        chain = word.argument or (self._words.take() if letter in "LSFZX" else None)
        command.chain = chain or command.chain
        check_length(command.chain)
        if letter in "DRI" or (letter in "LSZ" and chain):
            self._rulenum(letter)
        elif letter == "E":
            command.new_name = self._second("-E requires old-chain-name and new-chain-name")
            check_new(command.new_name, self._family)
        elif letter == "P":
            command.policy = self._second("-P requires a chain and a policy")
        elif letter == "N":
            check_new(command.chain, self._family)

    def _rulenum(self, letter: str) -> None:
        text = self._words.take()
        if text is None:
            if letter == "R":
                raise Refused("-R requires a rule number")
            return
        value = strtoul(text)
        if not value or value > 0xFFFFFFFF:
            raise Refused(f"Invalid rule number `{text}'")
        self._command.rulenum = value

    def _second(self, otherwise: str) -> str:
        text = self._words.take()
        if text is None:
            raise Refused(otherwise)
        return text

    def _setting(self, letter: str, argument: str | None) -> None:
        command = self._command
        if letter == "v":
            command.verbose += 1
            self._given.add("v")
        elif letter == "t":
            self._table(argument or "")
        elif letter == "c":
            self._counters(argument or "")
        elif letter == "f":
            if self._family is IPV6:
                raise Refused("`-f' is not supported in IPv6, use -m frag instead")
            self._once("f")
            self._header = replace(self._header, fragment=True, fragment_inverted=self._inverted)
        elif letter in "nx0":
            self._once(letter)
            command.numeric |= letter == "n"
            command.exact |= letter == "x"
            command.line_numbers |= letter == "0"
        elif letter in "wW" and argument is None:
            self._words.take()  # nobody has to be waited for here
        elif letter == "h":
            command.help = True
        elif letter == "V":
            command.version = True
        elif letter in "46":
            command.other_family = (letter == "6") == (self._family is IPV4)

    def _table(self, name: str) -> None:
        if self._fixed_table:
            raise Refused("The -t option cannot be used in {program}.\n")
        if self._inverted:
            raise Refused("unexpected ! flag before --table")
        self._command.table = name

    def _counters(self, packets: str) -> None:
        """`-c PACKETS OCTETS` or `-c PACKETS,OCTETS`. Linux: parse_rule_range's neighbour set_option()"""
        self._once("c")
        first, comma, octets = packets.partition(",")
        second = octets if comma else self._words.take()
        if second is None or (comma and not first):
            raise Refused("-c requires packet and byte counter")
        if not first.isdigit():
            raise Refused("-c packet counter not numeric")
        if not second.isdigit():
            raise Refused("-c byte counter not numeric")
        self._command.counters = int(first), int(second)

    def _once(self, letter: str) -> None:
        """Linux: set_option()"""
        if letter in self._given:
            raise Refused(f"multiple -{letter} flags not allowed")
        self._given.add(letter)

    # --- the rule -----------------------------------------------------------------------------------------

    def _of_header(self, letter: str, text: str) -> None:
        self._once(letter)
        inverted, header = self._inverted, self._header
        if letter == "s":
            self._command.sources = networks(text, self._names, self._family)
            self._header = replace(header, source_inverted=inverted)
        elif letter == "d":
            self._command.destinations = networks(text, self._names, self._family)
            self._header = replace(header, destination_inverted=inverted)
        elif letter == "p":
            value, name = headers.protocol(text, self._names)
            self._protocol_text = name or text.lower()
            if not value and inverted:
                raise Refused("rule would never match protocol")
            self._header = replace(header, protocol=value, protocol_name=name, protocol_inverted=inverted)
            if self._family is IPV6 and value in _NEVER_UPPER and not inverted:
                warning = f"Warning: never matched protocol: {text.lower()}. use extension match instead."
                self._command.warnings.append(warning)
        else:
            name, warning = headers.interface(text)
            self._command.warnings += [warning] if warning else []
            if letter == "i":
                self._header = replace(header, indev=name, indev_inverted=inverted)
            else:
                self._header = replace(header, outdev=name, outdev_inverted=inverted)

    def _jump(self, letter: str, name: str) -> None:
        self._once("j")
        if self._inverted:
            raise Refused(f"unexpected ! flag before --{'jump' if letter == 'j' else 'goto'}")
        if not name:
            raise Refused("Invalid target name (too short)")
        if len(name) > LONGEST:
            raise Refused(f"Invalid target name `{name}' ({LONGEST} chars max)")
        if any(sign.isspace() for sign in name):
            raise Refused(f"Invalid target name `{name}'")
        spec = self._command.spec
        spec.target, spec.goto = name, letter == "g"
        extension = find_target(name, self._family) if letter == "j" and name not in VERDICTS else None
        if extension is not None:
            self._target = self._load(extension)

    def _load_match(self, name: str) -> None:
        if self._inverted:
            raise Refused("unexpected ! flag before --match")
        self._load(find_match(name, self._family))

    def _load(self, extension: Extension) -> Loaded:
        loaded = Loaded(extension)
        self._loaded.append(loaded)
        for option in extension.options:
            for name in (option.name, *option.aliases):
                self._words.add(name, int(option.parse is not None))
        return loaded

    def _of_extension(self, word: Word) -> None:
        if not word.name:
            word = self._with_implied(word)
        for loaded in reversed(self._loaded):
            option = _option_named(loaded.extension, word.name)
            if option is not None:
                return self._take(loaded, option, word)
        raise Refused(f'unknown option "{word.text}"')

    def _with_implied(self, word: Word) -> Word:
        """`-p tcp` makes the options of `-m tcp` known when one is used. Linux: load_proto()"""
        if self._protocol_text and not self._implied:
            self._implied = True
            implied = implied_match(self._protocol_text, self._family)
            if implied is not None and not any(loaded.extension is implied for loaded in self._loaded):
                self._load(implied)
        again = self._words.again()
        if not again.name:
            raise Refused(f'unknown option "{word.text}"')
        return again

    def _take(self, loaded: Loaded, option: Option, word: Word) -> None:
        """Linux: libxtables/xtoptions.c xtables_option_parse()"""
        name = loaded.extension.name
        if self._inverted and not option.invert:
            raise BadOption(f'{name}: option "--{option.name}" cannot be inverted.')
        if option.name in loaded.values and not option.many:
            raise BadOption(f'{name}: option "--{option.name}" can only be used once.')
        value = None
        if option.parse is not None:
            where = Where(name, option.name, self._names, self._protocol_text, self._family)
            value = option.parse(word.argument or "", where)
            if option.more is not None:
                value = option.more(value, self._words.take(), where)
        loaded.values[option.name] = Given(value, self._inverted)

    # --- the end ------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        command = self._command
        for loaded in self._loaded:
            exactly_needed(loaded.extension, loaded.values)
            loaded.extension.check(loaded.values)
            command.warnings += loaded.extension.warnings(loaded.values)
        if command.table == "nat" and "DROP" in (command.policy, command.spec.target):
            why = 'The "nat" table is not intended for filtering, the use of DROP is therefore inhibited.'
            raise Refused(f"\n{why}\n\n")
        if not command.letter:
            raise Refused("no command specified")
        if self._inverted:
            raise Refused("nothing appropriate following !")
        self._check_options(command.letter)
        several = len(command.sources) > 1 or len(command.destinations) > 1
        if several and (self._header.source_inverted or self._header.destination_inverted):
            raise Refused("! not allowed with multiple source or destination IP addresses")
        if several and command.letter == "R":
            raise Refused("Replacement rule does not specify a unique address")
        if command.letter in _NEEDS_CHAIN:
            self._check_devices(command.chain)
        self._fill(command.spec)

    def _check_options(self, letter: str) -> None:
        """Linux: generic_opt_check()"""
        for option in _OPTION_LETTERS:
            if option in self._given and option in _ILLEGAL[letter]:
                raise Refused(f"Illegal option `-{option}' with this command")

    def _check_devices(self, chain: str) -> None:
        if chain in ("PREROUTING", "INPUT") and self._header.outdev:
            raise Refused(f"Can't use -o with {chain}\n")
        if chain in ("POSTROUTING", "OUTPUT") and self._header.indev:
            raise Refused(f"Can't use -i with {chain}\n")

    def _fill(self, spec: RuleSpec) -> None:
        spec.header = self._header
        for loaded in self._loaded:
            values = loaded.extension.prepared(loaded.values, nft=spec.nft)
            if isinstance(loaded.extension, MatchExtension):
                spec.matches.append((loaded.extension, values))
            elif isinstance(loaded.extension, TargetExtension) and loaded is self._target:
                spec.extension = loaded.extension, values


def _option_named(extension: Extension, name: str) -> Option | None:
    return next((option for option in extension.options if name in (option.name, *option.aliases)), None)


def _long_name(letter: str) -> str:
    return {"A": "append", "D": "delete", "L": "list"}.get(letter, "command")
