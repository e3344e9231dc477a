"""`pratique eval`: a Rego query over policies, data and an input, as `opa eval` answers it."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pratique.cli import output
from pratique.cli.rego import options
from pratique.errors import InputError, Location

if TYPE_CHECKING:
    from pratique import rego
    from pratique.cli.rego.loading import Loaded
    from pratique.cli.rego.presentation import Outcome
    from pratique.rego.asking import Question
    from pratique.rego.observe.coverage import Coverage
    from pratique.rego.observe.explain import Mode
    from pratique.rego.plan.scope import Watching
    from pratique.rego.runtime.tracing import Event

_KINDS = ("index_excluded", "early_exit")
# `-o`, as every command here has it, in the names that `-f` has.
_OUTPUTS = {"json": "json", "yaml": "yaml", "table": "pretty"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The command's options, under their own names."""

    query: str | None
    stdin: bool
    paths: tuple[str, ...]
    bundles: tuple[str, ...]
    ignore: tuple[str, ...]
    input_path: str | None
    stdin_input: bool
    form: str | None
    output: str | None
    package: str
    imports: tuple[str, ...]
    v0_compatible: bool
    v1_compatible: bool
    strict: bool
    schema: str | None
    strict_builtin_errors: bool
    show_builtin_errors: bool
    fail: bool
    fail_defined: bool
    explain: str
    var_values: bool
    profile: bool
    profile_limit: int
    profile_sort: tuple[str, ...]
    metrics: bool
    instrument: bool
    coverage: bool
    coverage_runs: str | None
    disable_indexing: bool
    disable_early_exit: bool
    pretty_limit: int
    timeout: float
    count: int


@click.command()
@click.argument("query", required=False)
@click.option("--stdin", is_flag=True, help="Read the query from standard input.")
@click.option(
    "-d",
    "--data",
    "paths",
    multiple=True,
    type=click.Path(),
    help="A policy (.rego), data (.json, .yaml), or a folder of both; prefix:path puts data below a name. "
    "May be given several times.",
)
@click.option(
    "-b",
    "--bundle",
    "bundles",
    multiple=True,
    type=click.Path(),
    help="A folder that is laid out as a bundle.",
)
@options.ignore
@click.option("-i", "--input", "input_path", type=click.Path(), help="The input document; - reads it.")
@click.option("-I", "--stdin-input", is_flag=True, help="Read the input document from standard input.")
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["json", "values", "bindings", "pretty", "raw", "discard"]),
    help="How to print the answer.  [default: json]",
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json", "yaml"]),
    help="How to print the answer, as other commands have it: table is -f pretty.",
)
@click.option("--package", default="", help="The package that the query is read in.")
@click.option(
    "--import", "imports", multiple=True, help="An import for the query; may be given several times."
)
@options.versions
@options.v1
@click.option("-S", "--strict", is_flag=True, help="Compile in strict mode: refuse what is unused.")
@click.option("--strict-builtin-errors", is_flag=True, help="End at the first error of a builtin.")
@click.option(
    "--show-builtin-errors", is_flag=True, help="Show the errors of builtins; none of them is fatal."
)
@click.option("--fail", is_flag=True, help="Exit with 1 when the answer is undefined or empty.")
@click.option("--fail-defined", is_flag=True, help="Exit with 1 when the answer is defined.")
@click.option(
    "--explain",
    type=click.Choice(["off", "full", "notes", "fails", "debug"]),
    default="off",
    show_default=True,
    help="Tell the evaluation step by step.",
)
@click.option("--var-values", is_flag=True, help="Show the values of variables in an explanation.")
@click.option("--profile", is_flag=True, help="Show where time is spent, by line of the policy.")
@click.option("--profile-limit", type=int, default=10, show_default=True, help="How many lines to show.")
@click.option(
    "--profile-sort",
    multiple=True,
    help="What to sort lines by: total_time_ns, num_eval, num_redo, num_gen_expr, file, line.",
)
@click.option("--metrics", is_flag=True, help="Show how long each stage takes.")
@click.option("--instrument", is_flag=True, help="As --metrics.")
@click.option("--coverage", is_flag=True, help="Show which parts of the policy were evaluated.")
@click.option("--coverage-runs", help="What may explain a part that was not: index_excluded, early_exit.")
@click.option(
    "--disable-indexing", is_flag=True, help="Let explanations enter rules that an index leaves out."
)
@click.option(
    "--disable-early-exit", is_flag=True, help="Let explanations go on behind a rule's first answer."
)
@click.option("--pretty-limit", type=int, default=0, help="The widest cell of a table; default none.")
@click.option(
    "--timeout", type=options.DURATION, default=0.0, help="The longest evaluation, as 5s; default none."
)
@click.option("--count", type=click.IntRange(min=1), default=1, help="How often to evaluate, for figures.")
@options.refused_flag("-p/--partial", "partial evaluation is not built; evaluate with the whole input")
@options.refused("-u/--unknowns", "partial evaluation is not built; evaluate with the whole input")
@options.schema
@options.refused("--capabilities", "leave builtins out by reviewing policies; http.send is always off")
@options.refused("-t/--target", "policies are compiled to Python only")
@options.refused("-O/--optimize", "policies are always compiled as they will run")
@options.refused("-e/--entrypoint", "name the rule in the query, as `data.package.rule`")
def eval(**given: Any) -> None:  # the command's own name
    """Evaluate QUERY and print its results, for example: pratique eval -d policy.rego 'data.main.deny'.

    Exit codes: 0 answered, 1 for --fail and --fail-defined, 2 when something is wrong.
    """
    from pratique.cli.rego import presentation

    settings = Settings(**given)
    form = _form(settings)
    run = _Run(settings)
    outcome = run.outcome(form)
    click.echo(presentation.render(outcome, form, limit=settings.pretty_limit), nl=False)
    if run.failed is not None:
        sys.exit(run.failed.exit_code)
    if (settings.fail and not outcome.rows) or (settings.fail_defined and outcome.rows):
        sys.exit(1)


