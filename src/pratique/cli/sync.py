"""`pratique sync`: what policies read from the cluster, checked before there is one."""

from __future__ import annotations

import click

from pratique.cli import images
from pratique.cli.alias import GatorCommand, piped
from pratique.cli.images import Images
from pratique.errors import InputError, PratiqueError


@click.group()
def sync() -> None:
    """Check what is synchronised for policies to look up."""


@sync.command("test", cls=GatorCommand)
@click.option(
    "-n",
    "--filename",
    "names",
    multiple=True,
    type=click.Path(),
    help="A file, folder or glob of templates, SyncSets, a Config and a GVKManifest. May be given several times.",
)
@click.option(
    "-f",
    "--force-omit-gvk-manifest",
    "omit",
    is_flag=True,
    help="Without a GVKManifest, take it that the cluster serves every kind.",
)
@images.options
@click.pass_context
def test(ctx: click.Context, /, *, names: tuple[str, ...], omit: bool, images: Images) -> None:
    """Test that SyncSets and Config cover what templates say that they read, as gator sync test does.

    Exits with 1 when something is missing or cannot be read.
    """
    from pratique.offline import Sources, synctest
    from pratique.offline.check import NothingGivenError
    from pratique.offline.loading import objects

    try:
        found = synctest.read(objects(Sources.of(names, piped(), more=images.entries())), say=click.echo)
        if not found.read:
            raise NothingGivenError("-n")
        if not found.unreadable and found.served is None:
            if not omit:
                raise InputError(
                    "checking: no GVK manifest found; please provide a manifest enumerating the GVKs supported by "
                    "the cluster",
                    hint="or say `--force-omit-gvk-manifest`",
                )
            click.echo(
                "ignoring absence of supported GVK manifest due to --force-omit-gvk-manifest flag; will assume all "
                "synced GVKs are supported by cluster"
            )
    except PratiqueError as error:
        click.echo(f"pratique: {error.render()}", err=True)
        ctx.exit(1)
    if found.unreadable:
        click.echo("encountered errors parsing the following templates: ", err=True)
        for name in sorted(found.unreadable):
            click.echo(f"{name}:\n{found.unreadable[name]}", err=True)
    elif missing := found.missing():
        click.echo("the following requirements were not met: ", err=True)
        click.echo(synctest.text_of(missing), err=True)
    else:
        return
    ctx.exit(1)
