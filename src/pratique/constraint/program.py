"""A template's Rego, compiled: checked as Gatekeeper does, then one function a set of parameters.

In: a `Template`. Out: `Program`, which answers `input.review` with the elements of `violation`. Refusals
carry the place in the Rego and, where the YAML is known, in the YAML; their `status` is Gatekeeper's text
(gatekeeper.md 2.4). Compiled code is kept by content in `Programs`, one per library or shared by several.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Final

from pratique import rego
from pratique.constraint import external, modules
from pratique.constraint.errors import INGEST_ERROR, TemplateError, TemplateProblem
from pratique.constraint.template import Template
from pratique.errors import Location
from pratique.rego.observe import explain
from pratique.rego.plan.scope import Watching
from pratique.rego.runtime.tracing import Event

MODULE: Final = "template"
RULE: Final = "violation"
EMPTY: Final = "empty module"
# What a module that reads data has in its text: `metadata` is another word.
_DATA: Final = re.compile(r"\bdata\b")

Sink = Callable[[str, Location], None]
Trace = Callable[[str], None]


# What answers an input and data.
Answer = Callable[[Any, Any], Any]


class Program:
    """Compiled Rego for one set of parameters.

    `answer` takes the input, which is `{"review": ..., "parameters": parameters}`, and data with the inventory; it
    returns the value of `violation`, and raises `rego.EvaluationError` when the policy fails.
    """

    __slots__ = ("answer", "parameters")

    def __init__(self, parameters: Any, answer: Answer) -> None:
        """Take what answers, and what it is asked with."""
        self.parameters = parameters
        self.answer = answer

    def run(self, review: Mapping[str, Any], data: Mapping[str, Any]) -> Any:
        """Return the value of `violation` for a review."""
        # `input` is handed over whole: templates pass it on to functions of their own.
        return self.answer({"review": review, "parameters": self.parameters}, data)


def _traced(policy: Any, entrypoint: str, sink: Sink | None, trace: Trace) -> Answer:
    """Return what answers and tells each time how it came to that."""

    def answer(given: Any, data: Any) -> Any:
        events: list[Event] = []
        try:
            return policy.evaluate(entrypoint, given, data=data, sink=sink, watch=events.append)
        finally:
            trace(explain.pretty(explain.select(events, "full"), query=""))

    return answer


class Programs:
    """Compiled programs by content, so that the same text and parameters are compiled once."""

    def __init__(
        self,
        *,
        ask: external.Ask | None = external.nobody,
        sink: Sink | None = None,
        trace: Trace | None = None,
        store: MutableMapping[str, bytes] | None = None,
    ) -> None:
        """Keep nothing yet.

        `ask` reaches providers of external data, and without it policies have no `external_data`; `sink` hears
        what policies print, `trace` each evaluation told step by step: both cost time. `store` keeps compiled
        code beyond this process; what it answers is run, so nobody else may write to it.
        """
        self._sink = sink
        self._trace = trace
        # What tells its steps is compiled anew each time.
        self._store = store if trace is None else None
        self._builtins = {} if ask is None else {"external_data": external.builtin(ask)}
        self._found: dict[str, Any] = {}
        self._frames: dict[str, tuple[list[rego.Source], str]] = {}
        self._good: set[str] = set()

    def check(self, template: Template, *, strict: bool = False) -> str:
        """Compile a template without parameters, and return the name of its entry point.

        With `strict`, what is unused or deprecated is refused too, as `opa check --strict` does.

        Raises `TemplateError`.
        """
        sources, entrypoint = self._frame(template)
        if strict:
            self._compiled(template, sources, entrypoint, None, strict=True)
        digest = self._digest(template, None)
        if digest not in self._good and not (self._store is not None and digest in self._store):
            self._keep(digest, self._compiled(template, sources, entrypoint, None))
        self._good.add(digest)
        return entrypoint

    def program(self, template: Template, parameters: Any) -> Program:
        """Return the program of one constraint."""
        sources, entrypoint = self._frame(template)
        try:
            policy = self._compile(template, sources, entrypoint, parameters)
        except TemplateError:
            # What is wrong with these parameters must show when the policy runs, as a violation of this constraint.
            policy = self._compile(template, sources, entrypoint, None)
        if self._trace is not None:
            return Program(parameters, _traced(policy, entrypoint, self._sink, self._trace))
        return Program(parameters, policy.bound(entrypoint, sink=self._sink))

    def inventory_kinds(self, template: Template) -> set[tuple[str, str]]:
        """Return the (group and version, kind) that a template reads of the inventory, `*` for any."""
        digest = f"{self._digest(template, None)}-inventory"
        stored = None if self._store is None else self._store.get(digest)
        if stored:
            # What is no list of pairs comes from elsewhere, and is written anew.
            with contextlib.suppress(ValueError, TypeError):
                return {(version, kind) for version, kind in json.loads(stored)}
        sources, _ = self._frame(template)
        found: set[tuple[str, str]] = set()
        if any(_DATA.search(source.text) for source in sources):
            found = modules.inventory_kinds([rego.parse_module(source) for source in sources])
        if self._store is not None:
            self._store[digest] = json.dumps(sorted(found)).encode()
        return found

    def _frame(self, template: Template) -> tuple[list[rego.Source], str]:
        digest = f"{self._digest(template, None)}-entrypoint"
        found = self._frames.get(digest)
        if found is None:
            sources = _sources(template)
            stored = None if self._store is None else self._store.get(digest)
            entrypoint = stored.decode() if stored else _checked_frame(template, sources)
            if self._store is not None and not stored:
                self._store[digest] = entrypoint.encode()
            found = self._frames[digest] = (sources, entrypoint)
        return found

    def _compile(
        self,
        template: Template,
        sources: list[rego.Source],
        entrypoint: str,
        parameters: Mapping[str, Any] | None,
    ) -> Any:
        digest = self._digest(template, parameters)
        found = self._found.get(digest)
        if found is None:
            found = self._restored(digest)
        if found is None:
            found = self._compiled(template, sources, entrypoint, parameters)
            self._keep(digest, found)
        self._found[digest] = found
        return found

    def _compiled(
        self,
        template: Template,
        sources: list[rego.Source],
        entrypoint: str,
        parameters: Mapping[str, Any] | None,
        *,
        strict: bool = False,
    ) -> Any:
        folded = parameters is not None and self._trace is None  # a trace speaks of what is written
        constants = {"input.parameters": parameters} if folded else None
        try:
            return rego.compile(
                sources,
                entrypoints=[entrypoint],
                constants=constants,
                builtins=self._builtins,
                capabilities=rego.Capabilities(strict=strict),
                # A library that is not there is undefined, as in Gatekeeper.
                data_roots=("inventory", "lib"),
                printing=self._sink is not None,
                watched=None if self._trace is None else Watching(),
            )
        except rego.CompileError as error:
            raise _refusal(template, error.problems, "unable to compile modules") from error

    def _restored(self, digest: str) -> Any:
        data = None if self._store is None else self._store.get(digest)
        if data is None:
            return None
        try:
            return rego.restore(data, builtins=self._builtins)
        except ValueError:
            return None  # another build left it: it is compiled and written anew

    def _keep(self, digest: str, policy: Any) -> None:
        if self._store is not None:
            self._store[digest] = policy.dump()

    def _digest(self, template: Template, parameters: Mapping[str, Any] | None) -> str:
        source = template.rego
        content = [
            rego.FINGERPRINT,
            self._sink is not None,
            sorted(self._builtins),
            source.version,
            source.rego,
            *source.libs,
            parameters,
        ]
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def sources(template: Template) -> list[rego.Source]:
    """Return the modules of a template, checked to be what Gatekeeper takes. Raises `TemplateError`."""
    found = _sources(template)
    _checked_frame(template, found)
    return found


def _sources(template: Template) -> list[rego.Source]:
    source = template.rego
    texts = [(MODULE, source.rego), *((f"lib{index}", text) for index, text in enumerate(source.libs))]
    # Gatekeeper 3.23 runs templates in OPA 1.17.
    return [rego.Source(name, text, source.version, newest=False) for name, text in texts]


def _checked_frame(template: Template, sources: list[rego.Source]) -> str:
    """Return the entry point of modules that have the frame which Gatekeeper asks for."""
    main, *libs = sources
    try:
        package = modules.check(main, libs, required=RULE)
    except rego.CompileError as error:
        raise _refusal(template, error.problems, "invalid ConstraintTemplate") from error
    except modules.ModuleError as error:
        raise _module_refusal(template, error) from error
    return f"data.{package}.{RULE}"


def _module_refusal(template: Template, error: modules.ModuleError) -> TemplateError:
    problem = TemplateProblem(
        INGEST_ERROR, error.message, error.location, in_yaml(template, error.location), error.hint
    )
    return TemplateError(
        error.message,
        problem.location or error.location,
        code=INGEST_ERROR,
        status=f"Could not ingest Rego: {error.status}",
        problems=(problem,),
        hint=error.hint,
    )


def _refusal(template: Template, problems: Any, prefix: str) -> TemplateError:
    found = tuple(
        TemplateProblem(
            INGEST_ERROR,
            "\n\t".join([f"{problem.code}: {problem.message}", *problem.details]),
            problem.location,
            in_yaml(template, problem.location),
            problem.hint,
        )
        for problem in problems
    )
    first = found[0]
    lines = [_opa_text(problem) for problem in problems]
    if len(lines) > 1:
        status = f"{prefix}: {len(lines)} errors occurred:\n" + "\n".join(lines)
    elif problems[0].message == EMPTY:
        # What has no text has no place, and OPA tells it as it is.
        status = f"{prefix}: {modules.told_file(problems[0].location.file)}:0: {found[0].message}"
    else:
        status = f"{prefix}: 1 error occurred: {lines[0]}"
    return TemplateError(
        first.message,
        first.location or template.place(template.rego.path),
        code=INGEST_ERROR,
        status=f"Could not ingest Rego: {status}",
        problems=found,
        hint=first.hint,
    )


def _opa_text(problem: Any) -> str:
    """Return a problem as OPA prints it, with what explains it: the line and a caret, or lines of its own."""
    place: Location = problem.location
    text = f"{modules.told_file(place.file)}:{place.line}: {problem.code}: {problem.message}"
    if problem.code == "rego_parse_error" and place.text:
        text += f"\n\t{place.text}\n\t{' ' * (place.column - 1)}^"
    return "\n\t".join([text, *problem.details])


def in_yaml(template: Template, place: Location | None) -> Location | None:
    """Return where a place in a template's Rego stands in the template's file, if the file is known."""
    document = template.document
    if document is None or place is None:
        return None
    if place.file == MODULE:
        return document.inside(template.rego.path, place.line, place.column)
    index = place.file.removeprefix("lib")
    if not index.isdigit():
        return None
    return document.inside((*template.rego.libs_path, int(index)), place.line, place.column)
