"""Go's fmt.Sprintf: verbs, flags, widths, explicit indexes and complaints (`%!d(string=a)`, `%!v(MISSING)`).

Operands are what Go would hold: integers (`int64` or `big.Int`; `Int` is Go's `int`), floats, strings (`JsonNumber`
is a string that Go knows as a number of JSON), booleans, nil, slices and maps. The rules are those of Go's packages
fmt, strconv and math/big.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pratique.rego.builtins.gofloat import formatted
from pratique.rego.runtime.numbers import in_base, integer
from pratique.rego.runtime.text import quote

GoValue: TypeAlias = Any
INT64_LEAST: Final = -(1 << 63)
_LARGEST: Final = 1_000_000  # of widths and precisions; what is larger is none
_LAST_RUNE: Final = 0x10FFFF
_BASES: Final = {"b": "b", "o": "o", "O": "o", "x": "x", "X": "X", "d": "d", "v": "d"}


class Int(int):
    """An integer that Go knows as `int`."""


class JsonNumber(str):
    """A number of JSON in its own digits, which to Go is a string."""


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


def plain(value: GoValue) -> str:
    """Return what `%v` prints."""
    return _Format().printed(value, "v")


def go_type(value: GoValue) -> str:
    """Return the name of Go's type."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        if isinstance(value, Int):
            return "int"
        return "*big.Int" if _big(value) else "int64"
    if isinstance(value, float):
        return "float64"
    if isinstance(value, str):
        return "json.Number" if isinstance(value, JsonNumber) else "string"
    return "[]interface {}" if isinstance(value, list) else "map[string]interface {}"


def _big(value: int) -> bool:
    return not INT64_LEAST <= value < -INT64_LEAST


class _Printer:
    """One run of Sprintf: reads the template from left to right, as Go's doPrintf does."""

    def __init__(self, template: str, operands: list[GoValue]) -> None:
        self._template = template
        self._operands = operands
        self._at = 0
        self._next = 0
        self._reordered = False
        self._good = True
        self._after_index = False

    def text(self) -> str:
        """Return the printed text."""
        out: list[str] = []
        end = len(self._template)
        while self._at < end:
            percent = self._template.find("%", self._at)
            start, self._at = self._at, end if percent < 0 else percent
            out.append(self._template[start : self._at])
            if percent >= 0:
                self._at += 1
                out.append(self._directive())
        if not self._reordered and self._next < len(self._operands):
            rest = [
                "<nil>" if each is None else f"{go_type(each)}={plain(each)}"
                for each in self._operands[self._next :]
            ]
            out.append(f"%!(EXTRA {', '.join(rest)})")
        return "".join(out)

    def _peek(self) -> str:
        return self._template[self._at : self._at + 1]

    def _directive(self) -> str:
        self._good = True
        self._after_index = False
        format_ = _Format()
        while (sign := self._peek()) and sign in "+-# 0":
            self._at += 1
            format_.flag(sign)
        self._argument_number()
        complaint = self._width(format_) + self._precision(format_)
        if not self._after_index:
            self._argument_number()
        verb = self._peek()
        if not verb:
            return f"{complaint}%!(NOVERB)"
        self._at += 1
        if verb == "%":
            return f"{complaint}%"
        if not self._good:
            return f"{complaint}%!{verb}(BADINDEX)"
        if self._next >= len(self._operands):
            return f"{complaint}%!{verb}(MISSING)"
        value = self._operands[self._next]
        self._next += 1
        if verb in "vw":
            format_.go_syntax, format_.sharp = format_.sharp, False
            format_.fields, format_.plus = format_.plus, False
        return complaint + format_.printed(value, verb)

    def _width(self, format_: _Format) -> str:
        if self._peek() == "*":
            self._at += 1
            width = self._operand_number()
            self._after_index = False
            if width is None:
                return "%!(BADWIDTH)"
            if width < 0:
                width, format_.minus, format_.zero = -width, True, False
            format_.width = width
        else:
            format_.width = self._number()
            if self._after_index and format_.width is not None:
                self._good = False
        return ""

    def _precision(self, format_: _Format) -> str:
        if self._peek() != ".":
            return ""
        self._at += 1
        if self._after_index:
            self._good = False
        self._argument_number()
        if self._peek() != "*":
            format_.precision = self._number() or 0
            return ""
        self._at += 1
        precision = self._operand_number()
        self._after_index = False
        if precision is None or precision < 0:
            return "%!(BADPREC)"
        format_.precision = precision
        return ""

    def _number(self) -> int | None:
        start = self._at
        while "0" <= self._peek() <= "9":
            self._at += 1
        if start == self._at:
            return None
        number = integer(self._template[start : self._at])
        if number > _LARGEST:
            # Go gives the rest of the template up.
            self._at = len(self._template)
            return None
        return number

    def _operand_number(self) -> int | None:
        if self._next >= len(self._operands):
            return None
        value = self._operands[self._next]
        self._next += 1
        fits = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST
        return int(value) if fits else None

    def _argument_number(self) -> None:
        """Read `[n]` if it is here."""
        self._after_index = False
        if self._peek() != "[":
            return
        self._reordered = True
        end = self._template.find("]", self._at)
        inside = self._template[self._at + 1 : max(end, 0)]
        self._at = end + 1 if end >= 0 else self._at + 1
        self._after_index = end >= 0 and inside.isascii() and inside.isdigit() and integer(inside) <= _LARGEST
        if self._after_index and 1 <= int(inside) <= len(self._operands):
            self._next = int(inside) - 1
        else:
            self._good = False


