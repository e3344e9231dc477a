"""Metadata annotations: comment blocks that start with `# METADATA`, as YAML, at what follows them.

A block's scope is `rule` before a rule and `package` before `package`, unless it says `document`, `subpackages` or
something else itself (rego.md 1.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, TypeAlias

import yaml

from pratique.rego.errors import PARSE_ERROR, Problem
from pratique.rego.lexer import SyntaxProblem
from pratique.rego.nodes import Annotation, Comment, Module
from pratique.rego.source import Span

# An annotation, and the offset of the statement that it belongs to.
Placed: TypeAlias = tuple[Annotation, int]

_SCOPES: Final = frozenset({"rule", "document", "package", "subpackages"})
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(comments: Sequence[Comment], statements: Sequence[tuple[int, str]]) -> tuple[Placed, ...]:
    """Return the annotations, each with the statement that follows it."""
    found: list[Placed] = []
    at = 0
    while at < len(comments):
        comment = comments[at]
        at += 1
        source = comment.span.source
        line, column = source.position(comment.span.start)
        if not _begins(comment) or column != 1:
            continue
        block: list[str] = []
        last = comment
        while at < len(comments):
            following = comments[at]
            next_line, next_column = source.position(following.span.start)
            if next_line != line + len(block) + 1 or next_column != 1 or _begins(following):
                break
            block.append(following.text)
            last = following
            at += 1
        span = Span(source, comment.span.start, last.span.end)
        after = [statement for statement in statements if statement[0] > span.end]
        if not after or after[0][1] == "import":
            raise _problem("annotations must be followed by a rule or `package`", span)
        value = _value(block, span)
        scope = value.get("scope", "package" if after[0][1] == "package" else "rule")
        if scope not in _SCOPES:
            raise _problem(f"invalid annotation scope `{scope}`", span)
        if after[0][1] == "package" and scope in {"rule", "document"}:
            raise _problem(f"annotation scope `{scope}` must be applied to a rule", span)
        if after[0][1] == "rule" and scope in {"package", "subpackages"}:
            raise _problem(f"annotation scope `{scope}` must be applied to `package`", span)
        found.append((Annotation(scope, value, span), after[0][0]))
    return tuple(found)


def _begins(comment: Comment) -> bool:
    """Whether a comment begins a block."""
    return comment.text.strip().startswith("METADATA")


def _problem(message: str, span: Span) -> SyntaxProblem:
    return SyntaxProblem(Problem(PARSE_ERROR, message, span.location()))


def _value(block: Sequence[str], span: Span) -> dict[str, Any]:
    try:
        value = yaml.load("\n".join(block), Loader=_LOADER)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, ValueError):
        raise _problem("the metadata block is not YAML", span) from None
    if not isinstance(value, dict) or not value:
        raise _problem("expected at least one metadata entry", span)
    found = {str(name): item for name, item in value.items()}
    if "authors" in found:
        found["authors"] = [_author(each) for each in _listed(found["authors"])]
    if "related_resources" in found:
        found["related_resources"] = [
            {"ref": each} if isinstance(each, str) else each for each in _listed(found["related_resources"])
        ]
    if found.get("entrypoint") is True:
        found.setdefault("scope", "document")
    return found


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _author(value: Any) -> Any:
    """Return `Name <email>` as its parts."""
    if not isinstance(value, str):
        return value
    parts = value.split()
    if parts and parts[-1].startswith("<") and parts[-1].endswith(">"):
        name = " ".join(parts[:-1])
        return {**({"name": name} if name else {}), "email": parts[-1][1:-1]}
    return {"name": value}


def attach(module: Module, annotations: Sequence[Placed]) -> Module:
    """Return the module with its annotations, at the rules that they belong to as well."""
    if not annotations:
        return module
    rules = []
    for rule in module.rules:
        own = tuple(note for note, start in annotations if start == rule.span.start)
        rules.append(replace(rule, annotations=own) if own else rule)
    return replace(module, rules=tuple(rules), annotations=tuple(note for note, _ in annotations))
