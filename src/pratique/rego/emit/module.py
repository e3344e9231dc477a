"""A plan to a Python module: one function a rule, the table of constants, and the map of lines.

Comes in: a plan and the builtins that it may call. Goes out: `Emitted`: deterministic source, the namespace
that it needs, and for each line the place in the policy. `load` makes it run: generated code sees the names in
`runtime.exported`, its constants, and nothing else, not even Python's own builtins.
"""

from __future__ import annotations

import hashlib
import linecache
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, Final

from pratique.rego.builtins.registry import Builtin
from pratique.rego.emit.expressions import Scope
from pratique.rego.emit.lines import Lines
from pratique.rego.emit.names import Names
from pratique.rego.emit.rules import emit_rule
from pratique.rego.emit.weights import Weights
from pratique.rego.plan import ir
from pratique.rego.runtime.documents import Node
from pratique.rego.runtime.exported import EXPORTED
from pratique.rego.runtime.work import GENERATED
from pratique.rego.source import Span

# Names of constants in generated source.
_NAME: Final = re.compile(r"\b[A-Z]\d+\b")


@dataclass(frozen=True, slots=True)
class Emitted:
    """Generated source, its constants, and the place in the policy of each line.

    `origins` has, for each constant that is a function, the builtin or pattern that it comes from. `slots` is how
    many answers of rules an evaluation has to keep room for.
    """

    source: str
    constants: dict[str, Any]
    places: tuple[Span | None, ...]
    filename: str
    origins: dict[str, str] = field(default_factory=dict)
    slots: int = 0


def emit(plan: ir.Plan, builtins: Mapping[str, Builtin]) -> Emitted:
    """Return the Python module of a plan."""
    names = Names(builtins, [rule.number for rule in plan.rules if rule.cached])
    weights = Weights(plan, builtins)
    made: list[tuple[int, Lines]] = []
    for rule in plan.rules:
        if rule.kind == "function" and not (rule.clauses or rule.default or rule.number in plan.mocked_rules):
            continue  # nothing calls it
        made.append((rule.number, emit_rule(rule, Scope(names, plan, builtins, rule, weights))))
    chunks: list[str] = []
    places: list[Span | None] = []
    for number, lines in made:
        text, rows = lines.written(kept=number in names.asked)
        chunks.append(text)
        places.extend([*rows, None, None])
    source = "\n\n".join(chunks)
    digest = hashlib.sha256(source.encode()).hexdigest()[:16]
    slots = len(plan.rules) if names.asked else 0
    # A name is given before it is known whether there is a shorter way.
    used = set(_NAME.findall(source))
    constants = {name: value for name, value in names.namespace.items() if name in used}
    return Emitted(source, constants, tuple(places), f"{GENERATED}{digest}>", names.origins, slots)


def load(emitted: Emitted, plan: ir.Plan, code: CodeType | None = None) -> dict[str, Any]:
    """Run the module and return its namespace: functions `r0`, `r1`, ... and nodes `N0`, `N1`, ..."""
    namespace: dict[str, Any] = {"__builtins__": {}, "__name__": "rego", **EXPORTED, **emitted.constants}
    nodes = [Node(node.path, function=node.function, joined=node.joined) for node in plan.nodes]
    for node, made in zip(plan.nodes, nodes, strict=True):
        made.children = {name: nodes[number] for name, number in sorted(node.children.items())}
        namespace[f"N{node.number}"] = made
    linecache.cache[emitted.filename] = (
        len(emitted.source),
        None,
        emitted.source.splitlines(keepends=True),
        emitted.filename,
    )
    exec(code or assemble(emitted), namespace)  # noqa: S102  # the text is ours: constants travel in a table
    for node, made in zip(plan.nodes, nodes, strict=True):
        if node.rule >= 0:
            made.rule = namespace[f"r{node.rule}"]
    return namespace


def assemble(emitted: Emitted) -> CodeType:
    """Return the module's code object."""
    return compile(emitted.source, emitted.filename, "exec", dont_inherit=True, optimize=0)
