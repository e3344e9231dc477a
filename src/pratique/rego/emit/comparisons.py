"""Comparisons of two values as Python: the cheapest text that Rego's equality and order allow.

Python's `==` is wrong where booleans meet numbers and inside collections; it is right for strings and for
numbers of one type, and a string is equal to nothing else.
"""

from __future__ import annotations

from pratique.rego.emit.known import Piece


def comparison(operator: str, left: Piece, right: Piece) -> str:
    """Return Python text for a comparison of two values."""
    if operator in {"==", "!="}:
        return _equality(left, right, negated=operator == "!=")
    numbers = [piece.text for piece in (left, right) if piece.kind != "int"]
    if not numbers:
        return f"{left.text} {operator} {right.text}"
    slow = f"compare({left.text}, {right.text}) {operator} 0"
    if any(piece.kind not in {"int", ""} for piece in (left, right)):
        return slow
    quick = " and ".join([f"type({name}) is int" for name in dict.fromkeys(numbers)])
    return f"({left.text} {operator} {right.text} if {quick} else {slow})"


def _equality(left: Piece, right: Piece, *, negated: bool) -> str:
    sign, word = ("!=", "is not") if negated else ("==", "is")
    for one, other in ((left, right), (right, left)):
        if not one.const:
            continue
        if type(one.value) is str or (type(one.value) is int and one.value not in (0, 1)):
            return f"{other.text} {sign} {one.text}"
        if one.kind == "int" and one.value in (0, 1) and other.kind != "int":
            # `True == 1` in Python, not in Rego.
            if negated:
                return f"({other.text} != {one.text} or {other.text} is {bool(one.value)})"
            return f"({other.text} == {one.text} and {other.text} is not {bool(one.value)})"
        if one.value is None or one.value is True or one.value is False:
            return f"{other.text} {word} {one.text}"
    if "str" in (left.kind, right.kind) or left.kind == right.kind == "int":
        return f"{left.text} {sign} {right.text}"
    call = f"equal({left.text}, {right.text})"
    if negated:
        call = f"not {call}"
    if left.simple and "" in (left.kind, right.kind):
        return f"({left.text} {sign} {right.text} if type({left.text}) is str else {call})"
    return call
