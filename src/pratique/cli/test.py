"""`pratique test`: judge manifests by the policies beside them, as `gator test` does."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from pratique.cli import choices, external, images, session
from pratique.cli.alias import GatorCommand, piped
from pratique.cli.images import Images
from pratique.errors import PratiqueError

if TYPE_CHECKING:
    from pratique.constraint import TemplateTime
    from pratique.offline import Entry, Finding, Sources
    from pratique.offline.printed import Printed
    from pratique.offline.report import Target

FORMATS = ("human", "lines", "json", "yaml", "sarif", "junit", "github", "gitlab", "tap", "policyreport")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says."""

    names: tuple[str, ...]
    outputs: tuple[str, ...]
    deny_only: bool
    verbose: bool
    trace: bool
    stats: bool
    enable_k8s_native_validation: bool
    render: bool
    values: tuple[str, ...]
    images: Images
    external_data: bool
    assigned_to: str
    suppress: bool
    baseline: str
    write_baseline: str
    target: session.Target


@click.command(cls=GatorCommand)
@click.option(
    "-f",
    "--filename",
    "names",
    multiple=True,
    type=click.Path(),
    help="A file, folder or glob of manifests and policies. May be given several times.",
)
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    shell_complete=choices.formats(*FORMATS),
    help=f"FORMAT, or FORMAT=FILE: {', '.join(FORMATS)}. Several at once.",
)
@click.option("--deny-only", is_flag=True, default=False, help="Show only what is denied.")
@click.option("-v", "--verbose", is_flag=True, help="Print also what policies print.")
@click.option("-t", "--trace", is_flag=True, help="Add how each object was judged, step by step.")
@click.option("--stats", is_flag=True, help="Add the time of each template to json and yaml.")
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
    "--values",
    multiple=True,
    type=click.Path(),
    help="A file with values for Helm charts. May be given several times.",
)
@external.option
@click.option(
    "--assigned-to",
    default="",
    metavar="CLUSTER",
    help="Judge by the policies that are assigned to this cluster.",
)
@click.option(
    "--suppress/--no-suppress",
    default=True,
    help="Heed annotations that allow findings (the default), or report all.",
)
@click.option(
    "--baseline",
    default="",
    metavar="FILE",
    type=click.Path(),
    help="Fail only for findings that this file does not know.",
)
@click.option(
    "--write-baseline",
    default="",
    metavar="FILE",
    type=click.Path(),
    help="Write the findings to this file, and fail nothing.",
)
@images.options
@session.options
@click.pass_context
def test(ctx: click.Context, /, **given: Any) -> None:
    """Judge manifests by the templates and constraints among them, from files or standard input.

    Exits with 1 when something is denied or cannot be read, and with 0 otherwise.
    """
    try:
        code = _run(Options(**given))
    except PratiqueError as error:
        # gator knows one exit code for everything that goes wrong, and scripts rely on it.
        _say(f"pratique: {error.render()}")
        code = 1
    ctx.exit(code)


def _run(options: Options) -> int:
    from pratique.offline import baseline, report
    from pratique.offline.printed import Printed

    # A run makes much that stays to its end: looking through it again and again finds nothing to free.
    gc.set_threshold(100_000, 50, 100)
    wanted = report.targets(options.outputs)
    if options.baseline:
        baseline.read(options.baseline)  # what cannot be read is told before all the work
    printed = Printed() if options.verbose else None
    # What an earlier run wrote beside the manifests is none of them.
    ours = [options.baseline, options.write_baseline, *(target.path for target in wanted)]
    sources, exempt = _sources(options, besides=[path for path in ours if path])
    more = options.baseline or options.write_baseline or options.trace or options.stats
    tell = _tell if report.told(wanted) and not more else _report
    denied = tell(options, wanted, sources, exempt, printed)
    if printed is not None and (text := printed.take()):
        click.echo(f"\n{text}")
    return 1 if denied else 0


