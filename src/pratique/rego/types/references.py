"""References against what is known of the documents and values that they reach into (OPA check.go, refChecker).

A variable in brackets gets the type of the keys there, or must fit it.
"""

from __future__ import annotations

from typing import Final

from pratique.rego.errors import Problem
from pratique.rego.nodes import Ref, Scalar, Var
from pratique.rego.types.algebra import is_empty, keys_of, selected, unifies, values_of
from pratique.rego.types.documents import Node, key_of
from pratique.rego.types.environment import ROOTS, Layer
from pratique.rego.types.kinds import ANY, STRING, Function, Key, MaybeType
from pratique.rego.types.matching import fits
from pratique.rego.types.problems import Shown, members

# A rule stands at least two names below `data`.
_NAMES: Final = 2


class References:
    """Checks references; errors show them by what `shown` knows."""

    def __init__(self, shown: Shown) -> None:
        self.shown = shown

    def check(self, layer: Layer, ref: Ref) -> Problem | None:
        """Return what is wrong with a reference, if anything; its variables get types."""
        head = ref.head
        if not isinstance(head, Var):
            return self._value(layer, ANY, ref, 0)
        if head.name not in ROOTS:
            kind = layer.variable(head.name)
            if kind is None:
                layer.variables[head.name] = ANY
                kind = ANY
            return self._value(layer, kind, ref, 0)
        if not layer.trees:
            return self._value(layer, ANY, ref, 0)
        kind = layer.document(head.name, ref.path)
        if isinstance(kind, Function):
            return self.shown.unsupported(ref, len(ref.path), kind)
        return self._document(layer, ref)

    def _document(self, layer: Layer, ref: Ref) -> Problem | None:
        """Check a reference to a document in the nearest tree that knows it."""
        head = ref.head
        assert isinstance(head, Var)
        for tree in layer.trees:
            node = tree.get(head.name)
            for place, part in enumerate(ref.path):
                if node is None:
                    break
                if node.type is not None:
                    return self._value(layer, node.type, ref, place)
                wrong = self._key(layer, node, ref, place)
                if wrong is not None:
                    return wrong
                node = node.child(part)
            else:
                if node is not None:
                    return None
        return self._value(layer, ANY, ref, 0)

    def _key(self, layer: Layer, node: Node, ref: Ref, place: int) -> Problem | None:
        """Check a part of a reference against the names that stand at a place of a tree."""
        part = ref.path[place]
        if place < _NAMES and not isinstance(part, Var):
            if isinstance(part, Scalar) and isinstance(part.value, str):
                return None
            have = layer.type(part)
            return self.shown.undefined(ref, place, have=have, want=STRING, among=_names(node))
        if isinstance(part, Var):
            keys = keys_of(node.extent())
            known = layer.variable(part.name)
            if known is None:
                layer.variables[part.name] = keys
            elif not unifies(keys, known):
                return self.shown.undefined(ref, place, have=known, want=keys, among=_names(node))
        return None

    def _value(self, layer: Layer, kind: MaybeType, ref: Ref, start: int) -> Problem | None:
        """Check the parts of a reference from `start` on against a type that is reached into."""
        for place in range(start, len(ref.path)):
            part = ref.path[place]
            if kind is ANY:
                if type(part) is not Scalar:
                    wrong = self._iterates(layer, ANY, ANY, ref, place)
                    if wrong is not None:
                        return wrong
                continue
            if is_empty(kind):
                return self._nothing(layer, kind, ref, place)
            keys = keys_of(kind)
            if keys is None:
                return self.shown.unsupported(ref, place, kind)
            if type(part) is Scalar:
                key = key_of(part)
                assert key is not None  # a scalar always is one
                found = selected(kind, key)
                if found is None:
                    return self.shown.undefined(ref, place, have=None, want=keys, among=members(kind))
                kind = found
                continue
            wrong = self._iterates(layer, kind, keys, ref, place)
            if wrong is not None:
                return wrong
            kind = values_of(kind)
        return None

    def _iterates(
        self, layer: Layer, kind: MaybeType, keys: MaybeType, ref: Ref, place: int
    ) -> Problem | None:
        """Check a part with variables against the keys that there can be."""
        part = ref.path[place]
        if isinstance(part, Var):
            known = layer.variable(part.name)
            if known is None:
                layer.variables[part.name] = keys
            elif not unifies(known, keys):
                return self.shown.undefined(ref, place, have=known, want=keys, among=members(kind))
        elif not fits(layer, part, keys):
            return self.shown.undefined(ref, place, have=layer.type(part), want=keys)
        return None

    def _nothing(self, layer: Layer, kind: MaybeType, ref: Ref, place: int) -> Problem | None:
        """Check a part of a reference into a collection that holds nothing: only a constant key is wrong for sure."""
        part = ref.path[place]
        if isinstance(part, Scalar):
            return self.shown.undefined(ref, place, have=None, want=None)
        if isinstance(part, Var):
            known, keys = layer.variable(part.name), keys_of(kind)
            if known is None:
                layer.variables[part.name] = ANY
            elif keys is not None and not unifies(known, keys):
                return self.shown.undefined(ref, place, have=known, want=keys)
        return None


def _names(node: Node) -> list[Key]:
    """Return the keys of what stands below a node, in order."""
    found = [child.key for child in node.children.values() if child.key is not None]
    return sorted(found, key=lambda key: key.order)
