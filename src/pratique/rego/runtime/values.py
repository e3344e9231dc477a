"""Rego's values as Python's own: what they are, when they are equal, how they are ordered.

null, booleans, strings, arrays and objects are `None`, `bool`, `str`, `list` and `dict` with string keys,
as JSON brings them: input is read as it is, never converted or copied. `Set` holds anything; `Object` is the
rare object that has a key which is no string. Numbers are `int`, `float` (only as read from input), `Decimal`,
and `Written`, a Decimal with a text of its own (see `numbers`). `UNDEFINED` is the absence of a value, and is
never inside one.

Values are immutable by agreement. Python's `==` and `hash` are wrong for Rego (`True == 1`; lists do not
hash), hence `equal`, `compare` and `key`, the canonical key: values are equal exactly when their keys are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from decimal import Decimal
from functools import cmp_to_key, partial
from operator import itemgetter
from typing import Any, ClassVar, Final, TypeAlias, final

from pratique.rego.runtime.work import METER, SMALL, tick, work

Value: TypeAlias = Any


@final
class Undefined:
    """The absence of a value; there is one instance, `UNDEFINED`.

    `get(name, default)` is an empty object's: what stands in nothing is the default, in one call of C.
    """

    __slots__ = ()
    get: ClassVar[Callable[[Value, Value], Value]] = {}.get

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "UNDEFINED"

    def __reduce__(self) -> str:
        return "UNDEFINED"


UNDEFINED: Final = Undefined()


@final
class Written(Decimal):
    """A number whose text is not the one that its value has by itself: `1e-07`, `1E3`, `0.0000001`."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str, value: str | None = None) -> Written:
        """Return the number that the text stands for, or the value that it is taken for."""
        made = super().__new__(cls, text if value is None else value)
        made.text = text
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Written, (self.text, str(Decimal(self)))


# Tags that no JSON value can be equal to: tuples never come from input.
_TRUE: Final = ("true",)
_FALSE: Final = ("false",)


def key(value: Value) -> Any:
    """Return the canonical key: hashable, and equal for exactly the values that Rego calls equal."""
    kind = type(value)
    if kind is str or kind is int or value is None:
        return value
    if kind is bool:
        return _TRUE if value else _FALSE
    if kind is list:
        METER.left = rest = METER.left - len(value)
        if rest < 0:
            tick()
        return ("array", *map(key, value))
    if kind is dict:
        if len(value) == 1:
            # What most policies answer: an object of one text.
            ((name, item),) = value.items()
            return ("object", name, item if type(item) is str else key(item))
        METER.left = rest = METER.left - len(value)
        if rest < 0:
            tick()
        return ("object", frozenset([(name, key(item)) for name, item in value.items()]))
    if kind is Decimal or kind is Written:
        # A Decimal and an int of the same value have the same hash; a float of the same text has not.
        return value
    if kind is float:
        return int(value) if value.is_integer() else Decimal(repr(value))
    if kind is Set:
        METER.left = rest = METER.left - len(value)
        if rest < 0:
            tick()
        return ("set", frozenset(value.table()))
    if kind is Object:
        if len(value.table) == 1:
            ((name, pair),) = value.table.items()
            return ("object", name, key(pair[1]))
        return ("object", frozenset([(name, key(pair[1])) for name, pair in value.table.items()]))
    raise TypeError(f"not a Rego value: {kind.__name__}")


# Among so few, looking at each is quicker than a table.
_FEW: Final = 16


