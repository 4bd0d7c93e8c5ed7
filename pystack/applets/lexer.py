"""The setup language as tokens: simple shell commands, and everything else of a shell refused by line.

Words, quotes, `#` comments, `\\` continuation, `;`, here-documents, `< FILE` and `> FILE`. What POSIX sh
would expand, connect or repeat is refused rather than taken literally: the same text must mean the same in
sh, which is dash here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

BLANK: Final = " \t"
SPECIAL: Final = " \t\n;<>|&()#"  # what ends an unquoted word; # only at its start
ESCAPED_IN_QUOTES: Final = '$`"\\'
KEYWORDS: Final = frozenset("if then else elif fi for while until do done case esac function { } !".split())

REFUSED: Final[dict[str, str]] = {
    "|": "pipes are not modelled",
    "&": "background commands and && are not modelled",
    "||": "|| is not modelled",
    "&&": "&& is not modelled",
    "(": "subshells and functions are not modelled",
    ")": "subshells and functions are not modelled",
    "$": "variables and $() are not modelled; quote a $ that is meant as such",
    "`": "command substitution is not modelled",
    "*": "file name patterns are not modelled; quote it",
    "?": "file name patterns are not modelled; quote it",
    "[": "file name patterns are not modelled; quote it",
    "~": "home folders (~) are not modelled; quote it",
}


@dataclass(frozen=True, slots=True)
class SyntaxFault:
    """What is wrong with a line; `incomplete` when more text could mend it."""

    line: int
    text: str
    incomplete: bool = False


@dataclass(slots=True)
class Command:
    """One simple command."""

    line: int
    words: list[str] = field(default_factory=list)
    stdin_path: str | None = None
    stdin_text: str | None = None  # of a here-document
    stdout_path: str | None = None

    @property
    def is_empty(self) -> bool:
        """Nothing was said."""
        return not self.words and self.stdin_path is None and self.stdout_path is None


@dataclass(slots=True)
class _Heredoc:
    command: Command
    delimiter: str
    quoted: bool
    strip_tabs: bool
    line: int


class Lexer:
    """Reads one text; `commands` and `faults` hold what was found."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._heredocs: list[_Heredoc] = []
        self.commands: list[Command] = []
        self.faults: list[SyntaxFault] = []

    def run(self) -> Lexer:
        """Read to the end; a line with a fault is skipped, and the next one read."""
        while self._at < len(self._text):
            self._read_line()
        for heredoc in self._heredocs:
            self._fault(f"the here-document is not ended by {heredoc.delimiter}", heredoc.line, True)
        return self

    def _read_line(self) -> None:
        """Commands up to a newline, then the here-documents that they announced."""
        command = Command(self._line)
        while self._at < len(self._text):
            character = self._text[self._at]
            if character == "\n":
                self._finish(command)
                self._next()
                self._read_heredocs()
                return
            if character == ";":
                self._end_by_semicolon(command)
                command = Command(self._line)
            elif character in BLANK:
                self._at += 1
            elif self._text.startswith("\\\n", self._at):
                self._skip_continuation()
            elif character == "#":
                self._skip_to_newline()
            elif not self._read_element(command, character):
                self._skip_to_newline()
                command = Command(self._line)
        self._finish(command)

    def _end_by_semicolon(self, command: Command) -> None:
        if command.is_empty:
            self._fault("a ; with no command before it")
        elif self._text.startswith(";;", self._at):
            self._fault(";; is not modelled")
        self._finish(command)
        self._at += 1

    def _finish(self, command: Command) -> None:
        if command.is_empty:
            return
        if not command.words:
            self._fault("a redirection without a command", command.line)
            return
        first = command.words[0]
        if first in KEYWORDS:
            self._fault(f"{first}: loops, conditions and functions are not modelled", command.line)
        elif "=" in first and first.split("=", 1)[0].isidentifier():
            self._fault(f"{first}: variables are not modelled", command.line)
        else:
            self.commands.append(command)

    def _read_element(self, command: Command, character: str) -> bool:
        """One word or redirection; False after a fault."""
        if character in "<>":
            return self._read_redirection(command)
        if character in SPECIAL:
            double = character * 2
            known = double if self._text.startswith(double, self._at) and double in REFUSED else character
            return self._fault(REFUSED[known])
        word = self._read_word()
        if word is None:
            return False
        if word.isdigit() and self._at < len(self._text) and self._text[self._at] in "<>":
            return self._fault(f"{word}{self._text[self._at]}: only < and > alone are modelled")
        command.words.append(word)
        return True

    def _read_redirection(self, command: Command) -> bool:
        for operator in ("<<-", "<<", "<&", "<>", ">>", ">&", ">|", "<", ">"):
            if self._text.startswith(operator, self._at):
                break
        self._at += len(operator)
        if operator not in ("<<-", "<<", "<", ">"):
            return self._fault(f"{operator} is not modelled")
        while self._at < len(self._text) and self._text[self._at] in BLANK:
            self._at += 1
        start = self._at
        word = self._read_word()
        if word is None:
            return False
        if self._at == start:
            return self._fault(f"nothing follows {operator}")
        if operator == "<":
            command.stdin_path, command.stdin_text = word, None
        elif operator == ">":
            command.stdout_path = word
        else:
            quoted = any(mark in self._text[start : self._at] for mark in "'\"\\")
            self._heredocs.append(_Heredoc(command, word, quoted, operator == "<<-", self._line))
            command.stdin_path, command.stdin_text = None, ""
        return True

    def _read_word(self) -> str | None:
        """A word with its quotes taken off; None after a fault."""
        parts: list[str] = []
        start = self._at
        while self._at < len(self._text):
            character = self._text[self._at]
            if character == "'":
                part = self._read_single_quotes()
            elif character == '"':
                part = self._read_double_quotes()
            elif character == "\\":
                part = self._read_escape()
            elif character in SPECIAL and not (character == "#" and self._at > start):
                break
            elif character in "$`*?[" or (character == "~" and self._at == start):
                self._fault(REFUSED[character])
                return None
            else:
                part = character
                self._at += 1
            if part is None:
                return None
            parts.append(part)
        return "".join(parts)

    def _read_escape(self) -> str | None:
        following = self._text[self._at + 1 : self._at + 2]
        if following == "\n":
            self._skip_continuation()
            return ""
        self._at += 2
        return following or "\\"

    def _read_single_quotes(self) -> str | None:
        end = self._text.find("'", self._at + 1)
        if end < 0:
            self._unterminated("'", self._line)
            return None
        part = self._text[self._at + 1 : end]
        self._line += part.count("\n")
        self._at = end + 1
        return part

    def _read_double_quotes(self) -> str | None:
        opened = self._line
        self._at += 1
        parts: list[str] = []
        while self._at < len(self._text):
            character = self._text[self._at]
            if character == '"':
                self._at += 1
                return "".join(parts)
            if character in "$`":
                self._fault(REFUSED[character])
                return None
            if character == "\\":
                parts.append(self._read_escape_in_quotes())
                continue
            parts.append(character)
            self._next()
        self._unterminated('"', opened)
        return None

    def _read_escape_in_quotes(self) -> str:
        following = self._text[self._at + 1 : self._at + 2]
        if following == "\n":
            self._skip_continuation()
            return ""
        if following and following in ESCAPED_IN_QUOTES:
            self._at += 2
            return following
        self._at += 1
        return "\\"

    def _read_heredocs(self) -> None:
        """The bodies that follow a line, in the order in which they were announced."""
        while self._heredocs and self._at < len(self._text):
            heredoc = self._heredocs[0]
            body = self._read_body(heredoc)
            if body is None:
                return
            heredoc.command.stdin_text = body
            del self._heredocs[0]

    def _read_body(self, heredoc: _Heredoc) -> str | None:
        lines: list[str] = []
        while self._at < len(self._text):
            line, newline, _ = self._text[self._at :].partition("\n")
            self._at += len(line) + len(newline)
            self._line += 1
            bare = line.lstrip("\t") if heredoc.strip_tabs else line
            if bare == heredoc.delimiter:
                return "".join(lines)
            lines.append((bare if heredoc.quoted else self._unescaped(bare)) + newline)
        return None

    def _unescaped(self, line: str) -> str:
        """A line of a here-document whose delimiter is not quoted."""
        plain: list[str] = []
        escaped = False
        for character in line:
            if escaped:
                plain.append(character if character in "$`\\" else "\\" + character)
                escaped = False
            elif character == "\\":
                escaped = True
            else:
                if character in "$`":
                    self._fault(REFUSED[character], self._line - 1)
                plain.append(character)
        return "".join(plain) + "\\" * escaped

    def _skip_continuation(self) -> None:
        self._at += 1
        self._next()

    def _skip_to_newline(self) -> None:
        end = self._text.find("\n", self._at)
        self._at = len(self._text) if end < 0 else end

    def _next(self) -> None:
        if self._text[self._at] == "\n":
            self._line += 1
        self._at += 1

    def _unterminated(self, quote: str, line: int) -> None:
        self._fault(f"the quote {quote} is not closed", line, incomplete=True)
        self._at = len(self._text)

    def _fault(self, text: str, line: int | None = None, incomplete: bool = False) -> bool:
        self.faults.append(SyntaxFault(self._line if line is None else line, text, incomplete))
        return False


def parse(text: str) -> tuple[list[Command], list[SyntaxFault]]:
    """All commands of a text, and all that is wrong with it."""
    lexer = Lexer(text).run()
    return lexer.commands, sorted(lexer.faults, key=lambda fault: fault.line)
