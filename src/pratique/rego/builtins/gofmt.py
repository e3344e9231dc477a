"""Go's fmt.Sprintf: verbs, flags, widths, explicit indexes and complaints (`%!d(string=a)`, `%!v(MISSING)`).

Operands are what Go would hold: integers (`int64` or `big.Int`; `Int` is Go's `int`), floats, strings (`JsonNumber` is
a string that Go knows as a number of JSON), booleans, nil, slices and maps.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final, TypeAlias

from pratique.rego.runtime.text import quote

GoValue: TypeAlias = Any
INT64_LEAST: Final = -(1 << 63)
_VERB: Final = re.compile(
    r"%(?P<flags>[-+# 0]*)"
    r"(?P<width>(?:\[[^\]]*\])?\*|\d+)?"
    r"(?:(?P<dot>\.)(?P<precision>(?:\[[^\]]*\])?\*|\d+)?)?"
    r"(?:\[(?P<index>[^\]]*)\])?"
    r"(?P<verb>.)?",
    re.DOTALL,
)
_WIDEST: Final = 1_000_000  # Go refuses wider fields in the same way


class Int(int):
    """An integer that Go knows as `int`."""


class JsonNumber(str):
    """A number of JSON in its own digits, which to Go is a string."""


@dataclass(frozen=True, slots=True)
class _Spec:
    """One verb with what modifies it."""

    verb: str
    minus: bool = False
    plus: bool = False
    sharp: bool = False
    space: bool = False
    zero: bool = False
    width: int | None = None
    precision: int | None = None


def sprintf(template: str, operands: list[GoValue]) -> str:
    """Return the template with its verbs replaced by the operands."""
    return _Printer(template, operands).text()


def sprint(operands: list[GoValue], *, line: bool = False) -> str:
    """Return the operands in their plain form, with spaces where neither side is a string; `line` as Sprintln."""
    out: list[str] = []
    for index, value in enumerate(operands):
        if index and (line or not (isinstance(value, str) or isinstance(operands[index - 1], str))):
            out.append(" ")
        out.append(plain(value))
    return "".join(out) + ("\n" if line else "")


def go_type(value: GoValue) -> str:
    """Return the name of Go's type."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        if isinstance(value, Int):
            return "int"
        return "int64" if INT64_LEAST <= value < -INT64_LEAST else "*big.Int"
    if isinstance(value, float):
        return "float64"
    if isinstance(value, str):
        return "json.Number" if isinstance(value, JsonNumber) else "string"
    return "[]interface {}" if isinstance(value, list) else "map[string]interface {}"


class _Printer:
    """One run of Go's Sprintf."""

    def __init__(self, template: str, operands: list[GoValue]) -> None:
        self._template = template
        self._operands = operands
        self._next = 0
        self._reordered = False
        self._good = True

    def text(self) -> str:
        """Return the printed text."""
        out: list[str] = []
        at = 0
        for match in _VERB.finditer(self._template):
            out.append(self._template[at : match.start()])
            out.append(self._verb(match))
            at = match.end()
        out.append(self._template[at:])
        if not self._reordered and self._next < len(self._operands):
            rest = [f"{go_type(each)}={plain(each)}" for each in self._operands[self._next :]]
            out.append(f"%!(EXTRA {', '.join(rest)})")
        return "".join(out)

    def _verb(self, match: re.Match[str]) -> str:
        self._good = True
        prefix = ""
        width = self._number(match["width"])
        minus = "-" in match["flags"]
        if match["width"] and match["width"].endswith("*") and (width is None or abs(width) > _WIDEST):
            prefix, width = "%!(BADWIDTH)", None
        if width is not None and width < 0:
            minus, width = True, -width
        precision = self._number(match["precision"]) if match["precision"] else (0 if match["dot"] else None)
        if match["precision"] and match["precision"].endswith("*"):
            if precision is None or precision > _WIDEST:
                prefix, precision = prefix + "%!(BADPREC)", None
            elif precision < 0:
                precision = None
        if match["index"] is not None:
            self._jump(match["index"])
        verb = match["verb"]
        if verb is None:
            return prefix + "%!(NOVERB)"
        if verb == "%":
            return prefix + "%"
        if not self._good:
            return f"{prefix}%!{verb}(BADINDEX)"
        if self._next >= len(self._operands):
            return f"{prefix}%!{verb}(MISSING)"
        value = self._operands[self._next]
        self._next += 1
        flags = match["flags"]
        spec = _Spec(
            verb,
            minus=minus,
            plus="+" in flags,
            sharp="#" in flags,
            space=" " in flags,
            zero="0" in flags and not minus,
            width=width,
            precision=precision,
        )
        return prefix + _print(spec, value)

    def _number(self, text: str | None) -> int | None:
        if not text:
            return None
        if not text.endswith("*"):
            return int(text)
        if text[0] == "[":
            self._jump(text[1:-2])
        if not self._good or self._next >= len(self._operands):
            return None
        value = self._operands[self._next]
        self._next += 1
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def _jump(self, index: str) -> None:
        self._reordered = True
        if index.isdecimal() and 1 <= int(index) <= len(self._operands):
            self._next = int(index) - 1
        else:
            self._good = False


def plain(value: GoValue) -> str:
    """Return what `%v` prints."""
    return _print(_Spec("v"), value)


