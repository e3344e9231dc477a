"""The kinds of tokens and the words of Rego: data only."""

from __future__ import annotations

from typing import Final, NamedTuple

END: Final = "end"
NEWLINE: Final = "newline"
NAME: Final = "name"
NUMBER: Final = "number"
STRING: Final = "string"
TEMPLATE: Final = "template"

# Words that are never names; those of v1 are opt-in in v0.
BASE_KEYWORDS: Final = frozenset(
    {"package", "import", "as", "default", "else", "not", "some", "with", "null", "true", "false"}
)
FUTURE_KEYWORDS: Final = frozenset({"in", "every", "contains", "if"})


class Token(NamedTuple):
    """One token: a kind (or the sign or keyword itself), its text or value, where it is, and whether a new line
    or blank space comes before it."""

    kind: str
    value: str
    start: int
    end: int
    newline: bool
    space: bool