@final
class Set:
    """A set of values, kept by canonical key; keys are computed only when they are needed.

    `table()` maps key to value in order of insertion; iteration is in Rego's order, for where order shows.

    >>> from pratique import rego
    >>> found = rego.Set([{"msg": "b"}, {"msg": "a"}, {"msg": "b"}])
    >>> len(found), list(found), {"msg": "a"} in found
    (2, [{'msg': 'a'}, {'msg': 'b'}], True)
    """

    __slots__ = ("_raw", "_table")
    # There once `_raw` is None.
    _table: dict[Any, Value]

    def __init__(self, values: Iterable[Value] = ()) -> None:
        self._raw: list[Value] | None = list(values)

    @classmethod
    def of_table(cls, table: dict[Any, Value]) -> Set:
        """Return the set that has this table of canonical key to value."""
        made = cls.__new__(cls)
        made._raw = None
        made._table = table
        return made

    def table(self) -> dict[Any, Value]:
        """Return the members by canonical key, in order of insertion."""
        raw = self._raw
        if raw is not None:
            table: dict[Any, Value] = {}
            for value in raw:
                table.setdefault(value if type(value) is str else key(value), value)
            # In this order: another thread may be here too.
            self._table = table
            self._raw = None
        return self._table

    def values(self) -> Collection[Value]:
        """Return the distinct members, in any order."""
        raw = self._raw
        if raw is None:
            return self._table.values()
        if len(raw) < 2 or type(raw) is _InOrder:
            return raw
        known = _records_in_order(raw)
        if known is None:
            return self.table().values()
        self._raw = known
        return known

    def rows(self) -> Collection[Value]:
        """Return the members in any order, some perhaps twice: for where that makes no difference."""
        raw = self._raw
        return raw if raw is not None else self._table.values()

    def texts_without(self, other: Set) -> Set | None:
        """Return what is not in another set, if that needs no keys: members that are all texts, as they often are."""
        raw, gone = self._raw, other._raw
        if raw is None or gone is None or len(gone) > _FEW or any(type(value) is not str for value in raw):
            return None
        # What equals a text is that text.
        return gathered([value for value in raw if value not in gone])

    def find(self, value: Value) -> Value:
        """Return the member equal to `value`, or UNDEFINED."""
        return self.table().get(key(value), UNDEFINED)

    def get(self, value: Value, default: Value) -> Value:
        """Return the member equal to `value`, or `default`: a reference into a set, as into an object."""
        return self.table().get(key(value), default)

    def __contains__(self, value: Value) -> bool:
        return key(value) in self.table()

    def __iter__(self) -> Iterator[Value]:
        raw = self._raw
        if raw is not None and len(raw) < 2:
            return iter(raw)
        found = self.values()
        return iter(found if type(found) is _InOrder else ordered(found))

    def __len__(self) -> int:
        raw = self._raw
        return len(raw) if raw is not None and len(raw) < 2 else len(self.values())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Set) and self.table().keys() == other.table().keys()

    __hash__ = None  # type: ignore[assignment]  # a set is no key of a Python dict; `key` makes one

    def __repr__(self) -> str:
        return f"Set({list(self)!r})"


class _InOrder(list[Value]):
    """Members of a set, each once and in Rego's order."""

    __slots__ = ()


def _records_in_order(raw: list[Value]) -> _InOrder | None:
    """Return what most policies answer in order: objects that differ in one text alone, if these are."""
    first = raw[0]
    if type(first) is not dict:
        return None
    name, others = None, []
    for each, value in first.items():
        if type(value) is not str:
            others.append(each)
        elif name is None:
            name = each
        else:
            return None
    if name is None:
        return None
    count = len(first)
    found: dict[str, Value] = {}
    for row in raw:
        if type(row) is not dict or len(row) != count:
            return None
        text = row.get(name)
        if type(text) is not str:
            return None
        for other in others:
            if row.get(other, UNDEFINED) is not first[other]:
                return None
        found[text] = row
    return _InOrder([found[text] for text in sorted(found)])


_NEW: Final[Callable[[], Set]] = partial(object.__new__, Set)


def gathered(rows: list[Value]) -> Set:
    """Return the set of these values, which nobody else will change: the quick way for generated code."""
    made = _NEW()
    made._raw = rows
    return made


EMPTY: Final = Set()


@final
class Object:
    """An object with at least one key that is no string: canonical key to (key, value).

    Objects whose keys are all strings are plain dicts.

    >>> from pratique import rego
    >>> found = rego.query([], 'x := {1: "a", [2]: "b"}')[0]["x"]
    >>> found.get(1), found.get([2]), found.get("1")
    ('a', 'b', UNDEFINED)
    """

    __slots__ = ("table",)

    def __init__(self, table: dict[Any, tuple[Value, Value]]) -> None:
        self.table = table

    def get(self, name: Value, default: Value = UNDEFINED) -> Value:
        """Return the value at `name`, or `default`."""
        pair = self.table.get(key(name))
        return default if pair is None else pair[1]

    def items(self) -> Collection[tuple[Value, Value]]:
        """Return pairs of key and value, in any order."""
        return self.table.values()

    def keys(self) -> Collection[Value]:
        """Return the keys, in any order."""
        return [pair[0] for pair in self.table.values()]

    def values(self) -> Collection[Value]:
        """Return the values, in any order."""
        return [pair[1] for pair in self.table.values()]

    def __contains__(self, name: Value) -> bool:
        return key(name) in self.table

    def __iter__(self) -> Iterator[Value]:
        return iter(ordered(self.keys()))

    def __len__(self) -> int:
        return len(self.table)

    def __eq__(self, other: object) -> bool:
        return equal(self, other)

    __hash__ = None  # type: ignore[assignment]  # as for Set

    def __repr__(self) -> str:
        return f"Object({list(self.items())!r})"


def make_object(pairs: Iterable[tuple[Value, Value]]) -> dict[str, Value] | Object:
    """Return the object of these pairs: of equal keys (1 and 1.0) the first, and the last value."""
    found = list(pairs)
    if all(type(name) is str for name, _ in found):
        return dict(found)
    table: dict[Any, tuple[Value, Value]] = {}
    for name, value in found:
        at = key(name)
        table[at] = (table[at][0] if at in table else name, value)
    return Object(table)


def truthy(value: Value) -> bool:
    """Tell whether an expression of this value holds: everything but undefined and false does."""
    return value is not UNDEFINED and value is not False