def _print(spec: _Spec, value: GoValue) -> str:
    if spec.verb == "T":
        return _pad(spec, go_type(value))
    if isinstance(value, list):
        return f"[{' '.join(_print(spec, item) for item in value)}]"
    if isinstance(value, dict):
        pairs = [f"{_print(spec, name)}:{_print(spec, value[name])}" for name in sorted(value)]
        return f"map[{' '.join(pairs)}]"
    made = _scalar(spec, value)
    if made is None:
        # Go prints the value with the flags of the verb that does not fit.
        shown = "" if value is None else f"{go_type(value)}="
        return f"%!{spec.verb}({shown}{_print(replace(spec, verb='v'), value)})"
    return made


def _scalar(spec: _Spec, value: GoValue) -> str | None:
    if value is None:
        return _pad(spec, "<nil>") if spec.verb == "v" else None
    if isinstance(value, bool):
        return _pad(spec, "true" if value else "false") if spec.verb in "tv" else None
    if isinstance(value, int):
        return _integer(spec, value)
    return _float(spec, value) if isinstance(value, float) else _string(spec, value)


def _pad(spec: _Spec, text: str) -> str:
    if spec.width is None or len(text) >= spec.width:
        return text
    if spec.minus:
        return text.ljust(spec.width)
    return text.rjust(spec.width, "0" if spec.zero else " ")


def _signed(spec: _Spec, negative: bool, digits: str) -> str:
    """Put the sign before the digits, and zeros of the width between them."""
    sign = "-" if negative else "+" if spec.plus else " " if spec.space else ""
    if spec.zero and spec.width is not None:
        digits = digits.rjust(spec.width - len(sign), "0")
    return sign + digits


def _integer(spec: _Spec, value: int) -> str | None:
    big = not INT64_LEAST <= value < -INT64_LEAST
    verb = spec.verb
    if verb in "vd" or (big and verb == "s"):
        digits = f"{abs(value)}"
    elif verb in "xX" or (verb == "b") or verb in "oO":
        digits = _based(spec, abs(value))
    elif verb == "c" and not big:
        return _pad(spec, _char(value))
    elif verb == "q" and not big:
        return _pad(spec, "'" + quote(_char(value))[1:-1].replace('\\"', '"').replace("'", "\\'") + "'")
    elif verb == "U" and not big:
        text = f"U+{value:04X}" if value >= 0 else f"U+{value & (1 << 64) - 1:04X}"
        return _pad(spec, f"{text} '{chr(value)}'" if spec.sharp and 0 <= value <= 0x10FFFF else text)
    elif verb in "eEfFgG" and not big:
        return None
    else:
        return None
    if spec.precision is not None:
        digits = "" if spec.precision == 0 and value == 0 else digits.rjust(spec.precision, "0")
        spec = _without_zero(spec)
    return _pad(_without_zero(spec), _signed(spec, value < 0, digits))


def _without_zero(spec: _Spec) -> _Spec:
    return _Spec(spec.verb, spec.minus, spec.plus, spec.sharp, spec.space, False, spec.width, spec.precision)


def _based(spec: _Spec, value: int) -> str:
    verb = spec.verb
    digits = format(value, "o" if verb == "O" else verb)
    if verb == "O":
        return "0o" + digits
    if spec.sharp:
        return {"x": "0x", "X": "0X", "b": "0b", "o": "0"}[verb] + digits
    return digits


def _char(value: int) -> str:
    return chr(value) if 0 <= value <= 0x10FFFF and not 0xD800 <= value < 0xE000 else "\ufffd"


def _float(spec: _Spec, value: float) -> str | None:
    verb = spec.verb
    if verb not in "vgGeEfF":
        return None
    magnitude = abs(value)
    if verb in "vgG":
        digits = _general(magnitude, spec.precision, sharp=spec.sharp and verb != "v")
        digits = digits.upper() if verb == "G" else digits
    elif verb in "eE":
        digits = format(magnitude, f".{6 if spec.precision is None else spec.precision}{verb}")
    else:
        digits = format(magnitude, f".{6 if spec.precision is None else spec.precision}f")
    negative = value < 0 or (value == 0 and str(value)[0] == "-")
    return _pad(_without_zero(spec), _signed(spec, negative, digits))


def _general(value: float, precision: int | None, *, sharp: bool) -> str:
    """Return the text of %g; without a precision the shortest one, with an exponent from 1e6 on."""
    if precision is not None:
        return format(value, f"{'#' if sharp else ''}.{precision or 1}g")
    if not value:
        return "0"
    mantissa, _, exponent = f"{Decimal(repr(value)).normalize():e}".partition("e")
    power = int(exponent)
    if power < -4 or power >= 6:
        return f"{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"
    return f"{Decimal(repr(value)).normalize():f}"


def _string(spec: _Spec, value: str) -> str | None:
    verb = spec.verb
    if verb in "xX":
        data = value.encode("utf-8", "surrogatepass")
        data = data if spec.precision is None else data[: spec.precision]
        digits = data.hex(" ") if spec.space else data.hex()
        if spec.sharp and data:
            digits = "0x" + (digits.replace(" ", " 0x") if spec.space else digits)
        return _pad(spec, digits.upper() if verb == "X" else digits)
    text = value if spec.precision is None else value[: spec.precision]
    if verb in "vs":
        return _pad(spec, quote(text) if verb == "v" and spec.sharp else text)
    if verb == "q":
        if spec.sharp and "`" not in text and not any(ord(c) < 32 and c != "\t" for c in text):
            return _pad(spec, f"`{text}`")
        return _pad(spec, _ascii_quote(text) if spec.plus else quote(text))
    return None


def _ascii_quote(text: str) -> str:
    return "".join(
        char if ord(char) < 128 else f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
        for char in quote(text)
    )
