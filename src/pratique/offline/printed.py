"""What policies say with `print`, kept in memory up to a bound.

In: messages, one at a time. Out: their text, a line each, with a note where it was cut (gator's, word for word).
"""

from __future__ import annotations

from typing import Final

from pratique.errors import Location

LIMIT: Final = 1 << 20
_CUT: Final = "\n... additional print output truncated ...\n"


class Printed:
    """Hears `print` and keeps what was said; it is the `sink` of `Programs`."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._parts: list[str] = []
        self._left = limit
        self._cut = False

    def __call__(self, message: str, _place: Location) -> None:
        """Keep a message."""
        line = f"{message}\n".encode()
        self._cut = self._cut or len(line) > self._left
        if self._left:
            self._parts.append(line[: self._left].decode("utf-8", "ignore"))
            self._left = max(0, self._left - len(line))

    def take(self) -> str:
        """Return what was said since the last time."""
        text = "".join(self._parts) + (_CUT if self._cut else "")
        self._parts.clear()
        self._left, self._cut = self._limit, False
        return text
