"""The types of Rego's values, and their text: what OPA's `v1/types` package knows.

A type never changes once it is made. `None` stands where a type is not known (yet): an item of an array whose variable
has no type, the members of the empty set. Every type has

- `order`: a tuple by which types are sorted and are equal, as OPA's `Compare` does it;
- `unknown`: whether it holds a part that is not known, so that nothing follows from it;
- `text`: what OPA prints in its errors.

Keys of objects are values: they are kept as `Key`, which sorts and prints them as Go does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from pratique.rego.runtime.text import rego_text
from pratique.rego.runtime.values import Object as ObjectValue
from pratique.rego.runtime.values import Set as SetValue

Order: TypeAlias = tuple[Any, ...]
_NOTHING: Final[Order] = (-1,)


class Type:
    """What is known about a value before there is one."""

    __slots__ = ("_text", "order", "unknown")

    order: Order
    unknown: bool
    _text: str | None

    @property
    def text(self) -> str:
        """What OPA prints for it."""
        if self._text is None:
            self._text = self._written()
        return self._text

    def _written(self) -> str:
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Type) and self.order == other.order

    def __hash__(self) -> int:
        return hash(self.order)

    def __repr__(self) -> str:
        return self.text


MaybeType: TypeAlias = Type | None


def shown(kind: MaybeType) -> str:
    """Return the text of a type, `???` where it is not known."""
    return "???" if kind is None else kind.text


def _text(kind: MaybeType) -> str | None:
    return None if kind is None else kind.text


def _order(kind: MaybeType) -> Order:
    return _NOTHING if kind is None else kind.order


def is_unknown(kind: MaybeType) -> bool:
    """Tell whether a type is not known, or holds a part that is not."""
    return kind is None or kind.unknown


class Scalar(Type):
    """`null`, `boolean`, `number`, `string`."""

    __slots__ = ()

    def __init__(self, rank: int, name: str) -> None:
        self.order = (rank,)
        self.unknown = False
        self._text = name


class Array(Type):
    """`array<first, second>[others]`: items by their place, and what all further ones are."""

    __slots__ = ("dynamic", "static")

    def __init__(self, static: tuple[MaybeType, ...], dynamic: MaybeType = None) -> None:
        self.static = static
        self.dynamic = dynamic
        self.order = (4, dynamic is not None, _order(dynamic), tuple([_order(each) for each in static]))
        self.unknown = any(map(is_unknown, static)) or (dynamic is not None and dynamic.unknown)
        self._text = None

    def item(self, place: int) -> MaybeType:
        """Return the type of an item, None if there can be none."""
        if 0 <= place < len(self.static):
            return self.static[place]
        return self.dynamic if place >= 0 else None

    def _written(self) -> str:
        return composite("array", [shown(each) for each in self.static], _text(self.dynamic))


class Key:
    """A key of an object that is known: `order` sorts it, `text` is what Go prints for it."""

    __slots__ = ("order", "text", "type", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.order = value_order(value)
        self.text = _go_text(value)
        self.type = type_of(value)


class Object(Type):
    """`object<key: type>[keys: types]`: what known keys have, and what all others have."""

    __slots__ = ("_known", "dynamic", "static")

    def __init__(
        self, static: Iterable[tuple[Key, MaybeType]], dynamic: tuple[MaybeType, MaybeType] | None = None
    ) -> None:
        pairs = list(static)
        if len(pairs) > 1:
            pairs.sort(key=_by_key)
        self.static = tuple(pairs)
        self.dynamic = dynamic
        self._known: dict[Order, MaybeType] | None = None
        others = () if dynamic is None else (_order(dynamic[0]), _order(dynamic[1]))
        self.order = (
            5,
            dynamic is not None,
            others,
            tuple([(key.order, _order(each)) for key, each in pairs]),
        )
        self.unknown = any(is_unknown(each) for _, each in pairs) or (
            dynamic is not None and (is_unknown(dynamic[0]) or is_unknown(dynamic[1]))
        )
        self._text = None

    def value(self, key: Key) -> MaybeType:
        """Return what a known key has, None if there can be no such key."""
        if self._known is None:
            self._known = {each.order: found for each, found in self.static}
        if key.order in self._known:
            return self._known[key.order]
        if self.dynamic is not None and contains(self.dynamic[0], key.type):
            return self.dynamic[1]
        return None

    def _written(self) -> str:
        known = [f"{key.text}: {shown(each)}" for key, each in self.static]
        others = None if self.dynamic is None else f"{shown(self.dynamic[0])}: {shown(self.dynamic[1])}"
        return composite("object", known, others)


def _by_key(pair: tuple[Key, MaybeType]) -> Order:
    return pair[0].order


class Set(Type):
    """`set[members]`; the empty set has members of no type."""

    __slots__ = ("of",)

    def __init__(self, of: MaybeType) -> None:
        self.of = of
        self.order = (6, of is not None, _order(of))
        self.unknown = is_unknown(of)
        self._text = None

    def _written(self) -> str:
        return composite("set", [], _text(self.of))


class OneOf(Type):
    """`any<one, two>`, one of several types; without them, `any`: nothing is known, and everything fits."""

    __slots__ = ("of",)

    def __init__(self, of: tuple[Type, ...]) -> None:
        self.of = of
        self.order = (7, tuple([each.order for each in of]))
        self.unknown = False
        self._text = None

    def contains(self, other: MaybeType) -> bool:
        """Tell whether another type is one of these."""
        if isinstance(other, Function):
            return False
        return not self.of or (other is not None and other.order in self.order[1])

    def _written(self) -> str:
        return f"any<{', '.join([each.text for each in self.of])}>" if self.of else "any"


class Function(Type):
    """`(arguments) => result`; those of builtins have names. `rest` is what any number of further arguments are."""

    __slots__ = ("args", "names", "rest", "result")

    def __init__(
        self,
        args: tuple[MaybeType, ...],
        result: MaybeType,
        *,
        rest: MaybeType = None,
        names: tuple[str, ...] = (),
    ) -> None:
        self.args = args
        self.result = result
        self.rest = rest
        # Of the arguments, and then of the result.
        self.names = names
        self.order = (8, len(args), tuple([_order(each) for each in args]), _order(result), _order(rest))
        self.unknown = is_unknown(result) or any(map(is_unknown, args))
        self._text = None

    @property
    def operands(self) -> tuple[MaybeType, ...]:
        """The arguments, and the result as a further one, if there is one."""
        return self.args if self.result is None else (*self.args, self.result)

    def operand(self, place: int) -> MaybeType:
        """Return the type of an argument, or of the result behind the last one."""
        operands = self.operands
        return operands[place] if place < len(operands) else self.rest

    def _written(self) -> str:
        args = [shown(each) for each in self.args]
        if self.rest is not None:
            args.append(f"{self.rest.text}...")
        return f"({', '.join(args)}) => {shown(self.result)}"


def composite(name: str, known: list[str], others: str | None) -> str:
    """Return `name<known>[others]`, without the parts that are empty."""
    static = f"<{', '.join(known)}>" if known else ""
    return f"{name}{static}[{others}]" if others else f"{name}{static}"


NULL: Final = Scalar(0, "null")
BOOLEAN: Final = Scalar(1, "boolean")
NUMBER: Final = Scalar(2, "number")
STRING: Final = Scalar(3, "string")
ANY: Final = OneOf(())


def contains(kind: MaybeType, other: MaybeType) -> bool:
    """Tell whether one type is the other, or one of several that the first allows."""
    return kind.contains(other) if isinstance(kind, OneOf) else _order(kind) == _order(other)


# --- values ------------------------------------------------------------------------------------------------


def type_of(value: Any) -> Type:
    """Return the type of a value."""
    if value is None:
        return NULL
    if isinstance(value, bool):
        return BOOLEAN
    if isinstance(value, str):
        return STRING
    if isinstance(value, list):
        return Array(tuple([type_of(each) for each in value]))
    if isinstance(value, dict | ObjectValue):
        return Object([(Key(key), type_of(each)) for key, each in value.items()])
    if isinstance(value, SetValue):
        # What Go's JSON makes of a set.
        return Array(tuple([type_of(each) for each in value]))
    return NUMBER


def value_order(value: Any) -> Order:
    """Return a tuple that sorts values as Go's `util.Compare` does."""
    if value is None:
        return (0,)
    if isinstance(value, bool):
        return (1, value)
    if isinstance(value, str):
        return (3, value)
    if isinstance(value, list | SetValue):
        return (4, *[value_order(each) for each in value])
    if isinstance(value, dict | ObjectValue):
        return (5, *sorted((value_order(key), value_order(each)) for key, each in value.items()))
    return (2, value)


def _go_text(value: Any) -> str:
    if value is None:
        return "<nil>"
    if isinstance(value, str):
        return value
    if isinstance(value, list | SetValue):
        return f"[{' '.join([_go_text(each) for each in value])}]"
    if isinstance(value, dict | ObjectValue):
        pairs = sorted(value.items(), key=lambda pair: value_order(pair[0]))
        return f"map[{' '.join([f'{_go_text(key)}:{_go_text(each)}' for key, each in pairs])}]"
    return rego_text(value)
