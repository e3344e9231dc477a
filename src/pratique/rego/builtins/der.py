"""DER: the elements of a certificate's bytes, each with the bytes that it is made of.

`read` raises DerError for bytes that are no DER; what an element means is for its reader to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
UTC_TIME: Final = 0x17
BMP_STRING: Final = 0x1E
SEQUENCE: Final = 0x30
_MULTIPLE: Final = 0x1F
_CONSTRUCTED: Final = 0x20


class DerError(ValueError):
    """Bytes are not DER."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element: its tag byte, what it holds, and all its bytes."""

    tag: int
    body: bytes
    raw: bytes

    def items(self) -> list[Element]:
        """Return the elements inside."""
        return read_all(self.body)

    def tagged(self, number: int) -> bool:
        """Tell whether this carries a context-specific tag."""
        return self.tag & ~_CONSTRUCTED == 0x80 | number

    def integer(self) -> int:
        """Return the body as a signed integer."""
        return int.from_bytes(self.body, signed=True)

    def bits(self) -> bytes:
        """Return a bit string's bytes."""
        return self.body[1:]

    def oid(self) -> list[int]:
        """Return an object identifier's arcs."""
        arcs: list[int] = []
        number = 0
        for byte in self.body:
            number = number << 7 | byte & 0x7F
            if not byte & 0x80:
                arcs.append(number)
                number = 0
        if not arcs:
            raise DerError("an object identifier is empty")
        first = min(arcs[0] // 40, 2)
        return [first, arcs[0] - 40 * first, *arcs[1:]]

    def text(self) -> str:
        """Return a string of any of the string types."""
        if self.tag == BMP_STRING:
            return self.body.decode("utf-16-be", "replace")
        return self.body.decode("utf-8", "replace")

    def time(self) -> datetime:
        """Return a UTCTime or GeneralizedTime."""
        text = self.body.decode("ascii", "replace")
        if self.tag == UTC_TIME:
            text = ("19" if text[:2] >= "50" else "20") + text
        try:
            return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
        except ValueError:
            raise DerError("a time is malformed") from None


def read(data: bytes) -> tuple[Element, bytes]:
    """Return the first element and the bytes behind it. Raises DerError."""
    if len(data) < 2 or data[0] & _MULTIPLE == _MULTIPLE:
        raise DerError("an element is cut off")
    length, start = data[1], 2
    if length & 0x80:
        size = length & 0x7F
        start += size
        if not 1 <= size <= 4 or len(data) < start:
            raise DerError("an element's length is malformed")
        length = int.from_bytes(data[2:start])
    end = start + length
    if len(data) < end:
        raise DerError("an element is cut off")
    return Element(data[0], data[start:end], data[:end]), data[end:]


def read_all(data: bytes) -> list[Element]:
    """Return all elements of the bytes. Raises DerError."""
    found = []
    while data:
        element, data = read(data)
        found.append(element)
    return found


def dotted(arcs: Sequence[int]) -> str:
    """Return an object identifier as text."""
    return ".".join(map(str, arcs))