def _form(settings: Settings) -> str:
    if settings.form and settings.output and _OUTPUTS[settings.output] != settings.form:
        raise InputError(
            f"-f {settings.form} and -o {settings.output} ask for two formats", hint="give one of them"
        )
    if settings.strict_builtin_errors and settings.show_builtin_errors:
        raise InputError(
            "--strict-builtin-errors and --show-builtin-errors exclude each other",
            hint="the first ends at the error that the second would show",
        )
    return settings.form or _OUTPUTS.get(settings.output or "", "json")


@dataclass(slots=True)
class _Run:
    """One call of the command: what was loaded, and what watches the evaluation."""

    settings: Settings
    failed: Any = None
    events: list[Event] = field(default_factory=list)

    def outcome(self, form: str) -> Outcome:
        """Load, compile and evaluate; an error becomes part of the outcome where JSON is asked for."""
        from pratique import rego
        from pratique.cli.rego import loading
        from pratique.cli.rego.presentation import Outcome, problem_data

        settings = self.settings
        outcome = Outcome()
        version = options.choose(settings.v0_compatible, settings.v1_compatible)
        query, given = self._documents()
        started = time.perf_counter_ns()
        loaded = loading.load(settings.paths, version, ignore=options.listed(settings.ignore))
        bundled = loading.load(settings.bundles, version, ignore=options.listed(settings.ignore), bundle=True)
        loaded.add(bundled)
        taken = time.perf_counter_ns() - started
        try:
            for _ in range(settings.count):
                self._once(query, given, loaded, outcome, version, taken)
        except (rego.CompileError, rego.EvaluationError) as error:
            if form not in ("json", "yaml", "discard"):
                self._explain(outcome)
                click.echo(outcome.trace, nl=False)
                raise
            self.failed = error
            outcome.errors = [problem_data(each) for each in getattr(error, "problems", (error,))]
        self._explain(outcome)
        return outcome

    def _documents(self) -> tuple[str, Any]:
        from pratique import rego
        from pratique.cli.rego import loading

        settings = self.settings
        if settings.stdin_input and settings.input_path is not None:
            raise InputError("the input is given twice", hint="give --input or --stdin-input")
        piped = settings.stdin_input or settings.input_path == "-"
        if settings.stdin is (settings.query is not None):
            raise InputError(
                "the query is given twice" if settings.stdin else "there is no query",
                hint="give it as an argument, such as 'data.main.deny', or on standard input with --stdin",
            )
        if settings.stdin and piped:
            raise InputError(
                "query and input cannot both come from standard input", hint="put the input into a file"
            )
        query = settings.query if settings.query is not None else sys.stdin.read()
        path = "-" if piped else settings.input_path
        return query, rego.UNDEFINED if path is None else loading.document(Path(path))

    def _once(  # the documents of one evaluation
        self, query: str, given: Any, loaded: Loaded, outcome: Outcome, version: Any, taken: int
    ) -> None:
        from pratique.cli.rego import gojson
        from pratique.cli.rego.presentation import problem_data
        from pratique.rego.observe.profile import Profile

        settings = self.settings
        question = self._compiled(query, loaded, version, self._watching())
        profile = Profile(query="query") if settings.profile else None
        coverage = self._coverage(loaded)
        self.events = []
        errors: list[rego.EvaluationError] = []
        with output.patience("evaluating the query"):
            answers = question.answers(
                given,
                loaded.data,
                sink=_say,
                errors=errors,
                watch=self._watch(profile, coverage),
            )
        first = not outcome.profiles and not outcome.metrics
        outcome.rows = [
            {
                "expressions": [
                    {
                        "value": gojson.plain(value),
                        "text": place.text,
                        "location": {"row": place.location().line, "col": place.location().column},
                    }
                    for value, place in zip(answer.values, question.places, strict=True)
                ],
                "bindings": {name: gojson.plain(answer.bindings[name]) for name in sorted(answer.bindings)},
            }
            for answer in answers
        ]
        if profile is not None:
            profile.finish()
            limit = settings.profile_limit
            outcome.profiles.append(profile.report(limit=limit, sort=self._sorts()))
        if settings.metrics or settings.instrument:
            timers = {**question.timers, "load_files": taken}
            outcome.metrics.append({f"timer_rego_{name}_ns": timers[name] for name in sorted(timers)})
        if settings.show_builtin_errors and first:
            outcome.errors = [problem_data(each) for each in errors]
        if coverage is not None:
            outcome.coverage = self._covered(query, given, loaded, version, coverage)

    def _sorts(self) -> tuple[str, ...]:
        from pratique.rego.observe.profile import SORTS

        found = options.listed(self.settings.profile_sort)
        for each in found:
            if each not in SORTS:
                raise InputError(f"profiles cannot be sorted by `{each}`", hint=f"take {', '.join(SORTS)}")
        return found

    # --- watching ------------------------------------------------------------------------------------------

    def _watching(self) -> Watching | None:
        from pratique.rego.plan.scope import Watching

        settings = self.settings
        if settings.explain == "off" and not (settings.profile or self._measures):
            return None
        return Watching(indexing=not settings.disable_indexing, early_exit=not settings.disable_early_exit)

    @property
    def _measures(self) -> bool:
        return self.settings.coverage or self.settings.coverage_runs is not None

    def _coverage(self, loaded: Loaded) -> Coverage | None:
        from pratique import rego
        from pratique.rego.observe.coverage import Coverage

        if not self._measures:
            return None
        return Coverage([rego.parse_module(source) for source in loaded.sources])

    def _watch(self, profile: Any, coverage: Coverage | None) -> Any:
        takers = [each.record for each in (profile, coverage) if each is not None]
        if self.settings.explain != "off":
            takers.append(self.events.append)

        def watch(event: Event) -> None:
            for take in takers:
                take(event)

        return watch

    def _covered(
        self, query: str, given: Any, loaded: Loaded, version: Any, coverage: Coverage
    ) -> dict[str, Any]:
        from pratique.rego.plan.scope import Watching

        runs = self.settings.coverage_runs
        wanted = _KINDS if runs is None else options.listed((runs,))
        others = {}
        for kind, watching in zip(
            _KINDS, (Watching(indexing=False), Watching(early_exit=False)), strict=True
        ):
            other = self._coverage(loaded)
            if kind in wanted and other is not None:
                question = self._compiled(query, loaded, version, watching)
                question.answers(given, loaded.data, watch=other.record)
                others[kind] = other
        return coverage.report(others).data()

    def _explain(self, outcome: Outcome) -> None:
        from pratique.rego.observe import explain

        if self.settings.explain == "off":
            return
        mode: Mode = self.settings.explain  # type: ignore[assignment]  # one of the option's choices
        events = explain.select(self.events, mode)
        outcome.explanation = explain.as_data(events, query="query")
        outcome.trace = explain.pretty(events, query="query", values=self.settings.var_values)

    def _compiled(self, query: str, loaded: Loaded, version: Any, watching: Watching | None) -> Question:
        from pratique import rego
        from pratique.cli.rego import loading
        from pratique.rego.asking import ask

        settings = self.settings
        return ask(
            loaded.sources,
            query,
            package=settings.package,
            imports=settings.imports,
            version=version,
            limits=rego.Limits(steps=0, seconds=settings.timeout, output=0, memory=0),
            strict=settings.strict_builtin_errors,
            capabilities=rego.Capabilities(strict=settings.strict, schemas=loading.schemas(settings.schema)),
            watched=watching,
        )


def _say(text: str, location: Location) -> None:
    # OPA prints what a policy says as it is.
    click.echo(text, err=True)
