"""Tests written in Rego: rules called `test_...`, found, run and judged as `opa test` does it.

Comes in: sources, base data, and what to run. Goes out: one `Result` a test, in the order of the files: passed,
failed, in error or skipped (`todo_test_...`), what it printed, its cases (`test_x[name] if ...`), and, where it was
watched, every event. A test passes when its rule is true; each case of a parameterised test passes for itself.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pratique.errors import Location
from pratique.rego import engine, nodes, spelled
from pratique.rego.builtins import registry
from pratique.rego.check import Capabilities
from pratique.rego.plan.scope import Watching
from pratique.rego.runtime.errors import EvaluationError
from pratique.rego.runtime.state import Limits
from pratique.rego.runtime.text import key_text
from pratique.rego.runtime.tracing import Event, Site
from pratique.rego.runtime.values import UNDEFINED, Object, Value
from pratique.rego.source import Source, Span

PREFIX: Final = "test_"
SKIPPED: Final = "todo_test_"

# The query that a test is asked by, as a body around everything that it does.
_QUERY_FRAME: Final = -1


@dataclass(slots=True)
class Case:
    """One case of a parameterised test, with cases of its own where its name has several parts."""

    name: str
    failed: bool
    cases: dict[str, Case] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def leaves(self, lineage: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Case]]:
        """Yield this case and all below it, in order, with the names that lead to each."""
        yield (*lineage, self.name), self
        for each in sorted(self.cases):
            yield from self.cases[each].leaves((*lineage, self.name))


@dataclass(slots=True)
class Result:
    """What a test came to; `nanoseconds` is the evaluation's own time, `refusals` are the errors of builtins."""

    place: Location
    package: str
    name: str
    failed: bool = False
    skipped: bool = False
    error: EvaluationError | None = None
    nanoseconds: int = 0
    output: str = ""
    refusals: tuple[str, ...] = ()
    cases: dict[str, Case] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether the test has run and its rule, with every case, was true."""
        return not (self.failed or self.skipped or self.error)

    @property
    def outcome(self) -> str:
        """The word for it: PASS, FAIL, SKIPPED or ERROR."""
        if self.passed:
            return "PASS"
        return "FAIL" if self.failed else "SKIPPED" if self.skipped else "ERROR"

    def leaves(self) -> Iterator[tuple[tuple[str, ...], Case]]:
        """Yield every case, with the names that lead to it."""
        for each in sorted(self.cases):
            yield from self.cases[each].leaves()


@dataclass(frozen=True, slots=True)
class _Test:
    rule: nodes.Rule
    package: nodes.Path
    path: nodes.Path

    @property
    def cases(self) -> bool:
        return bool(self.rule.keys) and self.rule.kind == "value"

    @property
    def name(self) -> str:
        return spelled.path(self.path)

    @property
    def full(self) -> str:
        return spelled.path((*self.package, *self.path))


class Suite:
    """The tests of some sources, compiled: once as they are, and once to be watched when that is needed."""

    def __init__(self, sources: Iterable[Source], *, timeout: float = 5.0) -> None:
        """Parse and compile; raises CompileError. A test may take `timeout` seconds."""
        self.modules = engine.parse_sources(sources)
        self._limits = Limits(steps=0, seconds=timeout, output=0, memory=0)
        self._tests: list[_Test] = []
        self._renamed = self._found()
        self._policies: dict[Watching | None, engine.Policy] = {}
        self._policy(None)

    def _found(self) -> list[nodes.Module]:
        # The second rule of one name becomes a test of its own: `test_x#01`.
        count: Counter[nodes.Path] = Counter()
        renamed = []
        for module in self.modules:
            rules = []
            for rule in module.rules:
                path = _test_path(rule.path)
                if path and path[-1].startswith(PREFIX):
                    full = (*module.package, *path)
                    number = count[full]
                    count[full] += 1
                    if number:
                        path = (*path[:-1], f"{path[-1]}#{number:02d}")
                        rule = replace(rule, path=(*path, *rule.path[len(path) :]))
                if path:
                    self._tests.append(_Test(rule, module.package, path))
                rules.append(rule)
            renamed.append(replace(module, rules=tuple(rules)))
        return renamed

    def _policy(self, watching: Watching | None) -> engine.Policy:
        found = self._policies.get(watching)
        if found is None:
            found = self._policies[watching] = engine.compile_modules(
                self._renamed,
                capabilities=Capabilities(denied=frozenset()),
                builtins=_replaceable(),
                limits=self._limits,
                printing=True,
                watched=watching,
            )
        return found

    def run(
        self,
        data: Value,
        *,
        pattern: str = "",
        watching: Watching | None = None,
        watch: engine.Watch | None = None,
    ) -> Iterator[Result]:
        """Run the tests whose full name (`data.package.test_x`) matches the pattern, an RE2 expression.

        With `watching`, results hold their events, and `watch` sees them as they happen.
        """
        matches = _matcher(pattern)
        for test in self._tests:
            if matches(test.full):
                yield self._run(test, data, watching, watch)

    def events(self, result: Result, data: Value, watching: Watching) -> list[Event]:
        """Return what a test does when it is run once more, watched."""
        for test in self._tests:
            if (spelled.path(test.package), test.name) == (result.package, result.name):
                return self._run(test, data, watching, None).events
        return []

    def _run(self, test: _Test, data: Value, watching: Watching | None, watch: engine.Watch | None) -> Result:
        result = Result(test.rule.span.location(), spelled.path(test.package), test.name)
        if test.path[-1].startswith(SKIPPED):
            result.skipped = True
            return result
        events: list[Event] = []

        def take(event: Event) -> None:
            events.append(event)
            if watch is not None:
                watch(event)

        printed: list[str] = []
        refusals: list[EvaluationError] = []
        policy = self._policy(watching or (Watching() if test.cases else None))
        started = time.perf_counter_ns()
        try:
            value = policy.evaluate(
                test.full, data=data, sink=lambda text, _: printed.append(text), errors=refusals, watch=take
            )
        except EvaluationError as error:
            result.error = error
            value = UNDEFINED
        result.nanoseconds = time.perf_counter_ns() - started
        result.refusals = tuple(dict.fromkeys(map(str, refusals)))
        result.output = "".join([f"{line}\n" for line in printed])
        if result.error is None:
            _judge(result, test, value, events)
        if watching is not None:
            result.events = _asked(test, events, defined=value is not UNDEFINED)
        return result


def _replaceable() -> dict[str, registry.Builtin]:
    # A test replaces what policies here may not call (`with http.send as answer`); otherwise the call has no answer.
    return {name: replace(each, refused="") for name, each in registry.table().items() if each.refused}


def _test_path(path: nodes.Path) -> nodes.Path:
    # Up to the first part that makes it a test; nothing for other rules.
    for index, part in enumerate(path):
        if part.startswith((PREFIX, SKIPPED)):
            return path[: index + 1]
    return ()


def _matcher(pattern: str) -> Callable[[str], bool]:
    if not pattern:
        return lambda name: True
    match: Any = registry.table()["regex.match"].function
    return lambda name: bool(match(pattern, name))


# --- judging -----------------------------------------------------------------------------------------------


def _judge(result: Result, test: _Test, value: Value, events: list[Event]) -> None:
    if value is UNDEFINED:
        result.failed = True
    elif test.cases:
        result.cases = _cases(value)
        _add_started(result.cases, events)
        result.failed = any(case.failed for case in result.cases.values())
    else:
        result.failed = value is not True


def _cases(value: Value) -> dict[str, Case]:
    if type(value) is not dict and type(value) is not Object:
        return {}
    found = {}
    for name, inner in value.items():
        text = key_text(name)
        nested = _cases(inner)
        failed = any(case.failed for case in nested.values()) if nested else inner is not True
        found[text] = Case(text, failed, nested)
    return found


def _add_started(cases: dict[str, Case], events: list[Event]) -> None:
    # A case that was begun and has no value has failed; its events are those up to the next one's beginning.
    begun = [index for index, event in enumerate(events) if event.op == "Case"]
    for start, end in zip(begun, [*begun[1:], len(events)], strict=True):
        names = [key_text(value) for value in events[start].values.values()]
        _begin(cases, names, events[:end])


def _begin(cases: dict[str, Case], names: Sequence[str], events: list[Event]) -> bool:
    case = cases.setdefault(names[0], Case(names[0], True))
    if len(names) == 1:
        case.events = events
        return case.failed
    failed = _begin(case.cases, names[1:], events)
    case.failed = any(each.failed for each in case.cases.values()) or failed
    return failed


def _asked(test: _Test, events: list[Event], *, defined: bool) -> list[Event]:
    # As OPA tells it: the test is an answer to a query.
    span = Span(Source(engine.QUERY, test.full), 0, len(test.full))
    body = Site("body", f"{test.full} = _", span)
    asked = Site("expression", f"{test.full} = _", span, index=0)

    def told(op: Any, site: Site) -> Event:
        return Event(op, site, _QUERY_FRAME, 0, {})

    inner = [replace(event, parent=_QUERY_FRAME) if event.parent == 0 else event for event in events]
    found = [told("Enter", body), told("Eval", asked), *inner]
    if not defined:
        return [*found, told("Fail", asked)]
    return [*found, told("Exit", body), told("Redo", body), told("Redo", asked)]
