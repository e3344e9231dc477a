"""What `schemas:` in a `# METADATA` block says of the documents that a rule reads (OPA check.go, checkRule).

A rule is looked at with the schemas of its package and of those above it, of its document, and of its own; each
replaces a part of `input` or `data`, the later ones last.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from pratique.rego.errors import Problem
from pratique.rego.nodes import Annotation
from pratique.rego.runtime.text import quote
from pratique.rego.source import Span
from pratique.rego.types import problems
from pratique.rego.types.calls import NOWHERE
from pratique.rego.types.documents import Node
from pratique.rego.types.environment import Layer
from pratique.rego.types.kinds import Key, Type
from pratique.rego.types.schemas import SchemaError, replaced, type_of_schema

# Schemas by the path behind `schema`; the one of no path is that of the input.
Schemas: TypeAlias = Mapping[tuple[str, ...], Any]
_PART: Final = re.compile(r"""\.?([A-Za-z_]\w*)|\["([^"\]]*)"\]|\['([^'\]]*)'\]""")


class Annotated:
    """Makes the layers in which rules with schemas are looked at; each schema is read once."""

    def __init__(self, schemas: Schemas | None) -> None:
        self.schemas = schemas
        self.known: dict[tuple[str, ...], Type] = {}

    def input(self) -> tuple[Type | None, Problem | None]:
        """Return the type of the input, or what is wrong with its schema."""
        if self.schemas is None or () not in self.schemas:
            return None, None
        return self._named((), NOWHERE)

    def layer(
        self, layer: Layer, annotations: Iterable[Annotation], place: Span
    ) -> tuple[Layer, list[Problem]]:
        """Return a layer that knows the annotations' schemas, and what is wrong with these."""
        wrong: list[Problem] = []
        for annotation in annotations:
            for path, schema in _listed(annotation):
                if isinstance(schema, str):
                    if self.schemas is None:
                        continue
                    kind, problem = self._named(_path(schema)[1:], place)
                else:
                    kind, problem = _read(schema, place)
                if problem is not None:
                    wrong.append(problem)
                if kind is not None:
                    root, keys = path[0], [Key(name) for name in path[1:]]
                    node = Node()
                    node.put((), replaced(layer.document(root, ()), keys, kind))
                    layer = layer.over({root: node})
        return layer, wrong

    def _named(self, path: tuple[str, ...], place: Span) -> tuple[Type | None, Problem | None]:
        if path not in self.known:
            if path not in (self.schemas or {}):
                names = "".join(_part(name) for name in path)
                return None, problems.problem(place, f"undefined schema: schema{names}")
            kind, problem = _read((self.schemas or {})[path], place)
            if kind is None:
                return None, problem
            self.known[path] = kind
        return self.known[path], None


def _read(schema: Any, place: Span) -> tuple[Type | None, Problem | None]:
    try:
        return type_of_schema(schema), None
    except SchemaError as error:
        return None, problems.problem(place, str(error))


def _listed(annotation: Annotation) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the documents that an annotation has schemas for, by their paths, with the schema or its name."""
    listed = annotation.value.get("schemas")
    for each in listed if isinstance(listed, list) else ():
        for name, schema in each.items() if isinstance(each, dict) else ():
            path = _path(str(name))
            if path[:1] in {("input",), ("data",)}:
                yield path, schema


def _path(text: str) -> tuple[str, ...]:
    return tuple([plain or double or single for plain, double, single in _PART.findall(text)])


def _part(name: str) -> str:
    return f".{name}" if name.isidentifier() else f"[{quote(name)}]"
