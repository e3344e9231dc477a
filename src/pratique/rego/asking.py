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

from pratique.rego import engine, extents, nodes
from pratique.rego.builtins import registry
from pratique.rego.check import Capabilities
from pratique.rego.errors import CompileError
from pratique.rego.parse import parse_module, parse_query
from pratique.rego.plan.scope import Watching
from pratique.rego.runtime.errors import EvaluationError
from pratique.rego.runtime.state import Limits
from pratique.rego.runtime.values import UNDEFINED, Value
from pratique.rego.source import Source, Span, Version
from pratique.rego.spelled import CAPTURE


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
    captures: dict[int, str] = {}
    for number, literal in enumerate(body):
        name = f"{CAPTURE}{number}" if isinstance(literal, nodes.Test) and not _silent(literal.term) else ""
        if not isinstance(literal, nodes.Some):
            captures[literal.span.start] = name
        if name and isinstance(literal, nodes.Test):
            asked.append(
                nodes.Unify(literal.term, nodes.Var(name, literal.span), literal.span, literal.withs)
            )
        else:
            asked.append(literal)
    started = time.perf_counter_ns()
    checked = engine.check_sources(sources, capabilities=capabilities, builtins=None, printing=True)
    timers["module_compile"] = time.perf_counter_ns() - started
    started = time.perf_counter_ns()
    try:
        policy = engine.compile_query(
            checked,
            tuple(asked),
            module=_module(package, imports, version),
            limits=limits,
            strict=strict,
            capabilities=capabilities,
            printing=True,
            watched=watched,
        )
    except CompileError as error:
        raise _without_captures(error) from None
    timers["query_compile"] = time.perf_counter_ns() - started
    # Expressions are answered in the order in which they are evaluated; what declares only is none.
    order = dict.fromkeys([each.span.start for each in policy.query if each.span.start in captures])
    written = {each.span.start: extents.literal(each) for each in body}
    starts = [*order, *[start for start in captures if start not in order]]
    return Question(
        policy,
        tuple([written[start] for start in starts]),
        tuple([captures[start] for start in starts]),
        len(body) > 1 or _iterates(body),
        timers,
    )


def _without_captures(error: CompileError) -> CompileError:
    # What takes an expression's value is never to blame: it is unsafe only where something else is.
    rest = [each for each in error.problems if not each.message.startswith(f"var {CAPTURE}")]
    return CompileError(rest) if rest else error


def _silent(term: nodes.Term) -> bool:
    # `print` has no value, and a call with its output written down (`count(xs, n)`) has none to give.
    if not isinstance(term, nodes.Call):
        return False
    known = registry.table().get(term.name)
    return known is not None and (known.void or 0 <= known.arity < len(term.args))


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
