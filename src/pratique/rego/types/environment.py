"""What is known where: the types of variables, body within body, and those of documents.

A layer is the inside of one rule, comprehension or expression with `with`. What a layer does not know, the one below it
may.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from pratique.rego.nodes import Array, Object, Ref, Scalar, SetOf, Term, Var
from pratique.rego.types import kinds
from pratique.rego.types.algebra import union_of
from pratique.rego.types.documents import ELSEWHERE, Node, at, found_in, key_of
from pratique.rego.types.kinds import ANY, MaybeType
from pratique.rego.types.steps import Closure

ROOTS: Final = frozenset({"input", "data"})
_OPEN: Final[dict[type, kinds.Type]] = {
    Array: kinds.Array((), ANY),
    Object: kinds.Object((), (ANY, ANY)),
    SetOf: kinds.Set(ANY),
}
# Documents by the name of their root.
Trees: TypeAlias = Mapping[str, Node]


class Layer:
    """The types that are known in one place; `looked_into` gives the type of a comprehension there.

    In an `older` layer, what is empty may hold anything, as in the OPA 1.17 that runs templates in Gatekeeper.
    """

    __slots__ = ("below", "looked_into", "older", "trees", "variables")

    def __init__(
        self,
        below: Layer | None,
        looked_into: Callable[[Layer, Closure], MaybeType],
        *,
        trees: tuple[Trees, ...] = (),
        variables: dict[str, MaybeType] | None = None,
        older: bool = False,
    ) -> None:
        self.below = below
        self.older: bool = older if below is None else below.older
        self.looked_into = looked_into
        self.variables: dict[str, MaybeType] = {} if variables is None else variables
        # From the nearest on.
        self.trees: tuple[Trees, ...] = trees if below is None else (*trees, *below.trees)

    def inner(self) -> Layer:
        """Return a layer for a body inside."""
        return Layer(self, self.looked_into)

    def over(self, trees: Trees) -> Layer:
        """Return a layer in which some documents are others; variables that get a type in it keep it outside."""
        return Layer(self, self.looked_into, trees=(trees,), variables=self.variables)

    def variable(self, name: str) -> MaybeType:
        """Return the type of a variable."""
        layer: Layer | None = self
        while layer is not None:
            if name in layer.variables:
                return layer.variables[name]
            layer = layer.below
        return None

    def knows(self, name: str) -> bool:
        """Tell whether a variable has been seen, if only without a type."""
        layer: Layer | None = self
        while layer is not None:
            if name in layer.variables:
                return True
            layer = layer.below
        return False

    def type(self, term: Term) -> MaybeType:
        """Return the type of a flat term."""
        if type(term) is Var:
            return self.variable(term.name)
        if type(term) is Scalar:
            return kinds.type_of(term.value)
        if isinstance(term, Ref):
            return self.reference(term)
        if self.older and isinstance(term, Array | Object | SetOf) and not _parts(term):
            return _OPEN[type(term)]
        if isinstance(term, Array):
            return kinds.Array(tuple([self.type(item) for item in term.items]))
        if isinstance(term, SetOf):
            return kinds.Set(union_of([self.type(item) for item in term.items]))
        if isinstance(term, Object):
            return self._object(term)
        assert isinstance(term, Closure)  # flat terms hold no calls
        return self.looked_into(self, term)

    def _object(self, term: Object) -> MaybeType:
        known = {}
        others: tuple[MaybeType, MaybeType] | None = None
        for name, item in term.pairs:
            key = key_of(name)
            if key is not None:
                known[key.order] = (key, self.type(item))
            else:
                others = (self.type(name), self.type(item))
        return kinds.Object(known.values(), others)

    def reference(self, ref: Ref) -> MaybeType:
        """Return the type of what a reference stands for, None if it is not known, or nothing can stand there."""
        head = ref.head
        if not isinstance(head, Var):
            return None
        if head.name in ROOTS:
            return self.document(head.name, ref.path)
        if not self.knows(head.name):
            return None
        return at(self.variable(head.name), ref.path)

    def document(self, root: str, path: tuple[Term, ...]) -> MaybeType:
        """Return the type of a document: `any` where nothing is known about it."""
        for tree in self.trees:
            node = tree.get(root)
            if node is not None:
                found = found_in(node, path)
                if found != ELSEWHERE:
                    return found
        return ANY


def _parts(term: Array | Object | SetOf) -> tuple[object, ...]:
    return term.pairs if isinstance(term, Object) else term.items
