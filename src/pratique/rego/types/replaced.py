"""What `with` does to types: a replaced document may be what it was or what it is now (OPA check.go, withEnv).

Rules that may answer differently then are of any type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from pratique.rego.nodes import Path, Scalar, With
from pratique.rego.types.algebra import union
from pratique.rego.types.calls import NOWHERE, Calls
from pratique.rego.types.documents import Node
from pratique.rego.types.environment import Layer, Trees
from pratique.rego.types.kinds import ANY, Function, Key, MaybeType

# The paths of the rules at or below a path, and of all that depend on them.
Affected = Callable[[Path], Iterable[Path]]


class Replaced:
    """Makes the layers in which expressions with `with` are looked at."""

    def __init__(self, calls: Calls, affected: Affected) -> None:
        self.calls = calls
        self.affected = affected
        self.known: dict[tuple[Path, bool], Trees | None] = {}

    def layer(self, layer: Layer, withs: Sequence[With]) -> Layer:
        """Return the layer in which an expression with these modifiers is looked at."""
        found = layer
        targets: list[tuple[str, list[Key], MaybeType]] = []
        for each in withs:
            if each.kind == "builtin":
                continue
            root, path = ("input" if each.kind == "input" else "data"), each.path
            if path[:1] == ("data",):
                path = path[1:]
            kind = layer.document(root, tuple([Scalar(part, NOWHERE) for part in path]))
            function = isinstance(kind, Function)
            if root == "data":
                relaxed = self._relaxed(("data", *path), function=function)
                if relaxed is not None:
                    found = found.over(relaxed)
            if not function:
                by = self.calls.function(layer, each.by) if each.by else layer.type(each.value)
                both = union(kind, by) if kind is not None and by is not None else ANY
                targets.append((root, [Key(part) for part in path], both or ANY))
        if not targets:
            return found
        trees: dict[str, Node] = {}
        for root, keys, kind in targets:
            trees.setdefault(root, Node()).put(keys, kind)
        return found.over(trees)

    def _relaxed(self, path: Path, *, function: bool) -> Trees | None:
        """Return a tree in which what depends on a document is of any type; None where nothing does."""
        place = path, function
        if place not in self.known:
            node = Node()
            for each in self.affected(path):
                if not (function and each == path):
                    node.put([Key(name) for name in each[1:]], ANY)
            self.known[place] = {"data": node} if node.children else None
        return self.known[place]
