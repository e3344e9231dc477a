"""`pratique rego check`: whether policies compile, as `opa check` says it; ConstraintTemplates too."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pratique.cli.rego import options
from pratique.errors import InputError

if TYPE_CHECKING:
    from pratique.rego import Problem

_TEMPLATES = (".yaml", ".yml", ".json")


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["pretty", "json"]),
    default="pretty",
    show_default=True,
    help="How to print what is wrong.",
)
@click.option("-S", "--strict", is_flag=True, help="Refuse what is unused, shadowed or deprecated, too.")
@click.option("-m", "--max-errors", type=int, default=10, show_default=True, help="How many errors to show.")
@click.option("--v0-v1", "both", is_flag=True, help="Policies must be right in Rego v0 and in v1.")
@options.versions
@options.v1
@options.ignore
@click.option(
    "-b", "--bundle", is_flag=True, help="Accepted for opa's sake: policies are read in any layout."
)
@options.schema
@options.refused("--capabilities", "leave builtins out by reviewing policies; http.send is always off")
def check(  # noqa: PLR0913  one parameter an option
    *,
    paths: tuple[str, ...],
    form: str,
    strict: bool,
    max_errors: int,
    both: bool,
    v0_compatible: bool,
    v1_compatible: bool,
    ignore: tuple[str, ...],
    bundle: bool,
    schema: str | None,
) -> None:
    """Check the policies in PATHS: .rego files, which are compiled together, folders of them, or patterns.

    ConstraintTemplates in YAML are checked one by one as Gatekeeper does it, each error with its line of the YAML
    file. Nothing is printed when all is right. Exit codes: 0 right, 1 wrong.
    """
    from pratique.cli.rego import gojson
    from pratique.cli.rego.presentation import problem_data

    version = options.choose(v0_compatible, v1_compatible)
    try:
        problems = _problems(
            paths,
            ["v0", "v1"] if both else [version],
            options.listed(ignore),
            strict=strict,
            schema=schema,
        )
    except InputError as error:
        click.echo(f"pratique: {error.render()}", err=True)
        sys.exit(1)
    if form == "json":
        data = {"errors": [problem_data(each) for each in problems[:max_errors]]} if problems else {}
        click.echo(gojson.dumps(data), err=bool(problems))
    elif problems:
        count = len(problems)
        click.echo("1 error occurred:" if count == 1 else f"{count} errors occurred:", err=True)
        for each in problems[:max_errors]:
            click.echo(each.render(), err=True)
        if count > max_errors:
            click.echo(f"rego_compile_error: error limit reached; {count - max_errors} more", err=True)
    sys.exit(1 if problems else 0)


def _problems(
    paths: tuple[str, ...],
    versions: list[Any],
    ignore: tuple[str, ...],
    *,
    strict: bool,
    schema: str | None,
) -> list[Problem]:
    from pratique import rego
    from pratique.cli import output
    from pratique.cli.rego import loading

    named = loading.expanded(paths)
    capabilities = rego.Capabilities(strict=strict, schemas=loading.schemas(schema))
    found: list[Problem] = []
    with output.patience("checking the policies"):
        for version in versions:
            sources = loading.policies(named, version, ignore=ignore)
            try:
                rego.compile(sources, capabilities=capabilities, printing=True)
            except rego.CompileError as error:
                found += error.problems
        for path in loading.files(named, ignore=ignore):
            if path.suffix in _TEMPLATES:
                found += _template_problems(path, strict=strict, required=str(path) in named)
    return list(dict.fromkeys(found))


def _template_problems(path: Path, *, strict: bool, required: bool) -> list[Problem]:
    """Return what is wrong with the templates of a file; one that was named must hold some."""
    from pratique.cli.rego import loading
    from pratique.constraint import errors, program, template
    from pratique.kube import yaml
    from pratique.rego import Problem

    text = loading.text_of(path)
    if "ConstraintTemplate" not in text:
        if required:
            raise InputError(
                f"`{path}` is no policy", hint="name .rego files, or YAML files of ConstraintTemplates"
            )
        return []
    found: list[Problem] = []
    programs = program.Programs()
    for document in yaml.load(text, file=str(path)):
        if not isinstance(document.value, dict) or document.value.get("kind") != template.KIND:
            continue
        try:
            programs.check(template.read(document.value, document=document), strict=strict)
        except errors.TemplateError as error:
            for each in error.problems:
                first, *details = each.message.split("\n\t")
                code, colon, message = first.partition(": ")
                if not (colon and code.startswith("rego_")):
                    code, message = each.code, first
                place = each.location or error.location
                found.append(Problem(code, message, place, each.hint, tuple(details)))
    return found
