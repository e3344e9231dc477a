"""What a module is written in: Rego v0, v1, or what both understand.

Comes in: a module and the target that the caller names. Goes out: the decisions that its layout depends on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from pratique.rego.nodes import Module, Path
from pratique.rego.tokens import BASE_KEYWORDS, FUTURE_KEYWORDS

# "v0v1" is text that means the same in both: v1 with `import rego.v1`.
Target: TypeAlias = Literal["v0", "v1", "v0v1"]

V1_IMPORT: Final[Path] = ("rego", "v1")
KEYWORDS_IMPORT: Final[Path] = ("future", "keywords")
NOT_IMPORT: Final[Path] = (*KEYWORDS_IMPORT, "not")


@dataclass(frozen=True, slots=True)
class Style:
    """How rules and references of one module are written."""

    # v1's demands hold: `:=`, `contains`, values spelt out.
    v1: bool
    # Whether bodies follow `if`, and members of sets `contains`.
    ifs: bool
    contains: bool
    # Whether some rule's name needs a reference (`p.q.r`, `p.q contains x`): then all are written so.
    references: bool
    # Whether `not { ... }` is a body: a value that begins with a brace stands in parentheses then.
    bodies: bool
    keywords: frozenset[str]


def directive(path: Path) -> bool:
    """Whether an import changes how the module is read instead of naming something."""
    return path[0] in {"future", "rego"}


def style_of(module: Module, target: Target) -> Style:
    """Return how a module is written for a target."""
    paths = [each.path for each in module.imports]
    imported = V1_IMPORT in paths or KEYWORDS_IMPORT in paths
    v1 = target != "v0"
    single = {path[2] for path in paths if path[:2] == KEYWORDS_IMPORT and len(path) == 3}
    return Style(
        v1=v1,
        ifs=v1 or imported or "if" in single,
        contains=v1 or imported or "contains" in single,
        references=any(
            len(rule.path) + len(rule.keys) > 2
            or (len(rule.path) + len(rule.keys) == 2 and rule.kind == "set")
            for rule in module.rules
        ),
        bodies=module.modern_not,
        keywords=BASE_KEYWORDS | (FUTURE_KEYWORDS if v1 else single),
    )
