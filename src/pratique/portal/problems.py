"""An error, as a page shows it: message, place with caret, cure, and the form field that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass

from pratique.errors import Location, PratiqueError, SourceError


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, in words for the person who can right it."""

    message: str
    hint: str = ""
    location: Location | None = None
    field: str = ""

    @property
    def place(self) -> str:
        """Return `file:line:column`, or an empty string."""
        return str(self.location) if self.location else ""

    @property
    def excerpt(self) -> str:
        """Return the source line and the caret under it, or an empty string."""
        if not self.location or not self.location.text:
            return ""
        lines = self.location.excerpt().split("\n")
        return "\n".join(line.removeprefix("\t") for line in lines)


def problem_of(error: PratiqueError, *, field: str = "") -> Problem:
    """Return what a page shows for an error of the service."""
    location = error.location if isinstance(error, SourceError) else None
    # The place stands before the message; where the service says it inside as well, once is enough.
    message = error.message.replace(f"{location}: ", "") if location else error.message
    return Problem(sentence(message), hint=sentence(error.hint), location=location, field=field)


def sentence(text: str) -> str:
    """Return a message with a capital and a period; errors are written without, pages read with."""
    text = text.strip()
    if not text:
        return ""
    text = text if text.startswith("`") else text[0].upper() + text[1:]
    return text if text[-1] in ".!?" or "\n" in text else text + "."
