"""`pratique rego compile`: a policy after each pass of the compiler, side by side."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pratique.cli.rego import options
from pratique.errors import InputError

if TYPE_CHECKING:
    from pratique.rego import Policy

# From here on, a terminal holds three columns of code.
_WIDE = 150
_STAGES = ("ast", "ir", "python")


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@click.option("--stages", is_flag=True, help="Show every stage, which is the default.")
@click.option(
    "--stage",
    "only",
    type=click.Choice(_STAGES),
    multiple=True,
    help="Show this stage; may be given several times.",
)
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to print; json gives the syntax tree as opa parse has it.",
)
@click.option(
    "--parameters",
    type=click.Path(exists=True, dir_okay=False),
    help="Parameters that are known now, in a JSON or YAML file: the code is specialised to them.",
)
@options.versions
@options.v1
def compile(
    *,
    paths: tuple[str, ...],
    stages: bool,
    only: tuple[str, ...],
    form: str,
    parameters: str | None,
    v0_compatible: bool,
    v1_compatible: bool,
) -> None:
    """Compile the policies in PATHS, or a ConstraintTemplate, and show its syntax tree, its plan and its Python.

    On a wide terminal the three stand side by side, rule by rule; elsewhere they follow each other.
    """
    from pratique import rego
    from pratique.cli.rego import gojson, loading
    from pratique.cli.rego.stages import columns, sections, tables

    if stages and only:
        raise InputError(
            "--stages and --stage exclude each other", hint="--stage NAME shows that stage alone"
        )
    version = options.choose(v0_compatible, v1_compatible)
    sources = _sources(loading.expanded(paths), version)
    if form == "json":
        if only not in ((), ("ast",)):
            raise InputError("only the syntax tree has a form in JSON", hint="write --stage ast -f json")
        trees = {source.file: rego.module_data(rego.parse_module(source)) for source in sources}
        click.echo(gojson.dumps(gojson.plain(next(iter(trees.values())) if len(trees) == 1 else trees)))
        return
    known = None if parameters is None else {"input.parameters": loading.document(Path(parameters))}
    policy = rego.compile(sources, constants=known, builtins=_external())
    wanted = only or _STAGES
    found = tables(policy)
    width = shutil.get_terminal_size().columns
    if sys.stdout.isatty() and width >= _WIDE and len(wanted) > 1:
        click.echo(columns(found, wanted, width), nl=False)
    else:
        click.echo(sections(found, wanted), nl=False)
    if "python" in wanted:
        click.echo(_constants(policy), nl=False)


def _sources(paths: list[str], version: Any) -> list[Any]:
    """Return the modules of Rego files, and of the templates in YAML files."""
    from pratique import rego
    from pratique.cli.rego import loading

    sources = loading.policies(paths, version)
    for path in loading.files(paths):
        if path.suffix in (".yaml", ".yml", ".json") and str(path) in paths:
            sources += _of_templates(path)
    if not sources:
        raise InputError("there is no policy in these paths", hint="name .rego files or ConstraintTemplates")
    found: list[rego.Source] = sources
    return found


def _of_templates(path: Path) -> list[Any]:
    from pratique.cli.rego import loading
    from pratique.constraint import program, template
    from pratique.kube import yaml

    found: list[Any] = []
    for document in yaml.load(loading.text_of(path), file=str(path)):
        if isinstance(document.value, dict) and document.value.get("kind") == template.KIND:
            read = template.read(document.value, document=document)
            program.Programs().check(read)
            found += program.sources(read)
    if not found:
        raise InputError(f"`{path}` holds no ConstraintTemplate", hint="name a template, or .rego files")
    return found


def _external() -> Any:
    from pratique.constraint import external

    return {"external_data": external.builtin(external.nobody)}


def _constants(policy: Policy) -> str:
    """Return what the names of the emitted code stand for, where that is a value."""
    lines = []
    for name, value in policy.emitted.constants.items():
        if name[0] in "KP":
            text = json.dumps(value, ensure_ascii=False, default=str)
            lines.append(f"{name} = {text if len(text) <= 100 else text[:97] + '...'}")
    return "\n# constants\n" + "\n".join(lines) + "\n" if lines else ""