def is_number(value: Value) -> bool:
    """Tell whether the value is a number (a boolean is not)."""
    kind = type(value)
    return kind is int or kind is float or kind is Decimal or kind is Written


def is_object(value: Value) -> bool:
    """Tell whether the value is an object."""
    kind = type(value)
    return kind is dict or kind is Object


def type_name(value: Value) -> str:
    """Return OPA's name of the value's type."""
    return _NAMES[type(value)]


_NAMES: Final[dict[type, str]] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    Decimal: "number",
    Written: "number",
    str: "string",
    list: "array",
    dict: "object",
    Object: "object",
    Set: "set",
}
_RANKS: Final[dict[type, int]] = {
    type(None): 0,
    bool: 1,
    int: 2,
    float: 2,
    Decimal: 2,
    Written: 2,
    str: 3,
    list: 4,
    dict: 5,
    Object: 5,
    Set: 6,
}
NUMBERS: Final = frozenset({int, float, Decimal})
OBJECTS: Final = frozenset({dict, Object})
COLLECTIONS: Final = frozenset({list, dict, Object, Set})
# What `count` takes.
COUNTED: Final = frozenset({list, dict, Object, Set, str})
_PLAIN: Final = frozenset({str, int, bool, type(None), Decimal, Written, float})


def exact(number: float | Decimal | int) -> int | Decimal:
    """Return the number as one that compares exactly: a float stands for its shortest text."""
    return Decimal(repr(number)) if type(number) is float else number  # type: ignore[return-value]


def equal(left: Value, right: Value) -> bool:
    """Tell whether Rego calls the two values equal."""
    if left is right:
        return True
    kind = type(left)
    other = type(right)
    if kind is other:
        if kind in _PLAIN:
            return bool(left == right)
        if kind is list:
            METER.left = rest = METER.left - 1
            if rest < 0:
                tick()
            return len(left) == len(right) and all(map(equal, left, right))
        if kind is dict:
            if len(left) != len(right):
                return False
            METER.left = rest = METER.left - 1
            if rest < 0:
                tick()
            for name, value in left.items():
                match = right.get(name, UNDEFINED)
                if match is UNDEFINED or not equal(value, match):
                    return False
            return True
        if kind is Set:
            return bool(left.table().keys() == right.table().keys())
        return bool(key(left) == key(right))
    rank = _RANKS.get(kind)
    if rank != _RANKS.get(other) or rank is None:
        return False
    return bool(exact(left) == exact(right)) if rank == 2 else bool(key(left) == key(right))


def compare(left: Value, right: Value) -> int:
    """Return -1, 0 or 1 as `left` comes before, with or after `right` in Rego's total order."""
    if left is right:
        return 0
    kind = type(left)
    if kind is type(right) and kind in _PLAIN and kind is not type(None):
        return -1 if left < right else 1 if right < left else 0
    rank = _RANKS[kind]
    other = _RANKS[type(right)]
    if rank != other:
        return -1 if rank < other else 1
    if rank == 2:
        left, right = exact(left), exact(right)
        return -1 if left < right else 1 if right < left else 0
    if rank == 4:
        return _compare_arrays(left, right)
    if rank == 5:
        return _compare_objects(left, right)
    return _compare_arrays(ordered(left.values()), ordered(right.values()))


def _compare_arrays(left: list[Value], right: list[Value]) -> int:
    work(1)
    for one, two in zip(left, right, strict=False):
        found = compare(one, two)
        if found:
            return found
    return (len(left) > len(right)) - (len(left) < len(right))


def _compare_objects(left: Value, right: Value) -> int:
    # Pairwise over both sorted key lists: key, then value, then length (OPA compare.go).
    work(len(left) + len(right))
    for one, two in zip(ordered(left.keys()), ordered(right.keys()), strict=False):
        found = compare(one, two) or compare(left.get(one), right.get(two))
        if found:
            return found
    return (len(left) > len(right)) - (len(left) < len(right))


sort_key: Final[Callable[[Value], Any]] = cmp_to_key(compare)


def ordered(values: Iterable[Value]) -> list[Value]:
    """Return the values as a list in Rego's order."""
    found = list(values)
    if len(found) < 2:
        return found
    if len(found) > SMALL:
        work(len(found))
    kinds = set(map(type, found))
    if kinds in (_TEXTS, _INTEGERS):
        found.sort()
    elif kinds == _RECORDS and (name := _only_text(found)) is not None:
        found.sort(key=itemgetter(name))
    else:
        found.sort(key=sort_key)
    return found


_TEXTS: Final = {str}
_INTEGERS: Final = {int}
_RECORDS: Final = {dict}


def _only_text(found: list[dict[str, Value]]) -> str | None:
    """Return the one key that all of these have, if they have no other and a text stands there."""
    names = found[0].keys()
    if len(names) != 1:
        return None
    (name,) = names
    fits = all(len(each) == 1 and type(each.get(name)) is str for each in found)
    return name if fits else None
