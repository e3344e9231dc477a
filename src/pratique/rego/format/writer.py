"""Lines, indentation and comments: what the layout of terms, bodies and rules writes with.

Comments wait in a queue, in the order of their lines. Before a node is written, those of earlier lines are written on
lines of their own, and the one of its own line is kept for the end of the line. Where two want the end of one line
(`Collision`), the smallest term around them is written as the author wrote it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from pratique.rego.format.places import Places
from pratique.rego.nodes import Comment
from pratique.rego.source import Source

INDENT: Final = "\t"


class Remark(NamedTuple):
    """A comment: its line, its column, and its text with the sign; between two lines the line is a half."""

    row: float
    column: int
    text: str

    @property
    def metadata(self) -> bool:
        """Whether it begins a block of annotations."""
        return self.column == 1 and self.text[1:].strip().startswith("METADATA")


class Collision(Exception):  # noqa: N818 - never reaches a caller
    """Two comments belong at the end of one line, or one where no line may be broken."""


def remarks(source: Source, comments: Iterable[Comment]) -> list[Remark]:
    """Return comments in the order of their places, without blanks at their ends."""
    found = [Remark(*source.position(each.span.start), f"#{each.text}".rstrip()) for each in comments]
    return sorted(found)


class Writer:
    """Text so far, the current line's state, and the comments that are still to be written."""

    def __init__(self, source: Source, comments: list[Remark]) -> None:
        self.source = source
        self.places = Places(source)
        self.parts: list[str] = []
        self.level = 0
        self.inline = False
        self.comments = comments
        # The comment for the end of this line; `delay` holds it back over one line end.
        self.pending: Remark | None = None
        self.delay = False
        # Whether a comment on the last line of a text written as it was is written with it.
        self.closes_line = False

    def text(self) -> str:
        """Return everything written, with one line end at the end."""
        return "".join(self.parts).rstrip("\n") + "\n"

    # --- lines ---------------------------------------------------------------------------------------------

    def write(self, text: str) -> None:
        """Write on the current line."""
        self.parts.append(text)

    def start_line(self) -> None:
        """Begin a line with its indentation."""
        self.inline = True
        if self.level:
            self.parts.append(INDENT * self.level)

    def end_line(self) -> None:
        """End the line, with the comment that waits for it."""
        self.inline = False
        if self.pending is not None and not self.delay:
            self.parts.append(f" {self.pending.text}")
            self.pending = None
        self.delay = False
        self.parts.append("\n")

    def blank_line(self) -> None:
        """Leave a line blank, ending the current one first."""
        if self.inline:
            self.end_line()
        self.parts.append("\n")

    def begin(self) -> None:
        """Begin a line unless one has begun."""
        if not self.inline:
            self.start_line()

    # --- comments ------------------------------------------------------------------------------------------

    def advance(self, row: int) -> None:
        """Write the comments above a line, and keep the one on it for the line's end."""
        comments = self.comments
        if not comments or comments[0].row > row:
            return
        before = [each for each in comments if each.row < row]
        here = [each for each in comments if each.row == row]
        self.comments = [each for each in comments if each.row > row]
        self.write_comments(before)
        if before and row - before[-1].row > 1:
            self.blank_line()
        if here:
            self.at_line_end(here[-1])

    def at_line_end(self, comment: Remark) -> None:
        """Keep a comment for the end of the line; raises `Collision` when there is one already."""
        if self.pending is not None:
            self.pending = None
            raise Collision
        self.pending = comment

    def write_comments(self, comments: list[Remark]) -> None:
        """Write comments on lines of their own, with the blank lines that were between them."""
        annotated = False
        before: Remark | None = None
        for comment in comments:
            if before is not None:
                apart = comment.row - before.row
                if apart > 1:
                    self.blank_line()
                    annotated = False
                elif apart == 1 and annotated and comment.metadata:
                    self.blank_line()
            annotated = annotated or comment.metadata
            self.begin()
            self.write(comment.text)
            self.end_line()
            before = comment

    def as_written(self, start: int, end: int) -> None:
        """Write a piece of the source as it is, and drop the comments that are in it."""
        text = self.source.text[start:end]
        self.write(text)
        first = self.places.line(start)
        last = first + text.count("\n")
        kept: list[Remark] = []
        for comment in self.comments:
            if comment.row == last and self.closes_line:
                self.write(f" {comment.text}")
            elif comment.row >= last:
                kept.append(comment)
        self.comments = kept
