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
    """Tell whether some text fits both patterns. Raises BuiltinError for a pattern that is none."""
    one, two = _tokens(left), _tokens(right)
    seen: set[tuple[int, int, bool, bool]] = set()
    # A state: how far each pattern is, and whether its current token has been used once.
    queue = [(0, 0, False, False)]
    while queue:
        state = queue.pop()
        if state in seen:
            continue
        seen.add(state)
        at, to, used, spent = state
        if at == len(one) and to == len(two):
            return True
        if at < len(one) and (used or one[at].least == 0):
            queue.append((at + 1, to, False, spent))
        if to < len(two) and (spent or two[to].least == 0):
            queue.append((at, to + 1, used, False))
        if at < len(one) and to < len(two) and _meet(one[at], two[to], used=used, spent=spent):
            queue.append((at, to, True, True))
    return False


def _meet(one: _Token, two: _Token, *, used: bool, spent: bool) -> bool:
    if (used and not one.many) or (spent and not two.many):
        return False
    return one.members is None or two.members is None or bool(one.members & two.members)


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
