"""`pratique expand`: show what objects will generate, with `gator expand`'s flags, output and exit codes."""

from __future__ import annotations

import click

from pratique.cli import choices, external, images
from pratique.cli.alias import GatorCommand, piped
from pratique.cli.images import Images
from pratique.errors import InputError, PratiqueError


@click.command(cls=GatorCommand)
@click.option(
    "-n",
    "--filename",
    "names",
    multiple=True,
    type=click.Path(),
    help="A file, folder or glob of objects, ExpansionTemplates, mutators and Namespaces. May be given several times.",
)
@click.option(
    "-f",
    "--format",
    "form",
    default="",
    metavar="json|yaml",
    shell_complete=choices.one_of("json", "yaml"),
    help="How to print; YAML by default.",
)
@click.option("-o", "--outputfile", "target", default="", type=click.Path(), help="Write to this file.")
@external.option
@images.options
@click.pass_context
def expand(
    ctx: click.Context,
    /,
    *,
    names: tuple[str, ...],
    form: str,
    target: str,
    external_data: bool,
    images: Images,
) -> None:
    """Print what the objects in files will generate, such as a Deployment's Pods, after mutation.

    ExpansionTemplates say what generates what. Exits with 1 when something cannot be read or expanded.
    """
    from pratique.offline import Sources, expand

    try:
        if form not in expand.FORMATS:
            raise InputError(f"unrecognized value for format flag: {form}", hint="write `json` or `yaml`")
        connect = external.connect if external_data else None
        sources = Sources.of(names, piped(), more=images.entries(), external_data=connect)
        text = expand.FORMATS[form](expand.expand(sources))
        if target:
            click.echo(f"Writing output to file: {target}")
            with open(target, "w", encoding="utf-8") as file:
                file.write(text)
        else:
            click.echo(text)
    except PratiqueError as error:
        click.echo(f"pratique: {error.render()}", err=True)
    except OSError as error:
        click.echo(f"pratique: `{target}` cannot be written: {error.strerror}", err=True)
    else:
        return
    # gator knows one exit code for everything that goes wrong, and scripts rely on it.
    ctx.exit(1)
