"""`pratique rego test`: rules called `test_...`, run and reported as `opa test` does it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from pratique.cli import output
from pratique.cli.rego import options
from pratique.errors import InputError

if TYPE_CHECKING:
    from pratique.cli.rego.loading import Loaded
    from pratique.cli.rego.results import Explain
    from pratique.rego.observe.coverage import Report
    from pratique.rego.testing import Result, Suite

_KINDS = ("index_excluded", "early_exit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The command's options, under their own names."""

    paths: tuple[str, ...]
    verbose: bool
    run: str
    form: str
    coverage: bool
    coverage_runs: str | None
    threshold: float
    count: int
    timeout: float
    exit_zero_on_skipped: bool
    fail_on_empty: bool
    explain: str | None
    var_values: bool
    ignore: tuple[str, ...]
    bundle: bool
    sort: str
    parallel: int | None
    max_errors: int
    v0_compatible: bool
    v1_compatible: bool


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@click.option("-v", "--verbose", is_flag=True, help="Show every test, and how failed ones went.")
@click.option("-r", "--run", default="", metavar="REGEX", help="Run only tests whose full name matches.")
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["pretty", "json", "junit"]),
    default="pretty",
    show_default=True,
    help="How to print the results.",
)
@click.option("-c", "--coverage", is_flag=True, help="Print coverage as JSON in place of the results.")
@click.option(
    "--coverage-runs", help="What may explain a part that is not covered: index_excluded, early_exit."
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 100),
    default=0.0,
    help="Exit with 2 when coverage is below this many percent.",
)
@click.option("--count", type=click.IntRange(min=1), default=1, help="How often to run each test.")
@click.option(
    "--timeout", type=options.DURATION, default=0.0, help="The longest run of one test; default 5s."
)
@click.option(
    "-z", "--exit-zero-on-skipped", is_flag=True, help="Let skipped tests leave the exit code at 0."
)
@click.option("--fail-on-empty", is_flag=True, help="Exit with 1 when no test was run.")
@click.option(
    "--explain",
    type=click.Choice(["fails", "full", "notes", "debug"]),
    help="How to tell, with -v, how a failed test went.",
)
@click.option("--var-values", is_flag=True, help="Show the values of variables where tests failed.")
@options.ignore
@click.option("-b", "--bundle", is_flag=True, help="Read the paths as bundles.")
@click.option(
    "--sort",
    type=click.Choice(["none", "duration"]),
    default="none",
    help="Sort JSON results.",
    show_default=True,
)
@click.option("-p", "--parallel", type=int, help="Accepted for opa's sake; tests run one after the other.")
@click.option("-m", "--max-errors", type=int, default=10, help="How many compile errors to show.")
@options.versions
@options.v1
@options.refused_flag("--bench", "measure evaluations with pratique eval --metrics --count")
@options.refused_flag("-w/--watch", "run the command again from your editor, or from entr")
@options.refused("-s/--schema", "check documents in the policy, with json.match_schema")
@options.refused("--capabilities", "leave builtins out by reviewing policies; http.send is always off")
@options.refused("-t/--target", "policies are compiled to Python only")
def test(**given: Any) -> None:
    """Run the tests among the policies in PATHS: files, folders or patterns, with data beside them.

    A test is a rule whose name begins with test_; it passes when it is true. A rule test_x[name] has one case for each
    name. todo_test_ marks tests to skip. Exit codes: 0 all passed, 1 something is wrong with the policies, 2 a test
    failed, was skipped, or coverage is below the threshold.
    """
    from pratique import rego
    from pratique.cli.rego import loading
    from pratique.rego.testing import Suite

    settings = Settings(**given)
    version = options.choose(settings.v0_compatible, settings.v1_compatible)
    try:
        loaded = loading.load(
            loading.expanded(settings.paths),
            version,
            ignore=options.listed(settings.ignore),
            bundle=settings.bundle,
        )
        with output.patience("compiling the policies"):
            suite = Suite(loaded.sources, timeout=settings.timeout or 5.0)
    except rego.CompileError as error:
        click.echo(f"pratique: {error.limited(settings.max_errors)}", err=True)
        sys.exit(1)
    except InputError as error:
        click.echo(f"pratique: {error.render()}", err=True)
        sys.exit(1)
    for _ in range(settings.count):
        code = _Run(settings, suite, loaded).code()
        if code:
            sys.exit(code)


