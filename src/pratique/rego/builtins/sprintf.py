"""`sprintf`: Go's fmt over Rego's values (rego.md 2.6; the rules are those of Go's package fmt).

Operands become what OPA hands to Go: integers `int64` (or `big.Int`), other numbers `float64`, strings strings, and
everything else its Rego text as a string. Then Go's verbs, flags, widths, explicit
indexes and complaints (`%!d(string=a)`, `%!v(MISSING)`, `%!(EXTRA int64=1)`) apply.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Final

from pratique.rego.builtins.registry import builtin, mismatch
from pratique.rego.runtime.numbers import number_text
from pratique.rego.runtime.text import quote, rego_text
from pratique.rego.runtime.values import Value

_INT64: Final = 1 << 63
_VERB: Final = re.compile(
    r"%(?P<flags>[-+# 0]*)"
    r"(?P<width>(?:\[[^\]]*\])?\*|\d+)?"
    r"(?:(?P<dot>\.)(?P<precision>(?:\[[^\]]*\])?\*|\d+)?)?"
    r"(?:\[(?P<index>[^\]]*)\])?"
    r"(?P<verb>.)?",
    re.DOTALL,
)
_PLAIN: Final = re.compile(r"%v|%s|%d")
_WIDEST: Final = 1_000_000  # Go refuses wider fields in the same way


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


@builtin("sprintf", "string, array -> string", unchecked=True)
def sprintf(template: Value, operands: Value) -> Value:
    """Return the template with its verbs replaced by the operands."""
    if type(template) is not str or type(operands) is not list:
        raise mismatch("sprintf", template, operands)
    parts = simple(template)
    if parts is not None and len(parts) == len(operands) * 2 + 1:
        made = _fast(parts, operands)
        if made is not None:
            return made
    return _Printer(template, operands).text()


def shown(verb: str, value: Value) -> str:
    """Return what a plain %v, %s or %d prints of a value."""
    kind = type(value)
    if kind is str and verb != "d":
        return value  # type: ignore[no-any-return]
    if kind is int and verb != "s" and -_INT64 <= value < _INT64:
        return str(value)
    if kind is float or kind is Decimal or kind is int or verb == "d":
        return _Printer(f"%{verb}", [value]).text()
    return rego_text(value)


@lru_cache(maxsize=1024)
def simple(template: str) -> tuple[str, ...] | None:
    """Split a template that uses nothing but plain %v, %s and %d: text, verb, text, verb, ... text."""
    if "%" in _PLAIN.sub("", template):
        return None
    pieces: list[str] = []
    at = 0
    for match in _PLAIN.finditer(template):
        pieces += (template[at : match.start()], match[0][1])
        at = match.end()
    return (*pieces, template[at:])


def _fast(parts: tuple[str, ...], operands: list[Value]) -> str | None:
    made = list(parts)
    for index, value in enumerate(operands):
        verb = parts[2 * index + 1]
        kind = type(value)
        if kind is str:
            if verb == "d":
                return None
            made[2 * index + 1] = value
        elif kind is int:
            if verb == "s" or not -_INT64 <= value < _INT64:
                return None
            made[2 * index + 1] = str(value)
        elif kind is float or kind is Decimal or verb == "d":
            return None
        else:
            made[2 * index + 1] = rego_text(value)
    return "".join(made)


def _go_value(value: Value) -> int | float | str:
    kind = type(value)
    if kind is str or kind is int:
        return value  # type: ignore[no-any-return]
    if kind is float or kind is Decimal:
        text = number_text(value)
        if text.lstrip("-").isdigit():
            return int(text)
        number = float(text)
        # What no float64 holds is handed to Go as its text.
        return text if math.isinf(number) else number
    return rego_text(value)


def _go_type(value: int | float | str) -> str:
    if isinstance(value, int):
        return "int64" if -_INT64 <= value < _INT64 else "*big.Int"
    return "float64" if isinstance(value, float) else "string"


class _Printer:
    """One run of Go's Sprintf."""

    def __init__(self, template: str, operands: list[Value]) -> None:
        self._template = template
        self._operands = [_go_value(each) for each in operands]
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
            rest = [f"{_go_type(each)}={_plain(each)}" for each in self._operands[self._next :]]
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
        return value if isinstance(value, int) else None

    def _jump(self, index: str) -> None:
        self._reordered = True
        if index.isdecimal() and 1 <= int(index) <= len(self._operands):
            self._next = int(index) - 1
        else:
            self._good = False


def _plain(value: int | float | str) -> str:
    return value if isinstance(value, str) else _print(_Spec("v"), value)


def _print(spec: _Spec, value: int | float | str) -> str:
    if spec.verb == "T":
        return _pad(spec, _go_type(value))
    if isinstance(value, int):
        made = _integer(spec, value)
    elif isinstance(value, float):
        made = _float(spec, value)
    else:
        made = _string(spec, value)
    if made is None:
        # Go prints the value with the flags of the verb that does not fit.
        return f"%!{spec.verb}({_go_type(value)}={_print(replace(spec, verb='v'), value)})"
    return made


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
    big = not -_INT64 <= value < _INT64
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
