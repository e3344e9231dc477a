"""`gator expand`: everything that the objects in the files would generate, as gator prints it.

In: `Sources`. Out: objects, and their text as YAML or JSON (gatekeeper.md 6.3).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from pratique.kube import objects as kube_objects
from pratique.kube import yaml
from pratique.offline import gator
from pratique.offline.check import NothingGivenError
from pratique.offline.generator import Generator
from pratique.offline.loading import objects
from pratique.offline.outside import Outside
from pratique.offline.sources import Sources

Object = dict[str, Any]


def expand(sources: Sources) -> list[Object]:
    """Return what everything in the files would generate, by name from the end of the alphabet.

    Raises `NothingGivenError`, and the error of whatever cannot be read or expanded, with its file and line.
    """
    outside = Outside(sources.external_data)
    generator = Generator(
        ((entry, found) for entry, found in objects(sources) if Generator.wants(found)), outside=outside
    )
    made: list[Object] = []
    read = False
    for entry, found in objects(sources):
        read = True
        made += [resultant.object for resultant in generator.expand(entry, found)[1]]
    if not read:
        raise NothingGivenError("-n")
    made.sort(key=lambda one: f"{kube_objects.name(one)}{one['apiVersion']}{one['kind']}", reverse=True)
    return made


def as_yaml(made: Sequence[Object]) -> str:
    """Return objects as YAML documents."""
    return "---\n".join(yaml.dump(one, sort=True, width=80) for one in made)


def as_json(made: Sequence[Object]) -> str:
    """Return objects as JSON documents, also with `---` between them."""
    return "---\n".join(gator.dump_json(gator.ordered(one)) for one in made)


FORMATS: Final[dict[str, Callable[[Sequence[Object]], str]]] = {"": as_yaml, "yaml": as_yaml, "json": as_json}
