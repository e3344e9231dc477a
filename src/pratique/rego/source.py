"""Rego text with a name, and places in it.

Comes in: a file's name, text and Rego version. Goes out: spans, which become `pratique.errors.Location` only when
a person is to be told. It must not know what the text means.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from pratique.errors import Location

Version: TypeAlias = Literal["v0", "v1"]


@dataclass(frozen=True, slots=True)
class Source:
    """A module's text; `version` is the Rego that it is written in where the text itself does not say.

    `import future.keywords` brings all that OPA 1.22 has. Without `newest` it brings what OPA 1.17 has, which runs
    templates in Gatekeeper: neither `and` and `or`, nor the `not` that holds of what is undefined within.

    >>> from pratique import rego
    >>> old = rego.Source("old.rego", "package a\\np[x] { x = 1 }\\n", version="v0")
    >>> rego.compile([old]).evaluate("data.a.p")
    Set([1])
    """

    file: str
    text: str
    version: Version = "v1"
    newest: bool = True
    _starts: list[int] = field(default_factory=list, init=False, repr=False, compare=False)
    _texts: dict[int, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def _lines(self) -> list[int]:
        starts = self._starts
        if not starts:
            starts.append(0)
            find = self.text.find
            at = find("\n")
            while at >= 0:
                starts.append(at + 1)
                at = find("\n", at + 1)
        return starts

    def position(self, offset: int) -> tuple[int, int]:
        """Return line and column of an offset, both counted from 1."""
        starts = self._lines()
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Return the text of a line, counted from 1, without its end."""
        starts = self._lines()
        start = starts[number - 1]
        end = starts[number] - 1 if number < len(starts) else len(self.text)
        # One text for all places of a line: there may be many, and the line may be the whole text.
        found = self._texts.get(number)
        if found is None:
            found = self._texts[number] = self.text[start:end].rstrip("\r")
        return found

    def location(self, start: int, end: int) -> Location:
        """Return the place of a span; its width ends with the line."""
        line, column = self.position(start)
        text = self.line(line)
        width = max(1, min(end - start, len(text) - column + 1))
        return Location(self.file, line, column, text, width)


class Span(NamedTuple):
    """A piece of a source, as offsets."""

    source: Source
    start: int
    end: int

    def location(self) -> Location:
        """Return the place that a person reads: file, line, column and the line's text."""
        return self.source.location(self.start, self.end)

    @property
    def text(self) -> str:
        """The text that was written here."""
        return self.source.text[self.start : self.end]