@dataclass(slots=True)
class _Run:
    """One run of all tests."""

    settings: Settings
    suite: Suite
    loaded: Loaded
    ran: bool = False
    exit: int = 0

    def code(self) -> int:
        """Run, print, and return the exit code."""
        if self.settings.coverage or self.settings.threshold or self.settings.coverage_runs is not None:
            code = self._coverage()
        elif self.settings.form == "pretty":
            code = self._pretty()
        else:
            code = self._collected()
        if not self.ran and self.settings.fail_on_empty:
            click.echo("no tests were run", err=True)
            return 1
        return code

    def _results(self, **options: Any) -> Any:
        for result in self.suite.run(self.loaded.data, pattern=self.settings.run, **options):
            self.ran = True
            if not result.passed and not (result.skipped and self.settings.exit_zero_on_skipped):
                self.exit = 2
            yield result

    def _watching(self) -> Any:
        from pratique.rego.plan.scope import Watching

        wanted = self.settings.verbose or self.settings.var_values
        return Watching() if wanted else None

    def _explained(self) -> Explain:
        from pratique.rego.observe import explain

        mode = self.settings.explain
        if mode is None:
            return lambda events: explain.leading_to(events, {"Note", "Fail"})
        return lambda events: explain.select(events, mode)  # type: ignore[arg-type]  # one of the choices

    def _why(self, result: Result) -> Any:
        # A failed test is run once more, watched: the first run was not slowed down by it.
        from pratique.cli.rego.results import QUERY
        from pratique.rego.observe.failure import failure
        from pratique.rego.plan.scope import Watching

        events = result.events or self.suite.events(result, self.loaded.data, Watching())
        return failure(events, query=QUERY)

    def _pretty(self) -> int:
        from pratique.cli.rego.results import Pretty

        report = Pretty(self.settings.verbose, self.settings.var_values, self._explained(), self._why)
        for result in self._results(watching=self._watching()):
            report.take(result)
        report.finish()
        return self.exit

    def _collected(self) -> int:
        from pratique.cli.rego import gojson, results

        with output.patience("running the tests"):
            found = list(self._results(watching=self._watching()))
        if self.settings.form == "junit":
            click.echo(results.junit(found, self._why), nl=False)
            return self.exit
        if self.settings.sort == "duration":
            found.sort(key=lambda result: -result.nanoseconds)
        click.echo(gojson.dumps([results.as_data(each, self._explained()) for each in found]))
        return self.exit

    def _coverage(self) -> int:
        from pratique.cli.rego import gojson, results

        failures = []
        with output.patience("running the tests"):
            report, ran = self._measured()
        for result in ran:
            if result.error is not None:
                click.echo(results.error_text(result), err=True)
                return 1
            if result.failed:
                failures.append(result)
        if failures:
            pretty = results.Pretty(
                self.settings.verbose, self.settings.var_values, self._explained(), self._why
            )
            for result in failures:
                pretty.take(result)
            pretty.finish()
            click.echo(results.first_line(failures[0], plain=True) + "\n", err=True)
            return 1
        if report.percentage < self.settings.threshold:
            click.echo(
                f"Code coverage threshold not met: got {report.percentage:.2f} instead of"
                f" {self.settings.threshold:.2f}",
                err=True,
            )
            if self.settings.verbose:
                missed = "".join([f"\n\t{each}" for each in report.missed()])
                click.echo(f"Lines not covered:{missed}", err=True)
            return 2
        click.echo(gojson.dumps(report.data()))
        return self.exit

    def _measured(self) -> tuple[Report, list[Result]]:
        from pratique.rego.observe.coverage import Coverage
        from pratique.rego.plan.scope import Watching

        runs = self.settings.coverage_runs
        wanted = _KINDS if runs is None else options.listed((runs,))
        coverage = Coverage(self.suite.modules)
        ran = list(self._results(watching=Watching(), watch=coverage.record))
        others = {}
        for kind, watching in zip(
            _KINDS, (Watching(indexing=False), Watching(early_exit=False)), strict=True
        ):
            if kind in wanted:
                others[kind] = Coverage(self.suite.modules)
                list(self._results(watching=watching, watch=others[kind].record))
        return coverage.report(others), ran
