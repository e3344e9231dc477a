"""YAML as go-yaml v3 writes it, byte for byte: what `gator` prints with `-o yaml`.

In: plain JSON values. Out: text. Four spaces a level, lists inside their key, a style for each scalar by the
rules of libyaml's emitter, which go-yaml carries. Numbers are written as Go's `strconv` does with `'g'`.
"""

from __future__ import annotations

import functools
import math
import re
from datetime import datetime
from typing import Any, Final, NamedTuple

_INDENT: Final = 4
_WORDS: Final = frozenset(
    ["", "~"]
    + [form for word in ("true", "false", "null") for form in (word, word.title(), word.upper())]
    + [form for word in ("yes", "no", "on", "off", "y", "n") for form in (word, word.title(), word.upper())]
    + [".nan", ".NaN", ".NAN"]
    + [sign + form for sign in ("", "+", "-") for form in (".inf", ".Inf", ".INF")]
)
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*|0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_BASE60 = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
_DAY = re.compile(r"\d{4}-\d{1,2}-\d{1,2}")
_TIME = re.compile(
    r"(\d{4}-\d{1,2}-\d{1,2})([Tt ])(\d{1,2}):(\d{1,2}):(\d{1,2})([.,]\d+)?(Z|[-+]\d{2}:\d{2})?"
)
_BREAKS: Final = "\n\r\x85\u2028\u2029"
_ESCAPES: Final = {
    "\0": "0", "\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r", "\x1b": "e",
    '"': '"', "\\": "\\", "\x85": "N", "\xa0": "_", "\u2028": "L", "\u2029": "P",
}  # fmt: skip


class Made(str):
    """Text of a value that is made already, for where it will stand: what is the same in many is made once."""

    __slots__ = ()


class _Allowed(NamedTuple):
    """Which styles a text may be written in (libyaml, `yaml_emitter_analyze_scalar`)."""

    flow: bool
    block: bool
    single: bool
    literal: bool
    lines: bool


def dump(value: Any) -> str:
    """Return a value as a block document."""
    if not isinstance(value, (dict, list)) or not value:
        return f"{flow(value)}\n"
    return "\n".join(_lines(value, 0)) + "\n"


def dump_results(values: list[Any]) -> str:
    """Return gator's list of results: it writes every element but the first in flow style.

    (`trace` is marked `flow` and mostly null; go-yaml keeps the mark for the mapping that follows.)
    """
    if not values:
        return "[]\n"
    return dump(values[:1]) + "".join(f"- {flow(value)}\n" for value in values[1:])


def flow(value: Any) -> str:
    """Return a value on one line."""
    if type(value) is Made:
        return value
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(
                f"{_scalar(key, key=True, in_flow=True)}: {flow(item)}" for key, item in value.items()
            )
            + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return _scalar(value, in_flow=True)


