"""`pratique test`: judge manifests by the policies beside them, as `gator test` does."""

from __future__ import annotations

import sys

import click

from pratique.cli.alias import GatorCommand
from pratique.errors import PratiqueError


@click.command(cls=GatorCommand)
@click.option(
    "-f",
    "--filename",
    "names",
    multiple=True,
    help="A file, folder or glob of manifests and policies. May be given several times.",
)
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    help="FORMAT, or FORMAT=FILE: json, yaml, sarif, junit, github, gitlab, tap or text. Several at once.",
)
@click.option("--deny-only", is_flag=True, help="Show only what is denied.")
@click.option(
    "--enable-k8s-native-validation/--no-enable-k8s-native-validation",
    default=True,
    help="Accepted for gator's sake; CEL templates are refused for now.",
)
@click.option(
    "--render/--no-render",
    default=True,
    help="Render Helm charts and kustomizations (the default), or read their files as they are.",
)
@click.option(
    "--values", multiple=True, help="A file with values for Helm charts. May be given several times."
)
@click.option("-v", "--verbose", is_flag=True, help="Print also what policies print.")
@click.pass_context
def test(  # noqa: PLR0913  # gator's flags and ours
    ctx: click.Context,
    *,
    names: tuple[str, ...],
    outputs: tuple[str, ...],
    deny_only: bool,
    enable_k8s_native_validation: bool,
    verbose: bool,
    render: bool,
    values: tuple[str, ...],
) -> None:
    """Judge manifests by the templates and constraints among them, from files or standard input.

    Exits with 1 when something is denied or cannot be read, and with 0 otherwise.
    """
    from pratique.offline import Sources, check, report
    from pratique.offline.printed import Printed
    from pratique.offline.rendered import Renderer

    printed = Printed() if verbose else None
    try:
        wanted = report.targets(outputs)
        piped = None if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read()
        sources = Sources.of(names, piped, renderer=Renderer(values) if render else None)
        findings = check(sources, say=lambda text: click.echo(text, err=True), sink=printed)
    except PratiqueError as error:
        # gator knows one exit code for everything that goes wrong, and scripts rely on it.
        click.echo(f"pratique: {error.render()}", err=True)
        ctx.exit(1)
    shown = [finding for finding in findings if finding.denies or not deny_only]
    for target in wanted:
        text = report.render(target.format, shown)
        if target.path:
            try:
                with open(target.path, "w", encoding="utf-8") as file:
                    file.write(text)
            except OSError as error:
                click.echo(f"pratique: `{target.path}` cannot be written: {error.strerror}", err=True)
                ctx.exit(1)
        else:
            click.echo(text, nl=False)
    if printed is not None and (text := printed.take()):
        click.echo(f"\n{text}")
    ctx.exit(1 if any(finding.denies for finding in findings) else 0)
