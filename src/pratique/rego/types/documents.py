"""The types of documents by their path: what rules give, and what is known of `input` and `data` (OPA env.go)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

from pratique.rego.nodes import Array, Object, Scalar, SetOf, Term
from pratique.rego.runtime.values import make_object
from pratique.rego.types import kinds
from pratique.rego.types.algebra import is_empty, merged, selected, union, values_of
from pratique.rego.types.kinds import ANY, STRING, Key, MaybeType

# What of a path a tree does not know: another one below may.
ELSEWHERE: Final = "elsewhere"
Found: TypeAlias = MaybeType | Literal["elsewhere"]


@lru_cache(4096)
def _text_key(text: str) -> Key:
    return Key(text)


def key_of(term: Term) -> Key | None:
    """Return the key that a constant term is, None for one that has variables."""
    if type(term) is Scalar:
        value = term.value
        return _text_key(value) if type(value) is str else Key(value)
    if isinstance(term, Array | Object | SetOf) and is_constant(term):
        return Key(_constant(term))
    return None


def is_constant(term: Term) -> bool:
    """Tell whether a flat term is known from its text."""
    if isinstance(term, Scalar):
        return True
    if isinstance(term, Array | SetOf):
        return all(map(is_constant, term.items))
    if isinstance(term, Object):
        return all(is_constant(key) and is_constant(item) for key, item in term.pairs)
    return False


def _constant(term: Term) -> Any:
    if isinstance(term, Array):
        return [_constant(item) for item in term.items]
    if isinstance(term, SetOf):
        # As Go's JSON writes it: an array in order, each member once.
        members = {kinds.value_order(each): each for each in [_constant(item) for item in term.items]}
        return [members[order] for order in sorted(members)]
    if isinstance(term, Object):
        return make_object([(_constant(key), _constant(item)) for key, item in term.pairs])
    assert isinstance(term, Scalar)  # `is_constant` has let nothing else through
    return term.value


class Node:
    """A place in a tree of documents: its type, if a rule gives it one, and what stands below."""

    __slots__ = ("children", "key", "type")

    def __init__(self, key: Key | None = None) -> None:
        self.key = key
        self.type: MaybeType = None
        self.children: dict[Any, Node] = {}

    def child(self, term: Term) -> Node | None:
        """Return the node at a constant key."""
        if not self.children:
            return None
        key = key_of(term)
        return None if key is None else self.children.get(key.order)

    def made(self, key: Key | None) -> Node:
        """Return the node at a key, made if need be; those of no key are all one, and nothing finds it."""
        place = None if key is None else key.order
        found = self.children.get(place)
        if found is None:
            found = self.children[place] = Node(key)
        return found

    def extent(self) -> MaybeType:
        """Return the type of the whole document here: what is not known may have any keys besides."""
        if self.type is not None:
            return self.type
        known = [
            (child.key, child.extent())
            for child in self.children.values()
            if child.key is not None and child.key.order[0] in {1, 2, 3}
        ]
        return kinds.Object(known, (STRING, ANY))

    def leaves(self, path: tuple[Key | None, ...] = ()) -> Iterator[tuple[tuple[Key | None, ...], MaybeType]]:
        """Yield the types below, each with its path from here."""
        for child in self.children.values():
            here = (*path, child.key)
            if child.type is not None:
                yield here, child.type
            else:
                yield from child.leaves(here)

    def put(self, path: Sequence[Key | None], kind: MaybeType) -> None:
        """Set the type at a path."""
        node = self
        for key in path:
            node = node.made(key)
        node.type = kind

    def insert(self, path: Sequence[Key], kind: MaybeType) -> None:
        """Add the type that a rule gives to what others give at its path, above and below it."""
        node = self
        for place, key in enumerate(path):
            node = node.made(key)
            if isinstance(node.type, kinds.Object) and place + 1 < len(path):
                node.type = _inserted(node.type, path[place + 1 :], kind)
        node.type = merged(node.type, kind)
        if isinstance(kind, kinds.Object) and node.children:
            for below, leaf in node.leaves():
                if isinstance(node.type, kinds.Object):
                    node.type = _inserted(node.type, below, leaf)


def _inserted(kind: kinds.Object, path: Sequence[Key | None], leaf: MaybeType) -> kinds.Object:
    key = path[0].type if path[0] is not None else None
    value = leaf if len(path) == 1 else _inserted(kinds.Object(()), path[1:], leaf)
    if kind.dynamic is None:
        return kinds.Object(kind.static, (key, value))
    return kinds.Object(kind.static, (union(kind.dynamic[0], key), union(kind.dynamic[1], value)))


def found_in(node: Node, path: Sequence[Term]) -> Found:
    """Return the type at a path below a node, `ELSEWHERE` where this tree knows nothing."""
    for place, part in enumerate(path):
        if node.type is not None:
            child = node.child(part)
            if child is None:
                return at(node.type, path[place:])
        else:
            if not is_constant(part):
                return at(node.extent(), path[place:])
            child = node.child(part)
            if child is None:
                return ELSEWHERE
        node = child
    return node.extent()


def at(kind: MaybeType, path: Sequence[Term]) -> MaybeType:
    """Return the type of what stands at a path in a value, None if nothing can; a variable is any key."""
    for part in path:
        if kind is None:
            return None
        if type(part) is Scalar:
            if kind is not ANY:
                key = key_of(part)
                assert key is not None  # a scalar always is one
                kind = selected(kind, key)
        elif is_empty(kind):
            # To iterate over nothing yields nothing, of whatever type.
            return ANY
        else:
            kind = values_of(kind)
    return kind


def ground_prefix(path: Sequence[Term]) -> int:
    """Return how many parts of a path come before the first that has variables."""
    for place, part in enumerate(path):
        if not is_constant(part):
            return place
    return len(path)
