"""Policies from OCI images, for the commands that read policies: gator's `-i`, `-d` and `--plain-http`.

In: what the command line says. Out: `Images`, which pulls when it is asked for documents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pratique.offline import Entry


@dataclass(frozen=True, slots=True)
class Images:
    """The images that were named, and how their registries are asked."""

    names: tuple[str, ...]
    plain_http: bool

    def entries(self) -> list[Entry]:
        """Pull the images, and return their documents; raises what `oci.pull` raises."""
        return [entry for image in self.names for entry in _pulled(image, plain_http=self.plain_http)]


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command `-i`, `-d` and `--plain-http`, which it is handed as `images`."""

    def with_images(*args: Any, image: tuple[str, ...], tempdir: str, plain_http: bool, **given: Any) -> Any:
        return command(*args, images=Images(image, plain_http), **given)

    with_images.__doc__ = command.__doc__
    with_images.__name__ = command.__name__
    with_images.__click_params__ = getattr(command, "__click_params__", [])  # type: ignore[attr-defined]
    for decorate in (
        click.option("--plain-http", is_flag=True, help="Ask the registries of images without TLS."),
        click.option(
            "-d", "--tempdir", default="", help="Accepted for gator's sake; images are unpacked in memory."
        ),
        click.option(
            "-i",
            "--image",
            multiple=True,
            metavar="IMAGE",
            help="An OCI image with policies. May be given several times.",
        ),
    ):
        with_images = decorate(with_images)
    return with_images


def _pulled(image: str, *, plain_http: bool) -> Iterator[Entry]:
    """Yield the documents of an image's files, in the order in which a folder is read."""
    from pratique.client import oci
    from pratique.offline.entries import as_text, split
    from pratique.offline.sources import EXTENSIONS

    files = oci.pull(image, plain_http=plain_http)
    for name in sorted(files, key=lambda name: name.split("/")):
        if name.endswith(EXTENSIONS):
            yield from split(f"{image}/{name}", as_text(f"{image}/{name}", files[name]))
