"""`pratique bench`: measure how fast policies judge objects, as `gator bench` does."""

from __future__ import annotations

import os

import click

from pratique.cli import choices, images
from pratique.cli.alias import GatorCommand
from pratique.cli.images import Images
from pratique.errors import InputError, NotFoundError, PratiqueError

ENGINES = ("rego", "cel", "all")


@click.command(cls=GatorCommand)
@click.option(
    "-f",
    "--filename",
    "names",
    multiple=True,
    type=click.Path(),
    help="A file or folder of templates, constraints and objects.",
)
@click.option(
    "-e",
    "--engine",
    default="rego",
    show_default=True,
    shell_complete=choices.one_of(*ENGINES),
    help="rego; cel cannot be run yet.",
)
@click.option(
    "-n", "--iterations", type=int, default=1000, show_default=True, help="Rounds over all objects."
)
@click.option("--warmup", type=int, default=10, show_default=True, help="Rounds before the measurement.")
@click.option(
    "-c", "--concurrency", type=int, default=1, show_default=True, help="Processes that review at once."
)
@click.option(
    "-o",
    "--output",
    default="table",
    show_default=True,
    shell_complete=choices.one_of("table", "json", "yaml"),
    help="table, json or yaml.",
)
@click.option("--stats", is_flag=True, help="Add the time of each template.")
@click.option("--memory", is_flag=True, help="Add what a review allocates.")
@click.option("--save", default="", metavar="FILE", type=click.Path(), help="Keep the result (.json, .yaml).")
@click.option(
    "--compare",
    "baseline",
    default="",
    metavar="FILE",
    type=click.Path(),
    help="Compare with a result that was kept.",
)
@click.option(
    "--threshold", type=float, default=10.0, show_default=True, help="How many percent worse are too many."
)
@click.option(
    "--min-threshold", "least", default="0", metavar="DURATION", help="A smaller change of latency is none."
)
@images.options
@click.pass_context
def bench(  # noqa: PLR0913  # gator's flags
    ctx: click.Context,
    /,
    *,
    names: tuple[str, ...],
    engine: str,
    iterations: int,
    warmup: int,
    concurrency: int,
    output: str,
    stats: bool,
    memory: bool,
    save: str,
    baseline: str,
    threshold: float,
    least: str,
    images: Images,
) -> None:
    """Review the objects in files by the policies in files, again and again, and say how long it takes.

    Exits with 1 when something is wrong, or worse than the baseline of `--compare`.
    """
    from pratique.offline import Sources
    from pratique.offline import bench as benchmark

    try:
        form = _checked(names + images.names, engine, output, baseline)
        minimum = benchmark.parse_duration(least)
        _in_range(
            {"iterations": (iterations, 1), "warmup": (warmup, 0), "concurrency": (concurrency, 1)}
            | {"threshold": (threshold, 0), "min-threshold": (minimum, 0)}
        )
        _warn(iterations, warmup)
        options = benchmark.Options(iterations, warmup, concurrency, stats, memory)
        result = benchmark.run(Sources.of(names, more=images.entries()), options)
        click.echo(benchmark.render(result, form), nl=False)
        if save:
            benchmark.save(result, save)
            click.echo(f"\nResults saved to: {save}", err=True)
        if not baseline:
            return
        kept = benchmark.load_baseline(baseline)
        found = benchmark.compare(kept, result, threshold=threshold, least=minimum)
    except PratiqueError as error:
        # gator knows one exit code for everything that goes wrong, and scripts rely on it.
        click.echo(f"pratique: {error.render()}", err=True)
        ctx.exit(1)
    if found is None:
        click.echo("\nWarning: No matching engines found for comparison", err=True)
        return
    click.echo(f"\n{benchmark.comparison(found, threshold)}", nl=False)
    ctx.exit(0 if found.passed else 1)


def _checked(names: tuple[str, ...], engine: str, output: str, baseline: str) -> str:
    """Refuse what cannot be measured, and return the output format."""
    from pratique.offline.bench import FORMATS

    if engine.lower() not in ENGINES:
        raise InputError(f'invalid engine "{engine}" (valid: {", ".join(ENGINES)})')
    if engine.lower() != "rego":
        raise InputError(
            f"the engine `{engine}` cannot be measured: CEL is not supported yet",
            hint="measure Rego: `--engine rego`",
        )
    form = output.lower() or "table"
    if form not in FORMATS:
        raise InputError(f'invalid output format: "{output}" (valid: {", ".join(FORMATS)})')
    if not names:
        raise InputError("at least one --filename must be specified", hint="`pratique bench -f FOLDER`")
    if baseline and not os.path.exists(baseline):
        raise NotFoundError(f"baseline file does not exist: {baseline}", hint="make one with `--save`")
    return form


def _in_range(values: dict[str, tuple[float, int]]) -> None:
    for name, (value, least) in values.items():
        if value < least:
            raise InputError(f"`--{name}` must be at least {least}")


def _warn(iterations: int, warmup: int) -> None:
    if warmup > iterations:
        click.echo(
            f"Warning: warmup ({warmup}) exceeds iterations ({iterations}). Consider reducing warmup.\n",
            err=True,
        )
    if iterations < 1000:
        click.echo(
            f"Warning: {iterations} iterations may not provide statistically meaningful P99 metrics. "
            "Consider using at least 1000 iterations.\n",
            err=True,
        )