@dataclass(slots=True)
class _Format:
    """The flags, width and precision of one verb. `go_syntax` is `%#v`, `fields` is `%+v`."""

    minus: bool = False
    plus: bool = False
    sharp: bool = False
    space: bool = False
    zero: bool = False
    go_syntax: bool = False
    fields: bool = False
    width: int | None = None
    precision: int | None = None

    def flag(self, sign: str) -> None:
        """Set a flag."""
        if sign == "-":
            self.minus = True
        elif sign == "+":
            self.plus = True
        elif sign == "#":
            self.sharp = True
        elif sign == " ":
            self.space = True
        else:
            self.zero = True

    def printed(self, value: GoValue, verb: str) -> str:
        """Return a value as a verb prints it."""
        if verb == "T":
            return self._string(go_type(value))
        found = self._scalar(value, verb)
        if found is not None:
            return found
        if isinstance(value, int) and not isinstance(value, bool) and _big(value):
            return f"%!{verb}(big.Int={in_base(value, 'd')})"
        shown = "<nil>" if value is None else f"{go_type(value)}={self.printed(value, 'v')}"
        return f"%!{verb}({shown})"

    def _scalar(self, value: GoValue, verb: str) -> str | None:
        if value is None:
            return self._padded("<nil>") if verb == "v" else None
        if isinstance(value, bool):
            return self._padded("true" if value else "false") if verb in "tv" else None
        if isinstance(value, int):
            return self._big_integer(value, verb) if _big(value) else self._integer(value, verb)
        if isinstance(value, float):
            return self._float(value, verb)
        if isinstance(value, str):
            return self._text(value, verb)
        return None if verb == "p" else self._collection(value, verb)

    def _collection(self, value: GoValue, verb: str) -> str:
        if isinstance(value, list):
            items = [self._element(item, verb) for item in value]
            return f"{go_type(value)}{{{', '.join(items)}}}" if self.go_syntax else f"[{' '.join(items)}]"
        pairs = [f"{self._element(name, verb)}:{self._element(value[name], verb)}" for name in sorted(value)]
        return f"{go_type(value)}{{{', '.join(pairs)}}}" if self.go_syntax else f"map[{' '.join(pairs)}]"

    def _element(self, value: GoValue, verb: str) -> str:
        if value is None:
            return "interface {}(nil)" if self.go_syntax else "<nil>"
        return self.printed(value, verb)

    # --- padding -----------------------------------------------------------------------------------------

    def _padding(self, width: int) -> str:
        return ("0" if self.zero and not self.minus else " ") * width

    def _padded(self, text: str) -> str:
        missing = (self.width or 0) - len(text)
        if missing <= 0:
            return text
        return text + " " * missing if self.minus else self._padding(missing) + text

    def _padded_with_spaces(self, text: str) -> str:
        missing = (self.width or 0) - len(text)
        return text.ljust(len(text) + missing) if self.minus else text.rjust(len(text) + max(missing, 0))

    # --- strings -----------------------------------------------------------------------------------------

    def _string(self, text: str) -> str:
        return self._padded(text if self.precision is None else text[: self.precision])

    def _text(self, value: str, verb: str) -> str | None:
        if verb in "xX":
            return self._hexadecimal(value.encode("utf-8", "surrogatepass"), verb)
        if verb == "q" or (verb == "v" and self.go_syntax):
            return self._quoted(value)
        return self._string(str(value)) if verb in "sv" else None

    def _quoted(self, value: str) -> str:
        text = value if self.precision is None else value[: self.precision]
        if self.sharp and not any(char in "`\x7f\ufeff" or (char < " " and char != "\t") for char in text):
            return self._padded(f"`{text}`")
        return self._padded(_ascii(quote(text)) if self.plus else quote(text))

    def _hexadecimal(self, data: bytes, verb: str) -> str:
        data = data if self.precision is None else data[: self.precision]
        digits = data.hex(" ") if self.space else data.hex()
        if self.sharp and data:
            digits = "0x" + (digits.replace(" ", " 0x") if self.space else digits)
        return self._padded(digits.upper() if verb == "X" else digits)

    # --- numbers -----------------------------------------------------------------------------------------

    def _sign(self, negative: bool) -> str:
        return "-" if negative else "+" if self.plus else " " if self.space else ""

    def _integer(self, value: int, verb: str) -> str | None:
        if verb == "c":
            return self._padded(_rune(value))
        if verb == "q":
            text = "'" + quote(_rune(value))[1:-1].replace('\\"', '"').replace("'", "\\'") + "'"
            return self._padded(_ascii(text) if self.plus else text)
        if verb == "U":
            return self._unicode(value)
        if verb not in _BASES:
            return None
        if self.precision == 0 and value == 0:
            return " " * (self.width or 0)
        sign = self._sign(value < 0)
        digits = format(abs(value), _BASES[verb])
        least = self.precision or 0
        if self.precision is None and self.zero and not self.minus and self.width is not None:
            least = self.width - len(sign)
        digits = digits.rjust(least, "0")
        if self.sharp:
            octal = "" if digits.startswith("0") else "0"
            digits = {"b": "0b", "x": "0x", "X": "0X", "o": octal, "O": octal}.get(verb, "") + digits
        if verb == "O":
            digits = f"0o{digits}"
        return self._padded_with_spaces(sign + digits)

    def _unicode(self, value: int) -> str:
        text = f"U+{value & (1 << 64) - 1:0{max(4, self.precision or 0)}X}"
        if self.sharp and 0 <= value <= _LAST_RUNE and _printable(value):
            text += f" '{chr(value)}'"
        return self._padded_with_spaces(text)

    def _big_integer(self, value: int, verb: str) -> str | None:
        base = "d" if verb == "s" else _BASES.get(verb)
        if base is None:
            return None
        sign = self._sign(value < 0) or ("+" if self.fields else "")
        digits = in_base(abs(value), base)
        sharp = self.sharp or self.go_syntax
        prefix = (
            "0o"
            if verb == "O"
            else {"b": "0b", "o": "0", "x": "0x", "X": "0X"}.get(verb, "")
            if sharp
            else ""
        )
        digits = digits.rjust(self.precision or 0, "0")
        missing = (self.width or 0) - len(sign) - len(prefix) - len(digits)
        if self.zero and not self.minus and self.precision is None and missing > 0:
            digits = digits.rjust(len(digits) + missing, "0")
        return self._padded_with_spaces(sign + prefix + digits)

    def _float(self, value: float, verb: str) -> str | None:
        kind = {"v": "g", "F": "f"}.get(verb, verb)
        if kind not in "bgGxXfeE":
            return None
        precision = self.precision
        if precision is None and kind in "feE":
            precision = 6
        number = formatted(value, kind, precision)
        sign, digits = ("-", number[1:]) if number[0] == "-" else ("+", number)
        if self.space and sign == "+" and not self.plus:
            sign = " "
        if self.sharp and kind != "b":
            digits = _with_point(digits, kind, precision)
        if not self.plus and sign == "+":
            return self._padded(digits)
        if self.zero and not self.minus and self.width is not None and self.width > len(digits) + 1:
            return sign + digits.rjust(self.width - 1, "0")
        return self._padded(sign + digits)


def _with_point(number: str, kind: str, precision: int | None) -> str:
    """Return the digits of `%#g` and the like: always a point, and zeros up to the precision."""
    mark = next((sign for sign in ("pP" if kind in "xX" else "eE") if sign in number), "")
    digits, _, power = number.partition(mark) if mark else (number, "", "")
    missing = 0
    if kind in "gGx":
        missing = 6 if precision is None else precision
    missing -= len(digits.replace(".", "").lstrip("0"))
    if "." not in digits:
        missing -= digits == "0"
        digits += "."
    return digits + "0" * max(missing, 0) + mark + power


def _rune(value: int) -> str:
    return chr(value) if 0 <= value <= _LAST_RUNE and not 0xD800 <= value < 0xE000 else "\ufffd"


def _printable(value: int) -> bool:
    # In Go a space is printable, but no other white space.
    return chr(value).isprintable()


def _ascii(text: str) -> str:
    return "".join(
        char if ord(char) < 128 else f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
        for char in text
    )
