"""Source text in the making: lines with their depth and the place in the policy that they come from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from pratique.rego.source import Span

INDENT: Final = "    "


@dataclass(slots=True)
class Fail:
    """How a step that fails leaves: `continue` in a scan, `break` or `return` outside; and whether one did."""

    statement: str
    used: bool = False

    def __str__(self) -> str:
        self.used = True
        return self.statement


class Lines:
    """Lines of source; `at` is the place that the lines to come are for."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, str, Span | None]] = []
        self.depth = 0
        self.at: Span | None = None

    def add(self, text: str) -> None:
        """Append a line."""
        self.rows.append((self.depth, text, self.at))

    @property
    def ended(self) -> bool:
        """Whether nothing that is added at this depth could be reached."""
        depth, text, _ = self.rows[-1] if self.rows else (-1, "", None)
        return depth == self.depth and text.startswith("return ")

    @contextmanager
    def indented(self) -> Iterator[None]:
        """Let the lines within be one level deeper."""
        self.depth += 1
        yield
        self.depth -= 1

    def child(self) -> Lines:
        """Return an empty sheet whose lines are for the same place."""
        made = Lines()
        made.at = self.at
        return made

    def extend(self, other: Lines) -> None:
        """Append the lines of another sheet at the present depth."""
        self.rows.extend((self.depth + depth, text, place) for depth, text, place in other.rows)

    def once(self, inner: Lines, fail: Fail) -> None:
        """Append a block that failing steps leave by `break`; it needs a loop only if there are any."""
        if not fail.used:
            self.extend(inner)
            return
        self.add("while True:")
        with self.indented():
            self.extend(inner)
            if not inner.ended:
                self.add("break")

    def text(self) -> str:
        """Return the source."""
        return "".join(f"{INDENT * depth}{text}\n" for depth, text, _ in self.rows)

    def places(self) -> list[Span | None]:
        """Return, line by line, the place in the policy."""
        return [place for _, _, place in self.rows]
