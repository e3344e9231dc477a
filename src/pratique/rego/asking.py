"""A query as a person asks it: the value of each of its expressions beside the bindings.

Comes in: sources, a query's text, and the package and imports that it is read in. Goes out: `Question`, which
answers as often as it is asked (`rego.go`, `rewriteQueryToCaptureValue`: an expression that is a term or a call is
captured; with several expressions, or one that iterates, it must also hold).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from pratique.rego import engine, nodes
from pratique.rego.check import Capabilities
from pratique.rego.parse import parse_module, parse_query
from pratique.rego.plan.scope import Watching
from pratique.rego.runtime.errors import EvaluationError
from pratique.rego.runtime.state import Limits
from pratique.rego.runtime.values import UNDEFINED, Value
from pratique.rego.source import Source, Span, Version

# Variables that take the values of expressions; `plan.spelled` knows them by this beginning.
_CAPTURE = "~e"


@dataclass(frozen=True, slots=True)
class Answer:
    """One way in which a query holds: a value for each expression (True for what has none), and the bindings."""

    values: tuple[Value, ...]
    bindings: dict[str, Value]


@dataclass(frozen=True, slots=True)
class Question:
    """A compiled query; `places` are those of its expressions, `timers` nanoseconds by stage."""

    policy: engine.Policy
    places: tuple[Span, ...]
    captures: tuple[str, ...]
    must_hold: bool
    timers: dict[str, int] = field(default_factory=dict)

    def answers(  # as for Policy.evaluate
        self,
        value: Value = UNDEFINED,
        data: Value = None,
        *,
        limits: Limits | None = None,
        sink: engine.Sink | None = None,
        errors: list[EvaluationError] | None = None,
        watch: engine.Watch | None = None,
    ) -> list[Answer]:
        """Return every answer. Raises EvaluationError."""
        started = time.perf_counter_ns()
        rows: list[dict[str, Value]] = self.policy.evaluate(
            engine.QUERY, value, data, limits=limits, sink=sink, errors=errors, watch=watch
        )
        self.timers["query_eval"] = time.perf_counter_ns() - started
        return [self._answer(row) for row in rows if self._holds(row)]

    def _holds(self, row: dict[str, Value]) -> bool:
        return not self.must_hold or all(row[name] is not False for name in self.captures if name)

    def _answer(self, row: dict[str, Value]) -> Answer:
        values = tuple([row[name] if name else True for name in self.captures])
        shown = {name: value for name, value in row.items() if name[0] not in "$~"}
        return Answer(values, shown)


def ask(  # noqa: PLR0913  # as for compile
    sources: Iterable[Source],
    text: str,
    *,
    package: str = "",
    imports: Sequence[str] = (),
    version: Version = "v1",
    limits: Limits = engine.LIMITS,
    strict: bool = False,
    capabilities: Capabilities | None = None,
    watched: Watching | None = None,
) -> Question:
    """Compile a query. `package` is `a.b`, `imports` are `data.a`, `data.a as b`. Raises CompileError."""
    timers: dict[str, int] = {}
    started = time.perf_counter_ns()
    body = parse_query(Source(engine.QUERY, text, version))
    timers["query_parse"] = time.perf_counter_ns() - started
    asked: list[nodes.Expr] = []
    captures: list[str] = []
    for number, literal in enumerate(body):
        name = f"{_CAPTURE}{number}" if isinstance(literal, nodes.Test) and not _silent(literal.term) else ""
        captures.append(name)
        if name and isinstance(literal, nodes.Test):
            asked.append(
                nodes.Unify(literal.term, nodes.Var(name, literal.span), literal.span, literal.withs)
            )
        else:
            asked.append(literal)
    started = time.perf_counter_ns()
    policy = engine.compile_query(
        sources,
        tuple(asked),
        module=_module(package, imports, version),
        limits=limits,
        strict=strict,
        capabilities=capabilities,
        printing=True,
        watched=watched,
    )
    timers["query_compile"] = time.perf_counter_ns() - started
    places = tuple(
        [each.span._replace(end=max(part.span.end for part in (each, *each.withs))) for each in body]
    )
    return Question(policy, places, tuple(captures), len(body) > 1 or _iterates(body), timers)


def _silent(term: nodes.Term) -> bool:
    # `print` has no value, and a call with its output written down has none to give.
    return isinstance(term, nodes.Call) and (term.parts == ("print",) or term.output is not None)


def _module(package: str, imports: Sequence[str], version: Version) -> nodes.Module | None:
    if not package and not imports:
        return None
    lines = [f"package {package or 'query'}", *[f"import {each}" for each in imports]]
    return parse_module(Source(engine.QUERY, "\n".join(lines) + "\n", version))


def _iterates(node: Any) -> bool:
    """Whether a reference outside comprehensions has a variable in its path, or a relation is called."""
    if isinstance(node, nodes.Comprehension):
        return False
    if isinstance(node, nodes.Ref) and any(isinstance(each, nodes.Var) for each in node.path):
        return True
    if isinstance(node, nodes.Call) and node.name == "walk":
        return True
    if isinstance(node, tuple):
        return any(map(_iterates, node))
    return is_dataclass(node) and any(
        _iterates(getattr(node, each.name)) for each in fields(node) if each.name != "span"
    )
