"""A compiled policy's stages as text: by rule in columns, or one stage after the other.

Comes in: a compiled policy. Goes out: text. Each rule has its syntax tree (`outline`), its steps and its function;
a rule that was put into its callers has no function left.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final

from pratique.rego import Policy, nodes, spelled

_TITLES: Final = {"ast": "syntax tree", "ir": "plan", "python": "python"}
_SHARES: Final = {"ast": 3, "ir": 3, "python": 5}
_FUNCTION: Final = re.compile(r"^def r(\d+)\(", re.MULTILINE)
_RULE: Final = re.compile(r"^[a-z]+ #(\d+) ", re.MULTILINE)
_HIDDEN: Final = frozenset({"span", "head_span", "extent", "module", "annotations", "path"})
# What a literal or term is called, short: its own name says the rest.
_PLAIN: Final = (str, int, bool, type(None))


@dataclass(frozen=True, slots=True)
class Table:
    """One rule, stage by stage."""

    name: str
    stages: dict[str, str]


def tables(policy: Policy) -> list[Table]:
    """Return the stages of every rule, in the order of the plan."""
    stages = policy.stages()
    steps = _split(stages["plan"], _RULE)
    code = _split(stages["python"], _FUNCTION)
    checked = policy.checked
    written = {} if checked is None else checked.rules
    found = []
    for rule in policy.plan.rules:
        number = str(rule.number)
        name = ("data", *rule.path)
        tree = "\n".join([outline(each) for each in written.get(name, ())])
        found.append(
            Table(
                ".".join(name),
                {"ast": tree, "ir": steps.get(number, ""), "python": code.get(number, "")},
            )
        )
    return found


def _split(text: str, head: re.Pattern[str]) -> dict[str, str]:
    matches = list(head.finditer(text))
    ends = [*[match.start() for match in matches[1:]], len(text)]
    return {match[1]: text[match.start() : end].rstrip() for match, end in zip(matches, ends, strict=True)}


def outline(node: Any, depth: int = 0) -> str:
    """Return a node and what is in it, a line a node."""
    pad = "  " * depth
    if isinstance(node, nodes.Scalar | nodes.Var | nodes.Ref):
        return f"{pad}{type(node).__name__} {spelled.term(node)}"
    inside = []
    shown = [type(node).__name__]
    if depth == 0 and getattr(node, "path", None):
        shown.append(".".join(map(str, node.path)))
    for each in fields(node):
        value = getattr(node, each.name)
        if each.name in _HIDDEN and not (each.name == "path" and depth):
            continue
        if value in (None, (), False, ""):
            if each.name == "value":
                shown.append(repr(value))
            continue
        if isinstance(value, _PLAIN):
            shown.append(repr(value) if each.name in ("value", "name") else f"{each.name}={value}")
        elif isinstance(value, tuple) and all(isinstance(item, str) for item in value):
            shown.append(".".join(value))
        else:
            inside += _inside(each.name, value, depth + 1)
    return "\n".join([pad + " ".join(shown), *inside])


def _inside(name: str, value: Any, depth: int) -> list[str]:
    if is_dataclass(value):
        inner = outline(value, depth)
        lead = "  " * depth
        return [f"{lead}{name}: {inner[len(lead) :]}"]
    lines = ["  " * depth + f"{name}:"]
    for item in value:
        if is_dataclass(item):
            lines.append(outline(item, depth + 1))
        elif isinstance(item, tuple):
            lines += [outline(part, depth + 1) for part in item if is_dataclass(part)]
        else:
            lines.append("  " * (depth + 1) + repr(item))
    return lines


def sections(found: Sequence[Table], wanted: Sequence[str]) -> str:
    """Return the stages one after the other, with headings where there are several."""
    parts = []
    for stage in wanted:
        body = "\n\n".join([table.stages[stage] for table in found if table.stages[stage]])
        parts.append(f"# {_TITLES[stage]}\n{body}\n" if len(wanted) > 1 else f"{body}\n")
    return "\n".join(parts)


def columns(found: Sequence[Table], wanted: Sequence[str], width: int) -> str:
    """Return the stages side by side, rule by rule; what is too wide for its column goes on below."""
    spare = width - 3 * (len(wanted) - 1)
    shares = sum(_SHARES[stage] for stage in wanted)
    sizes = [spare * _SHARES[stage] // shares for stage in wanted]
    lines = [_row([_TITLES[stage] for stage in wanted], sizes)]
    for table in found:
        lines.append("─" * width)
        texts = [
            [part for line in table.stages[stage].split("\n") for part in _wrapped(line, size)]
            for stage, size in zip(wanted, sizes, strict=True)
        ]
        for index in range(max(map(len, texts))):
            lines.append(_row([text[index] if index < len(text) else "" for text in texts], sizes))
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str], sizes: Sequence[int]) -> str:
    return " │ ".join([cell.ljust(size) for cell, size in zip(cells, sizes, strict=True)]).rstrip()


def _wrapped(line: str, size: int) -> list[str]:
    if len(line) <= size:
        return [line]
    lead = " " * min(len(line) - len(line.lstrip()) + 8, size // 2)
    return [line[:size], *_wrapped(lead + line[size:], size)]
