"""From the words of a command line to what is asked. Linux: iptables/xshared.c do_parse()"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from pystack.applets.iptables import header as headers
from pystack.applets.iptables import legality
from pystack.applets.iptables.chain_names import LONGEST, check_length, check_new
from pystack.applets.iptables.command_line import RULE_COMMANDS, Command
from pystack.applets.iptables.extension import Extension, MatchExtension, TargetExtension, exactly_needed
from pystack.applets.iptables.family import IPV4, IPV6
from pystack.applets.iptables.header import Header
from pystack.applets.iptables.network import anywhere, networks
from pystack.applets.iptables.option import Given, Option, Where, number
from pystack.applets.iptables.owner import Owner
from pystack.applets.iptables.refused import BadArgument, BadOption, Refused
from pystack.applets.iptables.registry import find_match, find_target, implied_match
from pystack.applets.iptables.spec import VERDICTS, RuleSpec
from pystack.applets.iptables.words import Word, Words
from pystack.applets.tcpdump.names import Names
from pystack.errors import NotModelled
from pystack.netfilter.ipset import IpSet

# Extension headers of IPv6, which are no protocol that a packet carries. Linux: is_exthdr()
_NEVER_UPPER: Final = (43, 44, 51, 60)
_MAX_RULE_NUMBER: Final = 0x7FFFFFFF
_DIGITS: Final = re.compile(r"\s*\+?(-?\d+)")


@dataclass(slots=True)
class Loaded:
    """An extension of this line, and what was given to it so far."""

    extension: Extension
    values: dict[str, Given] = field(default_factory=dict)


class Parser:
    """Reads one line."""

    def __init__(
        self, args: Sequence[str], names: Names, owner: Owner, table: str = "", *, called: str = ""
    ) -> None:
        self.find_set: Callable[[str], IpSet | None] = _no_set
        self.warn: Callable[[str], None] = _say_nothing  # what the tool tells while it reads
        self._words = self._words_of(args)
        self._words.in_front = table or called  # -restore puts its `-t TABLE` in front of a line's words
        self._names = names
        self._fixed_table = table  # inside iptables-restore
        self._family = owner.family
        everywhere = anywhere(self._family)
        self._header = Header(everywhere, everywhere)
        spec = RuleSpec(self._header, nft=owner.is_nft)
        self._command = Command(spec, [everywhere], [everywhere], table=table or "filter")
        self._loaded: list[Loaded] = []
        self._target: Loaded | None = None
        self._given: set[str] = set()  # letters of options
        self._commands = ""  # letters of legality.py
        self._inverted = False
        self._ends: dict[str, str] = {}  # -s and -d, as they stood there
        self._protocol_text = ""
        self._implied = False  # whether -p brought its match along

    def _words_of(self, args: Sequence[str]) -> Words:
        return Words(args)

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
        elif letter in legality.COMMANDS:
            self._command_letter(word)
        elif letter in "sdpio":
            self._of_header(letter, self._words.last)  # iptables takes the whole word: -ptcp is no protocol
        elif letter in "jg":
            self._jump(letter, self._words.last if letter == "j" else word.argument or "")
        elif letter == "m":
            self._load_match(word.argument or "")
        else:
            self._setting(letter, word.argument)

    # --- commands -----------------------------------------------------------------------------------------

    def _command_letter(self, word: Word) -> None:
        command, letter = self._command, word.letter
        if letter == "N":
            check_new(word.argument or "", self._target_named)
        if self._inverted:
            raise Refused("unexpected '!' flag")
        self._commands = legality.joined(self._commands, letter)
        chain = word.argument or (self._words.take() if letter in "LSFZX" else None)
        command.chain = chain or command.chain
        if letter in "DRILSZ":
            self._rulenum(letter)
        elif letter == "E":
            command.new_name = self._second("-E requires old-chain-name and new-chain-name")
        elif letter == "P":
            command.policy = self._second("-P requires a chain and a policy")

    def _rulenum(self, letter: str) -> None:
        text = self._words.take()
        if text is None:
            if letter == "R":
                raise Refused("-R requires a rule number")
            return
        value = number(text, _MAX_RULE_NUMBER, 1)
        if value is None:
            raise Refused(f"Invalid rule number `{text}'")
        self._command.rulenum = value
        self._commands = legality.NUMBERED.get(letter, self._commands)

    def _second(self, otherwise: str) -> str:
        text = self._words.take()
        if text is None:
            raise Refused(otherwise)
        return text

    def _setting(self, letter: str, argument: str | None) -> None:
        command = self._command
        if letter == "v":
            if not command.verbose:
                self._once("v")
            command.verbose += 1
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
        elif letter in "wW":
            self._wait(letter, argument)
        elif letter == "h":
            if self._loaded:
                raise NotModelled(f"{self._family.program} -h behind -m or -j", ("-h alone",))
            command.help = True
        elif letter == "V":
            command.version = True
        elif letter in "46":
            command.other_family = (letter == "6") == (self._family is IPV4)

    def _wait(self, letter: str, argument: str | None) -> None:
        """Nobody has to be waited for here."""
        if self._fixed_table:
            raise Refused(f"You cannot use `-{letter}' from iptables-restore")
        if argument is None:
            self._words.take()

    def _table(self, name: str) -> None:
        if self._fixed_table:
            raise Refused("The -t option cannot be used in {program}.\n")
        if self._inverted:
            raise Refused("unexpected ! flag before --table")
        self._command.table = name

    def _counters(self, packets: str) -> None:
        """`-c PACKETS OCTETS` or `-c PACKETS,OCTETS`. Linux: parse_rule_range's neighbour set_option()"""
        self._once("c")
        comma = packets.find(",", 1)
        second = packets[comma + 1 :] if comma > 0 else self._words.take()
        if second is None:
            raise Refused("-c requires packet and byte counter")
        counts = _counted(packets), _counted(second)
        if counts[0] is None:
            raise Refused("-c packet counter not numeric")
        if counts[1] is None:
            raise Refused("-c byte counter not numeric")
        self._command.counters = counts[0], counts[1]

    def _once(self, letter: str) -> None:
        """Linux: set_option()"""
        if letter in self._given:
            raise Refused(f"multiple -{letter} flags not allowed")
        self._given.add(letter)
        if self._inverted and letter not in "sdpiof":
            raise Refused(f"cannot have ! before -{letter}")

    # --- the rule -----------------------------------------------------------------------------------------

    def _of_header(self, letter: str, text: str) -> None:
        if letter in "io" and not text:
            raise Refused("Empty interface is likely to be undesired")
        self._once(letter)
        inverted, header = self._inverted, self._header
        if letter in "sd":  # read at the end
            self._ends[letter] = text
            if letter == "s":
                self._header = replace(header, source_inverted=inverted)
            else:
                self._header = replace(header, destination_inverted=inverted)
        elif letter == "p":
            value, name = headers.protocol(text, self._names)
            self._protocol_text = name or text.lower()
            if not value and inverted:
                raise Refused("rule would never match protocol")
            self._header = replace(header, protocol=value, protocol_name=name, protocol_inverted=inverted)
            if self._family is IPV6 and value in _NEVER_UPPER and not inverted:
                self.warn(f"Warning: never matched protocol: {text.lower()}. use extension match instead.")
        else:
            name, warning = headers.interface(text)
            if warning:
                self.warn(warning)
            if letter == "i":
                self._header = replace(header, indev=name, indev_inverted=inverted)
            else:
                self._header = replace(header, outdev=name, outdev_inverted=inverted)

    def _jump(self, letter: str, name: str) -> None:
        self._once("j")
        if not name:
            raise Refused("Invalid target name (too short)")
        if len(name) > LONGEST:
            raise Refused(f"Invalid target name `{name}' ({LONGEST} chars max)")
        if any(sign.isspace() for sign in name):
            raise Refused(f"Invalid target name `{name}'")
        spec = self._command.spec
        spec.target, spec.goto = name, letter == "g"
        extension = self._target_named(name) if letter == "j" and name not in VERDICTS else None
        if extension is not None:
            self._target = self._load(extension)

    def _target_named(self, name: str) -> TargetExtension | None:
        return find_target(name, self._family)

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
            if word.letter:
                return self._option(word)
        latest = {loaded.extension: loaded for loaded in self._loaded}  # in the order of the first of each
        for loaded in reversed(latest.values()):
            option = loaded.extension.option_named(word.name)
            if option is not None:
                return self._take(loaded, option, word)
        raise Refused(f'unknown option "{word.text}"')

    def _with_implied(self, word: Word) -> Word:
        """`-p tcp` makes the options of `-m tcp` known when one is used. Linux: load_proto()"""
        anew = bool(self._protocol_text) and not self._implied
        implied = implied_match(self._protocol_text, self._family) if anew else None
        if implied is not None:
            self._implied = True
            if not any(loaded.extension is implied for loaded in self._loaded):
                self._load(implied)
            word = self._words.again()
        if not word.name and not word.letter:
            raise Refused(f'unknown option "{word.text}"')
        return word

    def _take(self, loaded: Loaded, option: Option, word: Word) -> None:
        """Linux: libxtables/xtoptions.c xtables_option_parse()"""
        name = loaded.extension.name
        if option.name in loaded.values and not option.many:
            usual = BadOption(f'{name}: option "--{option.told_as or option.name}" can only be used once.')
            raise Refused(option.twice) if option.twice else usual
        if self._inverted and not option.invert:
            raise BadOption(f'{name}: option "--{option.name}" cannot be inverted.')
        value = None
        where = self._where(loaded, option)
        if option.check is not None:
            option.check(where)
        if option.parse is not None:
            value = option.parse(word.argument or "", where)
            if option.more is not None:
                value = option.more(value, self._words.take(), where)
        loaded.values[option.name] = Given(value, self._inverted)

    def _where(self, loaded: Loaded, option: Option) -> Where:
        header, given = self._header, loaded.values
        name, names, protocol = loaded.extension.name, self._names, self._protocol_text
        inverted = header.protocol_inverted
        return Where(
            name,
            option.told_as or option.name,
            names,
            protocol,
            self._family,
            header.protocol,
            inverted,
            given,
            self.warn,
            self.find_set,
        )

    # --- the end ------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        command = self._command
        if command.table == "nat" and "DROP" in (command.policy, command.spec.target):
            why = 'The "nat" table is not intended for filtering, the use of DROP is therefore inhibited.'
            raise Refused(f"\n{why}\n\n")
        for loaded in sorted(self._loaded, key=lambda one: one is self._target):
            loaded.extension.check(loaded.values)
            for warning in loaded.extension.warnings(loaded.values):
                self.warn(warning)
            exactly_needed(loaded.extension, loaded.values)
        if not self._commands:
            raise Refused("no command specified")
        if self._inverted:
            raise Refused("nothing appropriate following !")
        self._read_ends()
        legality.check(self._commands, self._given)
        check_length(command.chain)
        command.letter, command.zeroes = legality.told(self._commands)
        if command.letter in RULE_COMMANDS:
            self._check_devices(command.chain)
        self._fill(command.spec)

    def _read_ends(self) -> None:
        """Linux: ipv4_post_parse()"""
        command, header = self._command, self._header
        if "s" in self._ends:
            command.sources = networks(self._ends["s"], self._names, self._family)
        if "d" in self._ends:
            command.destinations = networks(self._ends["d"], self._names, self._family)
        several = len(command.sources) > 1 or len(command.destinations) > 1
        if several and (header.source_inverted or header.destination_inverted):
            raise Refused("! not allowed with multiple source or destination IP addresses")
        if several and self._commands == "R":
            raise Refused("Replacement rule does not specify a unique address")

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


def _no_set(name: str) -> None:
    return None


def _say_nothing(text: str) -> None:
    pass


def _counted(text: str) -> int | None:
    """As sscanf() with %llu takes it: what follows the digits is not looked at."""
    found = _DIGITS.match(text)
    return None if found is None else int(found[1]) % (1 << 64)
