"""The way in: compile a policy, evaluate it, ask a query.

Comes in: sources of Rego, and documents as plain Python values. Goes out: values (`runtime.values`), lists of
bindings for a query, or one error that speaks of the policy's own lines. The passes are called in order in
`compile`; nothing else in the project calls them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pratique.errors import InputError, Location
from pratique.rego import nodes, stored
from pratique.rego.builtins import registry
from pratique.rego.check import Capabilities, check, check_query
from pratique.rego.emit.module import Emitted, emit, load
from pratique.rego.ending import failed, refuse_large
from pratique.rego.errors import COMPILE_ERROR, CompileError, Problem, shallow
from pratique.rego.parse import module_data, parse_module, parse_query
from pratique.rego.plan import ir
from pratique.rego.plan.optimise import optimise
from pratique.rego.plan.policy import plan
from pratique.rego.plan.scope import Watching
from pratique.rego.plan.text import render
from pratique.rego.runtime import documents
from pratique.rego.runtime.errors import NOWHERE, EvaluationError
from pratique.rego.runtime.state import MISSING, Limits, State
from pratique.rego.runtime.tracing import Event, Tracer
from pratique.rego.runtime.values import UNDEFINED, Value
from pratique.rego.runtime.work import METER, ROUND
from pratique.rego.source import Source, Version

Sink = Callable[[str, Location], None]
Watch = Callable[[Event], None]
# Makes the syntax tree and the plan of a policy.
Stages = Callable[[], tuple[nodes.Checked, ir.Plan]]
LIMITS: Final = Limits()
# A part of an entrypoint: `.name` or `["name"]`.
_PART: Final = re.compile(r'\.?([^.\[]+)|\["((?:[^"\\]|\\.)*)"\]')
# The file of a query's own places, and its entrypoint.
QUERY: Final = "query"


# Builtins stand below the parser: the one that needs it is registered here.
@registry.builtin("rego.parse_module", "string, string -> object", group="debugging")
def parsed_module(name: Value, text: Value) -> Value:
    """Return the syntax tree of a module of Rego v1 as data."""
    try:
        return module_data(parse_module(Source(name, text, "v1")))
    except CompileError as error:
        found = [f"{each.location}: {each.code}: {each.message}" for each in error.problems]
        count = "1 error occurred: " if len(found) == 1 else f"{len(found)} errors occurred:\n"
        raise registry.RefusalError(count + "\n".join(found)) from None


@dataclass(frozen=True, slots=True)
class Policy:
    """A compiled policy: evaluate it as often as you like, from any number of threads.

    >>> from pratique import rego
    >>> text = 'package a\\ndeny contains "no owner" if not input.labels.owner\\n'
    >>> policy = rego.compile([rego.Source("a.rego", text)])
    >>> policy.evaluate("data.a.deny", {"labels": {}})
    Set(['no owner'])
    >>> policy.evaluate("data.a.deny", {"labels": {"owner": "red"}})
    Set([])
    """

    tree: ir.Plan
    emitted: Emitted
    limits: Limits
    strict: bool
    _namespace: dict[str, Any] = field(repr=False)
    _entries: dict[str, Callable[[State], Value]] = field(repr=False)
    _blank: list[Value] = field(repr=False)
    # The stages before the emitted module; they are made again for who asks, since they are larger than all the rest.
    _made: Stages | None = field(default=None, repr=False)
    _watched: bool = False
    # The query that the entrypoint `QUERY` answers, in the order in which it is evaluated.
    query: nodes.Body = ()

    def evaluate(
        self,
        entrypoint: str,
        value: Value = UNDEFINED,
        data: Value = None,
        *,
        limits: Limits | None = None,
        sink: Sink | None = None,
        errors: list[EvaluationError] | None = None,
        watch: Watch | None = None,
    ) -> Value:
        """Return the document at `entrypoint` (`data.package.rule`) for this input, or UNDEFINED.

        `sink` takes what `print` says; refusals of builtins, which make a call undefined, are added to `errors`.
        `watch` takes what happens, step by step, in a policy that was compiled to be watched.
        """
        entry = self._entries.get(entrypoint)
        if entry is None:
            entry = self._entries[entrypoint] = self._entry(entrypoint)
        state = State()
        state.input = value
        state.data = {} if data is None else data
        state.limits = known = limits or self.limits
        state.left = known.allowance
        state.spent = known.counted
        if self._blank:
            state.cache = self._blank.copy()
        if self.strict:
            state.strict = True
        if sink is not None:
            state.sink = sink
        if self._watched:
            state.tracer = Tracer(watch or _unwatched)
        METER.left = ROUND
        try:
            found = entry(state)
        except Exception as error:
            failure = failed(self.emitted, error)
            raise failure from failure.__cause__
        if state.spent:
            refuse_large(found, known, self.emitted, entry)
        if errors is not None and state.errors:
            errors.extend(state.errors)
        return found

    def bound(self, entrypoint: str, *, sink: Sink | None = None) -> Callable[[Value, Value], Value]:
        """Return `evaluate` for one entrypoint, as a function of input and data: what is asked again and again.

        >>> from pratique import rego
        >>> policy = rego.compile([rego.Source("a.rego", "package a\\np := input.x + data.y\\n")])
        >>> policy.bound("data.a.p")({"x": 1}, {"y": 2})
        3
        """
        entry, emitted, blank = self._entry(entrypoint), self.emitted, self._blank
        limits, strict = self.limits, self.strict

        def answer(value: Value, data: Value) -> Value:
            state = State()
            state.input = value
            state.data = data
            state.limits = limits
            state.left = limits.allowance
            state.spent = limits.counted
            if blank:
                state.cache = blank.copy()
            if strict:
                state.strict = True
            if sink is not None:
                state.sink = sink
            METER.left = ROUND
            try:
                found = entry(state)
            except Exception as error:
                failure = failed(emitted, error)
                raise failure from failure.__cause__
            if state.spent:
                refuse_large(found, limits, emitted, entry)
            return found

        return answer

    @property
    def checked(self) -> nodes.Checked | None:
        """The syntax tree; None for a policy that was restored."""
        return None if self._made is None else self._made()[0]

    @property
    def plan(self) -> ir.Plan:
        """The plan; the tree of rules alone for a policy that was restored."""
        return self.tree if self._made is None else self._made()[1]

    def stages(self) -> dict[str, str]:
        """Return the policy after each pass, as text: syntax tree, plan, Python and its table of constants.

        Raises InputError for a policy that was restored.
        """
        if self._made is None:
            raise InputError("this policy was restored from a store", hint="compile it to see its stages")
        checked, planned = self._made()
        rules = [rule for group in checked.rules.values() for rule in group]
        table = [f"{name} = {_shown(value)}" for name, value in self.emitted.constants.items()]
        return {
            "tree": "\n".join(map(repr, rules)) + "\n",
            "plan": render(planned),
            "python": self.emitted.source,
            "constants": "\n".join(table) + "\n",
        }

    def dump(self) -> bytes:
        """Return the policy as bytes for `restore`: code, which only we may be able to write where it is kept."""
        return stored.dump(self.emitted, self.tree)

    def _entry(self, entrypoint: str) -> Callable[[State], Value]:
        head, *names = [name or json.loads(f'"{quoted}"') for name, quoted in _PART.findall(entrypoint)]
        if head != "data":
            raise InputError(f"`{entrypoint}` is no entrypoint", hint="write `data.package.rule`")
        node = self._namespace["N0"]
        for name in names:
            node = node.children.get(name)
            if node is None:
                break
        else:
            if node.rule is not None and not node.joined and not self.tree.mocked:
                rule: Callable[[State], Value] = node.rule
                return rule
        root, path = self._namespace["N0"], tuple(names)
        return lambda state: documents.at(state, root, path)


def _shown(value: Any) -> str:
    """Return a constant as text that is the same in every process: a function by its name, a set in order."""
    if isinstance(value, frozenset):
        return f"frozenset({{{', '.join(sorted(map(repr, value)))}}})"
    return f"<{value.__qualname__}>" if hasattr(value, "__qualname__") else repr(value)


def _unwatched(_: Event) -> None:
    """Drop an event of a policy that could be watched."""


@shallow
def compile(  # noqa: PLR0913  # named as in the contract; every option has a default
    sources: Iterable[Source],
    *,
    entrypoints: Sequence[str] = (),
    constants: Mapping[str, Value] | None = None,
    capabilities: Capabilities | None = None,
    builtins: Mapping[str, registry.Builtin] | None = None,
    limits: Limits = LIMITS,
    strict: bool = False,
    data_roots: Sequence[str] | None = None,
    printing: bool = False,
    watched: Watching | None = None,
    optimised: bool = True,
) -> Policy:
    """Compile modules into a policy.

    `constants` are parts of the input that are known now (`{"input.parameters": {...}}`); without `optimised`,
    every rule is compiled as it stands, and they are not looked at. With `strict`, the refusal of a builtin ends
    an evaluation instead of making the call undefined. With `data_roots`, a reference to other base data is
    refused. A policy compiled to be `watched` can tell what an evaluation does, and is slower.

    Raises CompileError.

    >>> from pratique import rego
    >>> text = "package a\\nallow if input.image in input.parameters.images\\n"
    >>> known = {"input.parameters": {"images": ["web:1"]}}
    >>> policy = rego.compile([rego.Source("a.rego", text)], constants=known)
    >>> policy.evaluate("data.a.allow", {"image": "web:1", "parameters": known["input.parameters"]})
    True
    """
    listed = list(sources)

    def made() -> tuple[nodes.Checked, ir.Plan]:
        checked = check_sources(listed, capabilities=capabilities, builtins=builtins, printing=printing)
        planned = plan(checked, printing=printing, watched=watched)
        _check_roots(planned, data_roots)
        if optimised:
            known = {} if planned.input_replaced else _paths(constants or {})
            planned = optimise(planned, {**registry.table(), **(builtins or {})}, known, strict=strict)
        return checked, planned

    _, planned = made()
    return _policy(planned, made, builtins, limits=limits, strict=strict, entrypoints=entrypoints)


def restore(
    data: bytes, *, builtins: Mapping[str, registry.Builtin] | None = None, limits: Limits = LIMITS
) -> Policy:
    """Return the policy that `Policy.dump` made bytes of.

    >>> from pratique import rego
    >>> kept = rego.compile([rego.Source("a.rego", "package a\\n\\np := input.x + 1\\n")]).dump()
    >>> rego.restore(kept).evaluate("data.a.p", {"x": 1})
    2

    Raises ValueError when the bytes are something else, or name a builtin that is not there.
    """
    emitted, tree, code = stored.load(data, builtins or {})
    namespace = load(emitted, tree, code)
    return Policy(tree, emitted, limits, False, namespace, {}, [MISSING] * emitted.slots)


def query(  # noqa: PLR0913  # as for compile
    sources: Iterable[Source],
    text: str,
    *,
    input: Value = UNDEFINED,  # the document's own name
    data: Value = None,
    builtins: Mapping[str, registry.Builtin] | None = None,
    limits: Limits = LIMITS,
    strict: bool = False,
    sink: Sink | None = None,
    capabilities: Capabilities | None = None,
    version: Version = "v1",
) -> list[dict[str, Value]]:
    """Return one dict of variables for each way in which the query holds.

    Raises CompileError, EvaluationError.

    >>> from pratique import rego
    >>> rego.query([], "some name, size in input; size > 1", input={"a": 1, "b": 2, "c": 3})
    [{'name': 'b', 'size': 2}, {'name': 'c', 'size': 3}]
    """
    options = _options(capabilities, builtins, sink is not None)
    policy = compile_query(
        check_sources(sources, **options),
        parse_query(Source(QUERY, text, version)),
        builtins=builtins,
        limits=limits,
        strict=strict,
        capabilities=capabilities,
        printing=sink is not None,
    )
    found: list[dict[str, Value]] = policy.evaluate(QUERY, input, data, sink=sink)
    return found


@shallow
def compile_query(  # noqa: PLR0913  # as for compile
    checked: nodes.Checked,
    body: nodes.Body,
    *,
    module: nodes.Module | None = None,
    builtins: Mapping[str, registry.Builtin] | None = None,
    limits: Limits = LIMITS,
    strict: bool = False,
    capabilities: Capabilities | None = None,
    printing: bool = False,
    watched: Watching | None = None,
) -> Policy:
    """Return a policy whose entrypoint `QUERY` answers a parsed query: a list of dicts of its variables.

    `checked` are the modules that it asks, from `check_sources` with the same options. The query is
    read as part of `module`, if there is one. Raises CompileError.
    """
    options = _options(capabilities, builtins, printing)
    asked = check_query(body, checked, module=module, **options)
    planned = plan(checked, query=asked, printing=printing, watched=watched)
    number = len(planned.rules) - 1
    planned = optimise(planned, {**registry.table(), **(builtins or {})}, strict=strict)
    made = checked, planned
    policy = replace(_policy(planned, lambda: made, builtins, limits=limits, strict=strict), query=asked.body)
    policy._entries[QUERY] = policy._namespace[f"r{number}"]
    return policy


def _options(
    capabilities: Capabilities | None, builtins: Mapping[str, registry.Builtin] | None, printing: bool
) -> dict[str, Any]:
    return {"capabilities": capabilities or Capabilities(), "builtins": builtins or {}, "printing": printing}


@shallow
def check_sources(
    sources: Iterable[Source],
    *,
    capabilities: Capabilities | None,
    builtins: Mapping[str, registry.Builtin] | None,
    printing: bool,
) -> nodes.Checked:
    """Return the modules, parsed and checked. Raises CompileError with the problems of all that do not parse."""
    return check(parse_sources(sources), **_options(capabilities, builtins, printing))


def parse_sources(sources: Iterable[Source]) -> list[nodes.Module]:
    """Return the modules. Raises CompileError with the problems of all that do not parse."""
    modules: list[nodes.Module] = []
    problems: list[Problem] = []
    for source in sources:
        try:
            modules.append(parse_module(source))
        except CompileError as error:
            problems.extend(error.problems)
    if problems:
        raise CompileError(problems)
    return modules


@shallow
def compile_modules(
    modules: Sequence[nodes.Module],
    *,
    capabilities: Capabilities | None = None,
    builtins: Mapping[str, registry.Builtin] | None = None,
    limits: Limits = LIMITS,
    printing: bool = False,
    watched: Watching | None = None,
) -> Policy:
    """Compile modules that are parsed already into a policy. Raises CompileError."""
    checked = check(modules, **_options(capabilities, builtins, printing))
    planned = plan(checked, printing=printing, watched=watched)
    return _policy(planned, lambda: (checked, planned), builtins, limits=limits, strict=False)


def _policy(
    planned: ir.Plan,
    made: Stages,
    builtins: Mapping[str, registry.Builtin] | None,
    *,
    limits: Limits,
    strict: bool,
    entrypoints: Sequence[str] = (),
) -> Policy:
    table = {**registry.table(), **(builtins or {})}
    emitted = emit(planned, table)
    try:
        namespace = load(emitted, planned)
    except SyntaxError as error:
        # Python nests at most twenty loops.
        raise CompileError([_too_deep(emitted, error)]) from None
    policy = Policy(
        replace(planned, rules=(), bases=()),
        emitted,
        limits,
        strict,
        namespace,
        {},
        [MISSING] * emitted.slots,
        made,
        planned.watched,
    )
    for entrypoint in entrypoints:
        policy._entries[entrypoint] = policy._entry(entrypoint)
    return policy


def _too_deep(emitted: Emitted, error: SyntaxError) -> Problem:
    span = emitted.places[(error.lineno or 1) - 1]
    place = NOWHERE if span is None else span.location()
    hint = "move the inner part into a rule or a function of its own"
    return Problem(COMPILE_ERROR, "this nests too many loops", place, hint)


def _paths(constants: Mapping[str, Value]) -> dict[tuple[str, ...], Value]:
    found = {}
    for path, value in constants.items():
        head, *names = path.split(".")
        if head != "input":
            raise InputError(f"`{path}` is not part of the input", hint="write `input.name`")
        found[tuple(names)] = value
    return found


def _check_roots(planned: ir.Plan, roots: Sequence[str] | None) -> None:
    if roots is None:
        return
    wrong = [(name, span) for name, span in planned.bases if name not in roots]
    if wrong:
        allowed = ", ".join([f"`data.{name}`" for name in roots]) or "its own rules"
        raise CompileError(
            [
                Problem(
                    COMPILE_ERROR,
                    f"`data.{name}` is not available to this policy"
                    if name
                    else "`data` as a whole is not available",
                    span.location(),
                    f"read {allowed} only",
                )
                for name, span in wrong
            ]
        )
