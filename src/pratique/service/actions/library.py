"""The definitions that come with Pratique, read once, and where PublicURL templates are read from."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from pratique import catalog
from pratique.policy import Definition, ids

Document = dict[str, Any]


class PolicyLibrary:
    """Built-in definitions and initiatives, by lower-case id; templates by URL.

    Nothing is ever fetched over the network: what neither the catalogue nor the mirror holds is refused,
    naming the URL.
    """

    def __init__(self, mirror: Path | None = None) -> None:
        self._catalog = catalog.Catalog(mirror=mirror)
        self.fetch = self._catalog.fetch

    @cached_property
    def definitions(self) -> dict[str, Document]:
        """Return the built-in definitions by id."""
        return {ids.key(document["id"]): document for document in self._catalog.definitions()}

    @cached_property
    def initiatives(self) -> dict[str, Document]:
        """Return the built-in initiatives by id."""
        return {ids.key(document["id"]): document for document in self._catalog.initiatives()}

    @cached_property
    def _read(self) -> dict[str, Definition]:
        return {key: Definition.from_arm(document) for key, document in self.definitions.items()}

    def definition(self, identifier: str) -> Definition | None:
        """Return a built-in definition, read."""
        return self._read.get(ids.key(identifier))
