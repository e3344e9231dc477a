"""The one tree of errors, and how an error speaks to a person.

    PratiqueError
    ├─ InputError            what a person or a program handed us is wrong (exit 2, HTTP 400)
    │  └─ SourceError        ... and we know the file, line and column
    ├─ NotFoundError         it names something that is not there (exit 4, HTTP 404)
    ├─ ConflictError         it contradicts what is there (exit 1, HTTP 409)
    ├─ DeniedError           the caller may not do it, or is not known (exit 5, HTTP 401/403)
    └─ UnavailableError      something that we need does not answer (exit 3, HTTP 503)

A message says what is wrong and where, in lower case and without a final period, with the user's own
text in backticks; the hint says what to write or do instead. Packages derive their own errors from
these; nothing else may reach a person.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a text: `file:line:column`, both counted from 1, and the text of that line."""

    file: str
    line: int
    column: int
    text: str = ""
    width: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def excerpt(self) -> str:
        """Return the source line with a caret under the column, or an empty string without a line."""
        if not self.text:
            return ""
        lead = "".join("\t" if char == "\t" else " " for char in self.text[: self.column - 1])
        return f"\t{self.text}\n\t{lead}{'^' * max(1, self.width)}"


class PratiqueError(Exception):
    """Base of every error that we raise on purpose.

    `message` is one line; `hint` is the cure, if there is one; `exit_code` is what a command returns.
    """

    exit_code = 3

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def render(self) -> str:
        """Return the text that a person reads: message, then `hint:` on its own line."""
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


class InputError(PratiqueError):
    """What was handed in is wrong."""

    exit_code = 2


class SourceError(InputError):
    """What was handed in is wrong at a place that we can show."""

    def __init__(self, message: str, location: Location, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.location = location

    def render(self) -> str:
        """Return `file:line:column: message`, the line with a caret, and the hint."""
        parts = [f"{self.location}: {self.message}"]
        if excerpt := self.location.excerpt():
            parts.append(excerpt)
        if self.hint:
            parts.append(f"hint: {self.hint}")
        return "\n".join(parts)


class NotFoundError(PratiqueError):
    """It names something that is not there."""

    exit_code = 4


class ConflictError(PratiqueError):
    """It contradicts what is there."""

    exit_code = 1


class DeniedError(PratiqueError):
    """The caller is not known, or may not do it."""

    exit_code = 5


class UnavailableError(PratiqueError):
    """Something that we need does not answer."""

    exit_code = 3