def _lines(value: Any, indent: int) -> list[str]:
    pad = " " * indent
    # go-yaml rounds up to whole levels; only what stands behind a dash begins two columns later.
    below = _INDENT * ((indent + _INDENT) // _INDENT)
    lines: list[str] = []
    if isinstance(value, dict):
        for key, item in value.items():
            lead = f"{pad}{_scalar(key, key=True)}:"
            if isinstance(item, (dict, list)) and item:
                lines += [lead, *_lines(item, below)]
            else:
                lines += f"{lead} {_block_scalar(item, below)}".split("\n")
        return lines
    for item in value:
        if isinstance(item, (dict, list)) and item:
            first, *rest = _lines(item, indent + 2)
            lines += [f"{pad}- {first.removeprefix(pad + '  ')}", *rest]
        else:
            lines += f"{pad}- {_block_scalar(item, indent + 2)}".split("\n")
    return lines


def _block_scalar(value: Any, indent: int) -> str:
    if isinstance(value, (dict, list)):
        return "{}" if isinstance(value, dict) else "[]"
    if isinstance(value, str) and "\n" in value and _allowed(value).literal:
        return _literal(value, indent)
    return _scalar(value)


def _literal(text: str, indent: int) -> str:
    hint = str(_INDENT) if text[0] == " " or text[0] in _BREAKS else ""
    if text[-1] not in _BREAKS:
        hint += "-"
    elif len(text) == 1 or text[-2] in _BREAKS:
        hint += "+"
    pad = " " * indent
    rows = text.removesuffix("\n").split("\n")
    return "\n".join([f"|{hint}", *(f"{pad}{row}" if row else "" for row in rows)])


def _scalar(value: Any, *, in_flow: bool = False, key: bool = False) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return number(value)
    text = str(value)
    allowed = _allowed(text)
    if not resolves(text) and not allowed.lines:
        if (allowed.flow if in_flow else allowed.block) and (text or not (in_flow or key)):
            return text
        if allowed.single:
            return "'" + text.replace("'", "''") + "'"
    return _double(text)


def _double(text: str) -> str:
    return '"' + "".join(_escaped(char) for char in text) + '"'


def _escaped(char: str) -> str:
    if _printable(char) and char not in _BREAKS and char not in '"\\':
        return char
    if char in _ESCAPES:
        return f"\\{_ESCAPES[char]}"
    code = ord(char)
    if code <= 0xFF:
        return f"\\x{code:02X}"
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"


def _printable(char: str) -> bool:
    code = ord(char)
    return (
        code == 0x0A
        or 0x20 <= code <= 0x7E
        or 0xA0 <= code <= 0xD7FF
        or (0xE000 <= code <= 0xFFFD and code != 0xFEFF)
    )


def _allowed(text: str) -> _Allowed:
    if not text:
        return _Allowed(flow=False, block=True, single=True, literal=False, lines=False)
    block_mark = flow_mark = text.startswith(("---", "..."))
    before = True
    for index, char in enumerate(text):
        after = index + 1 == len(text) or text[index + 1] in " \t" or text[index + 1] in _BREAKS
        flow_mark |= char in ("#,[]{}&*!|>'\"%@`?:" if not index else ",?[]{}:")
        block_mark |= not index and char in "#,[]{}&*!|>'\"%@`"
        if ((char == ":" or (not index and char in "?-")) and after) or (char == "#" and before):
            flow_mark = block_mark = True
        before = char in " \t" or char in _BREAKS
    breaks = any(char in _BREAKS for char in text)
    special = any(char != "\t" and not _printable(char) for char in text)
    ends = text[0] in " " + _BREAKS or text[-1] in " " + _BREAKS
    break_space = any(f"{char} " in text for char in _BREAKS)
    space_break = any(f" {char}" in text for char in _BREAKS)
    plain = not (ends or breaks or space_break or special or "\t" in text)
    return _Allowed(
        flow=plain and not flow_mark,
        block=plain and not block_mark,
        single=not (break_space or space_break or special or "\t" in text),
        literal=not (text[-1] == " " or space_break or special),
        lines="\n" in text,
    )


def ordered(value: Any) -> Any:
    """Return a value with the keys of all its objects in go-yaml's order, where `v2` comes before `v10`."""
    if isinstance(value, dict):
        return {key: ordered(value[key]) for key in sorted(value, key=_KEY)}
    if isinstance(value, list):
        return [ordered(item) for item in value]
    return value


def _compare(left: str, right: str) -> int:
    """Return which of two keys comes first (go-yaml, `keyList.Less`): below 0 the left one."""
    digits = False
    for index, (one, other) in enumerate(zip(left, right, strict=False)):
        if one == other:
            digits = one.isdecimal()
            continue
        if one.isalpha() and other.isalpha():
            break
        if one.isalpha() or other.isalpha():
            return -1 if (one if digits else other).isalpha() else 1
        # A run of zeros counts as digits of the number before it.
        lead = "1" if "0" in (one, other) and left[:index].rstrip("0")[-1:].isdecimal() and digits else ""
        first, second = _digits(left[index:]), _digits(right[index:])
        numbers = int(f"{lead}{first}" or 0), int(f"{lead}{second}" or 0)
        if numbers[0] != numbers[1]:
            return -1 if numbers[0] < numbers[1] else 1
        if len(first) != len(second):
            return -1 if len(first) < len(second) else 1
        break
    return -1 if left < right else 1 if left > right else 0


_KEY: Final = functools.cmp_to_key(_compare)


def _digits(text: str) -> str:
    found = re.match(r"\d*", text)
    return found[0] if found else ""


def resolves(text: str) -> bool:
    """Tell whether a text would be read as something else (or was, by YAML 1.1) if it were not quoted."""
    if text in _WORDS:
        return True
    if text[0] not in "+-.0123456789":
        return False
    digits = text if text[0] == "." else text.replace("_", "")
    return bool(
        _FLOAT.fullmatch(digits)
        or (_INTEGER.fullmatch(digits) and _fits(digits))
        or _BASE60.fullmatch(text)
        or _timestamp(text)
    )


def _fits(digits: str) -> bool:
    try:
        value = int(digits, 0)
    except ValueError:
        value = int(digits, 8)
    return -(1 << 63) <= value < 1 << 64


def _timestamp(text: str) -> bool:
    try:
        if _DAY.fullmatch(text):
            datetime(*map(int, text.split("-")))  # type: ignore[arg-type]  # only whether it is a day
            return True
        found = _TIME.fullmatch(text)
        if found is None or (found[2] == " ") != (found[7] is None):
            return False
        datetime(*map(int, [*found[1].split("-"), *found.group(3, 4, 5)]))  # type: ignore[arg-type]
    except ValueError:
        return False
    return True


def number(value: float, *, low: int = -4, high: int = 6) -> str:
    """Return a float as Go's `FormatFloat(value, 'g', -1, 64)` does: 1e+06, 0.0001, 1e-05.

    `low` and `high` are the powers of ten from which on an exponent is written.
    """
    if not math.isfinite(value):
        return ".nan" if value != value else ".inf" if value > 0 else "-.inf"
    sign = "-" if math.copysign(1, value) < 0 else ""
    mantissa, _, exponent = f"{abs(value)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return f"{sign}0"
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    power = point - 1
    if power < low or power >= high:
        tail = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{tail}e{'-' if power < 0 else '+'}{abs(power):02d}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if len(digits) <= point:
        return f"{sign}{digits}{'0' * (point - len(digits))}"
    return f"{sign}{digits[:point]}.{digits[point:]}"
