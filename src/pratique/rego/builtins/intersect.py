"""Whether two glob-like patterns have a text in common: characters, `.`, `[sets]`, each with `*` or `+`.

The syntax and its refusals are those of the library that OPA uses for `regex.globs_match`.
"""

from __future__ import annotations

from dataclasses import dataclass

from pratique.rego.runtime.errors import BUILTIN_ERROR, BuiltinError


@dataclass(frozen=True, slots=True)
class _Token:
    """One character class; `members` of None takes any; `least` is 0 or 1; `many` says it repeats."""

    members: frozenset[str] | None
    least: int
    many: bool


def intersects(left: str, right: str) -> bool:
    """Tell whether the library finds a text that fits both patterns. Raises BuiltinError for a pattern that is none."""
    one, two = _tokens(left), _tokens(right)
    trimmed = _trimmed(one, two)
    return trimmed is not None and _Search(*trimmed).both(0, 0)


def _meet(one: _Token, two: _Token) -> bool:
    return one.members is None or two.members is None or bool(one.members & two.members)


def _trimmed(one: list[_Token], two: list[_Token]) -> tuple[list[_Token], list[_Token]] | None:
    """Return both without what they share of plain characters at either end, but for one; None if that differs."""
    start = 0
    while start < min(len(one), len(two)) and not one[start].many and not two[start].many:
        if not _meet(one[start], two[start]):
            return None
        start += 1
    start = max(start - 1, 0)
    end, to = len(one) - 1, len(two) - 1
    while min(end, to) >= start and not one[end].many and not two[to].many:
        if not _meet(one[end], two[to]):
            return None
        end, to = end - 1, to - 1
    if end < len(one) - 1:
        end, to = end + 1, to + 1
    return one[start : end + 1], two[start : to + 1]


class _Search:
    """The library's search from both beginnings at once. Its quirks are kept: a repetition takes what it can first.

    Positions are kept for both patterns; what was asked once is not asked again, so that the time is polynomial.
    """

    def __init__(self, one: list[_Token], two: list[_Token]) -> None:
        self._patterns = (one, two)
        self._known: dict[tuple[int, int], bool] = {}

    def both(self, at: int, to: int) -> bool:
        """Tell whether the rests from these positions meet."""
        if (at, to) not in self._known:
            self._known[at, to] = self._both(at, to)
        return self._known[at, to]

    def _both(self, at: int, to: int) -> bool:
        one, two = self._patterns
        while at < len(one) and to < len(two):
            if one[at].many or two[to].many:
                first = 0 if one[at].many else 1
                return self._repeated(first, (at, to)[first], (to, at)[first])
            if not _meet(one[at], two[to]):
                return False
            at, to = at + 1, to + 1
        return at == len(one) and to == len(two)

    def _meeting(self, first: int, at: int, to: int) -> bool:
        return self.both(at, to) if first == 0 else self.both(to, at)

    def _repeated(self, first: int, at: int, to: int) -> bool:
        """Tell whether the pattern `first`, which repeats a token at `at`, meets the other one from `to` on."""
        token, other = self._patterns[first][at], self._patterns[1 - first]
        if token.least == 0:
            return self._starred(first, at, to)
        if not _meet(token, other[to]):
            return False
        if self._starred(first, at, to + 1):
            return True
        return other[to].many and self._meeting(first, at + 1, to)

    def _starred(self, first: int, at: int, to: int) -> bool:
        own, other = self._patterns[first], self._patterns[1 - first]
        following = own[at + 1] if at + 1 < len(own) else None
        for index in range(to, len(other)):
            if (
                following is not None
                and _meet(other[index], following)
                and self._meeting(first, at + 1, index)
            ):
                return True
            if not _meet(other[index], own[at]):
                return False
        return following is None


def _refused(text: str, position: int, why: str) -> BuiltinError:
    message = f"regex.globs_match: input:{text}, pos:{position}, {why}: the input provided is invalid"
    return BuiltinError(BUILTIN_ERROR, message)


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    while at < len(text):
        char = text[at]
        members: frozenset[str] | None
        if char == "[":
            members, at = _set(text, at)
        elif char == "]":
            raise _refused(text, at + 1, "set-close ']' with no preceding '['")
        elif char in "*+":
            raise _refused(text, at + 1, f"flag '{char}' must be preceded by a non-flag")
        elif char == "\\":
            at += 1
            if at == len(text):
                raise _refused(text, at, "input ends with a \\ (escape) character")
            members = frozenset(text[at])
        else:
            members = None if char == "." else frozenset(char)
        at += 1
        flag = text[at : at + 1]
        if flag in ("*", "+"):
            at += 1
            found.append(_Token(members, 0 if flag == "*" else 1, True))
        else:
            found.append(_Token(members, 1, False))
    return found


def _set(text: str, start: int) -> tuple[frozenset[str], int]:
    members: set[str] = set()
    at = start + 1
    while at < len(text) and text[at] != "]":
        if text[at] == "\\":
            at += 1
        first = text[at : at + 1]
        if text[at + 1 : at + 2] == "-" and text[at + 2 : at + 3] not in ("", "]"):
            last = text[at + 2]
            if last < first:
                raise _refused(text, at + 3, f"range '{first}-{last}' is not in order")
            members |= {chr(code) for code in range(ord(first), ord(last) + 1)}
            at += 3
        else:
            members.add(first)
            at += 1
    if at >= len(text):
        raise _refused(text, at, "found [ without matching ]")
    return frozenset(members), at