def _tell(
    options: Options, wanted: list[Target], sources: Sources, exempt: frozenset[str], printed: Printed | None
) -> bool:
    """Write the one report that is wanted, and tell whether something is denied."""
    from pratique.cli.progress import progress
    from pratique.offline import report
    from pratique.offline.check import texts
    from pratique.offline.telling import Asking

    (target,) = wanted
    today = datetime.now(UTC).date() if options.suppress else None
    asking = Asking(target.format, options.deny_only, exempt, today)
    with progress() as tick:
        told = texts(sources, asking, say=_say, tick=tick, sink=printed)
    for warning in told.warnings:
        _say(f"warning: {warning}")
    if told.accepted:
        _say(f"{_counted(told.accepted)} allowed or known")
    target.put(report.framed(target.format, told.texts, told.first))
    return told.denied


def _report(
    options: Options, wanted: list[Target], sources: Sources, exempt: frozenset[str], printed: Printed | None
) -> bool:
    """Write every report that is wanted, and tell whether something is denied."""
    from pratique.cli.progress import progress
    from pratique.offline import check, report

    stats: list[TemplateTime] | None = [] if options.stats else None
    with progress() as tick:
        findings = check(
            sources,
            say=_say,
            tick=tick,
            sink=printed,
            traced=options.trace,
            times=None if stats is None else stats.extend,
            places=report.places(wanted) or bool(options.baseline or options.write_baseline),
        )
    findings = [finding for finding in findings if not exempt.intersection(finding.subject.namespaces)]
    findings = _accept(options, findings)
    shown = [finding for finding in findings if finding.denies or not options.deny_only]
    for target in wanted:
        target.put([report.render(target.format, shown, stats=stats)])
    return any(finding.denies for finding in findings)


def _sources(options: Options, *, besides: Sequence[str]) -> tuple[Sources, frozenset[str]]:
    """Return what is judged, and the namespaces that policies leave alone."""
    from pratique.offline import Sources
    from pratique.offline.rendered import Renderer

    more = options.images.entries()
    exempt: frozenset[str] = frozenset()
    if options.assigned_to:
        assigned, exempt = _assigned(options)
        more += assigned
    renderer = Renderer(options.values) if options.render else None
    connect = external.connect if options.external_data else None
    found = Sources.of(
        options.names, piped(), renderer=renderer, more=more, external_data=connect, besides=besides
    )
    return found, exempt


def _assigned(options: Options) -> tuple[list[Entry], frozenset[str]]:
    """Return the templates and constraints that the service has for a cluster."""
    from pratique.kube import yaml
    from pratique.offline import Entry

    desired = session.run(options.target, lambda service: service.desired(options.assigned_to))
    name = f"policies of {options.assigned_to}"
    entries = [Entry(name, 0, yaml.dump(manifest)) for manifest in desired["manifests"]]
    return entries, frozenset((desired.get("settings") or {}).get("excludedNamespaces") or ())


def _accept(options: Options, findings: list[Finding]) -> list[Finding]:
    """Mark what the objects allow and what the baseline knows, and tell what is no longer so."""
    from pratique.offline import baseline, suppression

    if options.suppress:
        findings, problems = suppression.apply(findings, datetime.now(UTC).date())
        for problem in problems:
            _say(f"warning: {problem.render()}")
    if options.write_baseline:
        opened = [finding for finding in findings if not finding.allowed]
        baseline.write(options.write_baseline, opened)
        _say(f"{_counted(len(opened))} written to {options.write_baseline}")
        findings, _ = baseline.apply(findings, baseline.read(options.write_baseline))
    elif options.baseline:
        findings, gone = baseline.apply(findings, baseline.read(options.baseline))
        for text in gone:
            _say(f"fixed: {text}")
        if gone:
            _say(f"{_counted(len(gone))} gone; `--write-baseline {options.baseline}` forgets what is gone")
    accepted = sum(finding.accepted for finding in findings)
    if accepted:
        _say(f"{_counted(accepted)} allowed or known")
    return findings


def _counted(count: int) -> str:
    return f"{count} finding{'' if count == 1 else 's'}"


def _say(text: str) -> None:
    click.echo(text, err=True)
