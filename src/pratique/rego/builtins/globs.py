"""glob.match and glob.quote_meta: patterns with delimiters, as gobwas/glob has them."""

from __future__ import annotations

import re
from functools import lru_cache

from pratique.rego.builtins import patterns
from pratique.rego.builtins.registry import RefusalError, builtin, operand_error
from pratique.rego.builtins.strings import texts
from pratique.rego.runtime.values import Value, type_name
from pratique.rego.runtime.work import QUANTUM, charge_text


@builtin("glob.match", "string, null|array, string -> boolean", accepts="string, array|null, any")
def match(pattern: Value, delimiters: Value, text: Value) -> Value:
    """Tell whether the whole text fits the pattern; `*` stops at delimiters, `**` does not.

    No delimiters in the array means `.`; null means that nothing delimits.
    """
    signs = _signs(delimiters)
    if type(text) is not str:
        raise operand_error("glob.match", 3, "string", type_name(text))
    if len(text) > QUANTUM or len(pattern) > QUANTUM:
        charge_text(len(text) + len(pattern))
    return patterns.searcher(_regex(pattern, signs))(text) is not None


def regex(pattern: str, delimiters: Value) -> str:
    """Return the regular expression that is found in a text exactly where the whole text fits the pattern.

    Raises RefusalError, or BuiltinError, for operands that `glob.match` refuses.
    """
    if delimiters is not None and type(delimiters) is not list:
        raise operand_error("glob.match", 2, "array|null", type_name(delimiters))
    return _regex(pattern, _signs(delimiters))


def _signs(delimiters: Value) -> str:
    signs = () if delimiters is None else tuple(texts("glob.match", 2, delimiters)) or (".",)
    if any(len(sign) != 1 for sign in signs):
        raise operand_error("glob.match", 2, "array of runes", "array containing string")
    return "".join(signs)


@builtin("glob.quote_meta", "string -> string", cost=0)
def quote_meta(text: Value) -> Value:
    """Return the pattern that takes exactly this text."""
    return re.sub(r"[*?\\\[\]{}]", lambda found: "\\" + found[0], text) if text else ""


@lru_cache(maxsize=512)
def _regex(pattern: str, delimiters: str) -> str:
    return f"^(?s:{_Translator(pattern, delimiters).whole()})$"


class _Translator:
    """Reads a pattern of OPA's library (gobwas/glob) and makes a regular expression of it."""

    def __init__(self, pattern: str, delimiters: str) -> None:
        self._pattern = pattern
        self._one = f"[^{re.escape(delimiters)}]" if delimiters else "."
        self._at = 0

    def whole(self) -> str:
        """Return the regular expression of the whole pattern."""
        return self._sequence(nested=False)

    def _fail(self, reason: str) -> RefusalError:
        return RefusalError(f"glob: syntax error at {len(self._pattern[: self._at].encode())}: {reason}")

    def _read(self) -> str:
        char = self._pattern[self._at : self._at + 1]
        self._at += len(char)
        return char

    def _sequence(self, *, nested: bool) -> str:
        out: list[str] = []
        while char := self._read():
            if char == "*":
                doubled = self._pattern.startswith("*", self._at)
                self._at += doubled
                out.append(".*" if doubled else f"{self._one}*")
            elif char == "?":
                out.append(self._one)
            elif char == "[":
                out.append(self._range())
            elif char == "{":
                out.append(self._alternatives())
            elif nested and char in ",}":
                self._at -= 1
                break
            elif char == "\\":
                escaped = self._read()
                if not escaped:
                    raise self._fail("trailing backslash")
                out.append(_literal(escaped))
            else:
                out.append(_literal(char))
        return "".join(out)

    def _alternatives(self) -> str:
        choices = [self._sequence(nested=True)]
        while (char := self._read()) == ",":
            choices.append(self._sequence(nested=True))
        if not char:
            raise self._fail("unclosed `{`")
        return f"(?:{'|'.join(choices)})"

    def _range(self) -> str:
        negated = self._pattern.startswith("!", self._at)
        self._at += negated
        first, last = self._read(), ""
        if self._pattern.startswith("-", self._at) and first:
            self._at += 1
            last = self._read()
            inside = f"{_literal(first)}-{_literal(last)}"
        else:
            self._at -= len(first)
            inside = "".join(map(_literal, self._members()))
        closing = self._read()
        if not closing:
            raise self._fail("unexpected end of input")
        if closing != "]":
            raise self._fail("expected close range character")
        if not inside:
            raise self._fail("could not parse range")
        if last and first > last:
            raise self._fail("range hi character is less than lo")
        return f"[{'^' if negated else ''}{inside}]"

    def _members(self) -> list[str]:
        members: list[str] = []
        while (char := self._read()) and char != "]":
            if char == "\\":
                char = self._read()
                if not char:
                    raise self._fail("trailing backslash")
            members.append(char)
        self._at -= len(char)
        return members


def _literal(char: str) -> str:
    return re.escape(char) if char.isascii() else char
