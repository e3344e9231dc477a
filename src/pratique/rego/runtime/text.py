"""A value as text: Rego's own (what `%v` prints), and JSON.

Comes in: any value. Goes out: OPA's text of it, byte for byte, or plain JSON data that any encoder takes.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from pratique.rego.runtime import numbers
from pratique.rego.runtime.errors import LONGEST, too_long
from pratique.rego.runtime.values import (
    COLLECTIONS,
    UNDEFINED,
    Object,
    Set,
    Value,
    Written,
)
from pratique.rego.runtime.work import METER, QUANTUM, charge_text, tick

_ESCAPES: Final = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}


class Spelled(float):
    """A number of plain data that also knows its text: `1.0`, `1e20`, or more digits than a float has.

    >>> from pratique import rego
    >>> found = rego.to_json(rego.query([], "x := 1.50")[0]["x"], spelled=True)
    >>> float(found), found.text
    (1.5, '1.50')
    """

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Spelled:
        """Return the number that the text stands for."""
        made = super().__new__(cls, text)
        made.text = text
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Spelled, (self.text,)


def quote(text: str) -> str:
    """Return the text in double quotes as Go's `strconv.Quote` writes it: not JSON."""
    if len(text) > QUANTUM:
        charge_text(len(text))
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return f'"{"".join(map(_quoted, text))}"'


def _quoted(char: str) -> str:
    escape = _ESCAPES.get(char)
    if escape is not None:
        return escape
    if (char.isprintable() and not char.isspace()) or char == " ":
        return char
    code = ord(char)
    if code < 0x80 or 0xDC80 <= code <= 0xDCFF:  # the latter: bytes that are no UTF-8
        return f"\\x{code & 0xFF:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def rego_text(value: Value) -> str:
    """Return the value as Rego text; a string comes in quotes.

    >>> from pratique import rego
    >>> rego.rego_text({"b": rego.Set(["y", "x"]), "a": None})
    '{"a": null, "b": {"x", "y"}}'
    """
    kind = type(value)
    if kind is str:
        return quote(value)
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    if kind in COLLECTIONS:
        METER.left = rest = METER.left - len(value)
        if rest < 0:
            tick()
    if kind is list:
        return f"[{', '.join([quote(each) if type(each) is str else rego_text(each) for each in value])}]"
    if kind is dict:
        names = sorted(value) if len(value) > 1 else value
        return f"{{{', '.join([f'{quote(name)}: {rego_text(value[name])}' for name in names])}}}"
    if kind is Set:
        return f"{{{', '.join(map(rego_text, value))}}}" if len(value) else "set()"
    if kind is Object:
        pairs = [f"{rego_text(name)}: {rego_text(value.get(name))}" for name in value]
        return f"{{{', '.join(pairs)}}}"
    if value is UNDEFINED:
        return "<undefined>"
    return numbers.number_text(value)


def longer(name: str, text: str) -> str:
    """Return a long text that a call has made, counted; past `LONGEST` it ends the evaluation."""
    if len(text) > LONGEST:
        raise too_long(name)
    charge_text(len(text))
    return text


def plain_text(value: Value) -> str:
    """Return what `%v` prints: a string as it is, anything else as Rego text."""
    return value if type(value) is str else rego_text(value)


def key_text(name: Value) -> str:
    """Return a key of an object as JSON has it: a string as it is, anything else its JSON text."""
    return name if type(name) is str else json_text(name)


def to_json(value: Value, *, spelled: bool = False) -> Any:
    """Return the value as plain JSON data: sets become sorted lists, keys strings, decimals numbers.

    With `spelled`, a number whose text says more than its value is a `Spelled`: a float that keeps the text.

    >>> from pratique import rego
    >>> rego.to_json(rego.Set(["b", "a"]))
    ['a', 'b']
    """
    kind = type(value)
    if kind in COLLECTIONS:
        METER.left = rest = METER.left - len(value)
        if rest < 0:
            tick()
    if kind is list or kind is Set:
        return [to_json(item, spelled=spelled) for item in value]
    if kind is dict:
        return {name: to_json(item, spelled=spelled) for name, item in value.items()}
    if kind is Object:
        return {key_text(name): to_json(value.get(name), spelled=spelled) for name in value}
    if kind is Decimal or kind is Written:
        return _json_number(value, spelled=spelled)
    return value


def _json_number(value: Decimal, *, spelled: bool) -> Any:
    integer = numbers.whole(value)
    found = float(value) if integer is None else integer
    text = numbers.number_text(value)
    return Spelled(text) if spelled and repr(found) != text else found


def json_text(value: Value) -> str:
    """Return compact JSON with sorted keys; numbers keep their text.

    >>> from pratique import rego
    >>> from decimal import Decimal
    >>> rego.json_text({"b": rego.Set([2, 1]), "a": Decimal("1.50")})
    '{"a":1.50,"b":[1,2]}'
    """
    kind = type(value)
    if kind is str:
        return json_string(value)
    if kind in COLLECTIONS:
        METER.left = rest = METER.left - len(value)
        if rest < 0:
            tick()
    if kind is list or kind is Set:
        return f"[{','.join(map(json_text, value))}]"
    if kind is dict:
        return f"{{{','.join([f'{json_string(name)}:{json_text(value[name])}' for name in sorted(value)])}}}"
    if kind is Object:
        # Of keys with the same text, the last one in Rego's order stays.
        named = sorted({key_text(name): value.get(name) for name in value}.items())
        return f"{{{','.join([f'{json_string(name)}:{json_text(item)}' for name, item in named])}}}"
    return rego_text(value)


_JSON_ESCAPES: Final = {
    '"': '\\"',
    "\\": "\\\\",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    # Go's encoding/json escapes these for HTML and for JavaScript.
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}
_JSON_TABLE: Final = str.maketrans({**{chr(code): f"\\u{code:04x}" for code in range(0x20)}, **_JSON_ESCAPES})


def json_string(text: str) -> str:
    """Return the text as a JSON string, with the escapes of Go's `encoding/json`."""
    if len(text) > QUANTUM:
        charge_text(len(text))
    return f'"{text.translate(_JSON_TABLE)}"'
