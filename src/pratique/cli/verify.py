"""`pratique verify`: run suites of policy tests, with `gator verify`'s arguments, output and exit codes."""

from __future__ import annotations

import click

from pratique.cli import choices
from pratique.cli.alias import GatorCommand
from pratique.errors import PratiqueError


@click.command(cls=GatorCommand)
@click.argument("path", type=click.Path())
@click.option(
    "-r", "--run", "expression", default="", help="Run only what matches: TEST, TEST//CASE or //CASE."
)
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    shell_complete=choices.formats("human", "json", "junit", "tap", "github"),
    help="FORMAT, or FORMAT=FILE: human, json, junit, tap or github. Several at once.",
)
@click.option("-t", "--trace", is_flag=True, help="Print how each case was judged, step by step.")
@click.option("-v", "--verbose", is_flag=True, help="Print every test and case, also those that pass.")
@click.option(
    "--enable-k8s-native-validation/--no-enable-k8s-native-validation",
    default=True,
    help="Accepted for gator's sake; CEL templates are refused for now.",
)
@click.pass_context
def verify(
    ctx: click.Context,
    *,
    path: str,
    expression: str,
    outputs: tuple[str, ...],
    verbose: bool,
    trace: bool,
    enable_k8s_native_validation: bool,
) -> None:
    """Run the suites of PATH: a suite file, a folder, or FOLDER/... for everything below it.

    Exits with 1 when anything fails.
    """
    from pratique.offline import report, results, selection, suite, transcript

    try:
        wanted = report.targets(outputs, results.FORMATS)
        runner = suite.Runner.of(selection.Filter.of(expression), printing=verbose, tracing=trace)
        paths = selection.find(path)
        streams = report.Target(report.HUMAN) in wanted
        done = []
        for name in paths:
            done.append(suite.run(name, runner))
            if streams:
                click.echo(transcript.text(done[-1], verbose=verbose), nl=False)
        failed = any(one.failed for one in done)
        if streams:
            click.echo(transcript.end(done), nl=False)
        for target in wanted:
            if target.format == report.HUMAN and target.path:
                target.put([results.human(done, verbose=verbose)])
            elif target.format != report.HUMAN:
                target.put([results.FORMATS[target.format](done)])
    except PratiqueError as error:
        # gator knows one exit code for everything that goes wrong, and scripts rely on it.
        click.echo(f"pratique: {error.render()}", err=True)
        failed = True
    ctx.exit(1 if failed else 0)
