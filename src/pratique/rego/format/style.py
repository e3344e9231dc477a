"""What a module is written in: Rego v0, v1, or what both understand.

Comes in: a module and the target that the caller names. Goes out: the decisions that its layout depends on.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final, Literal, TypeAlias

from pratique.rego.nodes import Logical, Module, Not, Path
from pratique.rego.source import Span
from pratique.rego.tokens import BASE_KEYWORDS, FUTURE_KEYWORDS, LOGICAL_KEYWORDS

# "v0v1" is text that means the same in both: v1 with `import rego.v1`.
Target: TypeAlias = Literal["v0", "v1", "v0v1"]

V1_IMPORT: Final[Path] = ("rego", "v1")
V2_IMPORT: Final[Path] = ("rego", "v2")
KEYWORDS_IMPORT: Final[Path] = ("future", "keywords")


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


def asked(module: Module) -> list[str]:
    """Return which of `and`, `or` and the newer `not` a module makes use of."""
    found: set[str] = set()
    _words(module.rules, found)
    return sorted(found if module.modern_not else found - {"not"})


def _words(node: Any, found: set[str]) -> None:
    if isinstance(node, Not | Logical):
        found.add("not" if isinstance(node, Not) else node.operator)
    if isinstance(node, tuple) and not isinstance(node, Span):
        for each in node:
            _words(each, found)
    elif is_dataclass(node):
        for part in fields(node):
            if part.compare and part.name != "module":
                _words(getattr(node, part.name), found)


def style_of(module: Module, target: Target) -> Style:
    """Return how a module is written for a target."""
    paths = [each.path for each in module.imports]
    imported = not {V1_IMPORT, V2_IMPORT, KEYWORDS_IMPORT}.isdisjoint(paths)
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
        keywords=BASE_KEYWORDS
        | (FUTURE_KEYWORDS if v1 else single)
        | (LOGICAL_KEYWORDS if V2_IMPORT in paths else single & LOGICAL_KEYWORDS),
    )
