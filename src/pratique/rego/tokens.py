"""The words and signs of Rego: data only.

The kind of a token is one of the names below, or the sign or keyword itself.
"""

from __future__ import annotations

from typing import Final

END: Final = "end of file"
NAME: Final = "identifier"
NUMBER: Final = "number"
STRING: Final = "string"
# A template string is START, then TEXT and expressions between HOLE and HOLE_END in turn, then STOP.
TEMPLATE_START: Final = "template start"
TEMPLATE_TEXT: Final = "template text"
TEMPLATE_HOLE: Final = "template {"
TEMPLATE_HOLE_END: Final = "template }"
TEMPLATE_STOP: Final = "template end"

# Words that are never names.
BASE_KEYWORDS: Final = frozenset(
    {"package", "import", "as", "default", "else", "not", "some", "with", "null", "true", "false"}
)
# Always on in v1, one `import future.keywords.x` each in v0.
FUTURE_KEYWORDS: Final = frozenset({"in", "every", "contains", "if"})
KEYWORDS: Final = BASE_KEYWORDS | FUTURE_KEYWORDS
# Names, where no `import future.keywords.x` or `import rego.v2` stands above.
LOGICAL_KEYWORDS: Final = frozenset({"and", "or"})
WORDS: Final = KEYWORDS | LOGICAL_KEYWORDS

# How tightly an infix operator binds, and the builtin that it is; all are left-associative.
INFIX: Final[dict[str, tuple[int, str]]] = {
    "*": (7, "mul"),
    "/": (7, "div"),
    "%": (7, "rem"),
    "+": (6, "plus"),
    "-": (6, "minus"),
    "&": (5, "and"),
    "|": (4, "or"),
    "==": (3, "equal"),
    "!=": (3, "neq"),
    "<": (3, "lt"),
    "<=": (3, "lte"),
    ">": (3, "gt"),
    ">=": (3, "gte"),
}
