"""What a builtin is, and how a function becomes one.

`@builtin("startswith", "string, string -> boolean")` registers a plain function over values under its OPA name.
The signature gives the number of operands (the checker refuses calls that do not fit) and the types that each
takes (a wrong one is refused at run time in OPA's words). Types: `any null boolean number string array object
set`, alternatives with `|` in the order in which OPA lists them. `...` as the only operand takes any number.

A function that raises `RefusalError` has no answer either: the reason is told with the builtin's name before it.

A function is called with operands that fit, unless it says `unchecked=True`: then it looks itself, which costs
hot builtins less, and refuses with `raise mismatch(name, *operands)`. It answers `UNDEFINED` when it has no
answer, and raises `BuiltinError` when that deserves a word.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final, TypeVar

from pratique.errors import InputError
from pratique.rego.runtime import numbers
from pratique.rego.runtime.errors import BUILTIN_ERROR, LONGEST, TYPE_ERROR, BuiltinError, too_long
from pratique.rego.runtime.values import (
    COUNTED,
    UNDEFINED,
    Object,
    Set,
    Value,
    Written,
    is_number,
    type_name,
)
from pratique.rego.runtime.work import CHARACTERS, QUANTUM, SMALL, charge

Function = TypeVar("Function", bound=Callable[..., Value])

# The files that register builtins, in the order in which they are listed.
FILES: Final = (
    "aggregates",
    "arithmetic",
    "arrays",
    "base64s",
    "certificates",
    "debugging",
    "digests",
    "durations",
    "encoding",
    "globs",
    "graph",
    "identifiers",
    "jsons",
    "net",
    "objects",
    "operators",
    "paths",
    "refused",
    "regex",
    "schemas",
    "semver",
    "sets",
    "sprintf",
    "strings",
    "templates",
    "times",
    "tokens",
    "types",
    "uris",
    "units",
    "yamls",
)
_PACKAGE: Final = __name__.rpartition(".")[0]

TYPES: Final[dict[str, frozenset[type]]] = {
    "null": frozenset({type(None)}),
    "boolean": frozenset({bool}),
    "number": frozenset({int, float, Decimal, Written}),
    "string": frozenset({str}),
    "array": frozenset({list}),
    "object": frozenset({dict, Object}),
    "set": frozenset({Set}),
}
ANY: Final = frozenset[type]().union(*TYPES.values())


class RefusalError(ValueError):
    """Why a call whose operands fit has no answer; the builtin's name is put before it.

    >>> from pratique import rego
    >>> def owner(name):
    ...     raise rego.RefusalError(f"no team owns {name}")
    >>> known = {"acme.owner": rego.define("acme.owner", "string -> string", owner)}
    >>> rego.query([], 'acme.owner("x")', builtins=known)
    []
    >>> rego.query([], 'acme.owner("x")', builtins=known, strict=True)
    Traceback (most recent call last):
    pratique.rego.runtime.errors.EvaluationError: query:1:1: eval_builtin_error: acme.owner: no team owns x
    """


@dataclass(frozen=True, slots=True)
class Builtin:
    """A builtin as the checker and the emitter see it.

    `arity` is the number of operands, -1 for any; `relation` says that it yields several answers; a `void` one
    has no answer; a `deprecated` one is refused in Rego v1; `refused` says why the compiler refuses it until it is
    switched on; `nondeterministic` ones are never folded. A function with `needs_state` takes the evaluation's
    state before its operands. `summary` is what it does, in a sentence, and `group` the file that it belongs to.
    `define` makes one of one's own.

    >>> from pratique import rego
    >>> twice = rego.define("acme.twice", "number -> number", lambda value: value * 2)
    >>> twice.name, twice.operands, twice.result, twice.arity
    ('acme.twice', ('number',), 'number', 1)
    """

    name: str
    operands: tuple[str, ...]
    result: str
    function: Callable[..., Value]
    relation: bool = False
    void: bool = False
    deprecated: bool = False
    nondeterministic: bool = False
    needs_state: bool = False
    refused: str = ""
    summary: str = ""
    group: str = ""

    @property
    def arity(self) -> int:
        """The number of operands, -1 for any number."""
        return -1 if self.operands == ("...",) else len(self.operands)


_TABLE: Final[dict[str, Builtin]] = {}


def define(
    name: str, signature: str, function: Callable[..., Value], *, nondeterministic: bool = False
) -> Builtin:
    """Return a builtin of one's own, to be handed to `compile` or `query` under its name.

    `signature` is written as OPA documents builtins: the types of the operands and of the answer. The function gets
    plain values, of those types at run time too: an operand of another one is refused before it is called. It answers
    with a value, or `UNDEFINED` for none, or raises `RefusalError` with the reason. Unless it is `nondeterministic`, it
    may be called once for all evaluations where its operands are constant. Raises `InputError` for a wrong signature.

    >>> from pratique import rego
    >>> teams = {"web": "team-red"}
    >>> owner = rego.define("acme.owner", "string -> string", lambda name: teams.get(name, rego.UNDEFINED))
    >>> rego.query([], 'x := acme.owner("web")', builtins={owner.name: owner})
    [{'x': 'team-red'}]
    """
    left, arrow, result = signature.partition("->")
    operands, answer = _listed(left), result.strip()
    wrong = {
        each for each in (*operands, answer) if each != "any" and not set(each.split("|")) <= TYPES.keys()
    }
    if not arrow or wrong:
        raise InputError(
            f"`{signature}` is no signature of a builtin",
            hint=f"write `string, number -> boolean`; the types are any, {', '.join(TYPES)}, alternatives with |",
        )
    called = _checked(name, operands, function, needs_state=False)
    return Builtin(name, operands, answer, called, nondeterministic=nondeterministic)


def builtin(
    name: str,
    signature: str,
    *,
    accepts: str = "",
    unchecked: bool = False,
    needs_state: bool = False,
    grows: bool = False,
    cost: int = -1,
    **properties: Any,
) -> Callable[[Function], Function]:
    """Register the decorated function as the builtin `name`; the function itself stays as it is.

    `accepts` are the operands that are let through at run time, where they are more than the checker allows. With
    `grows` a chain of calls can make ever longer texts or arrays: what is past `LONGEST` ends the evaluation.
    With a `cost`, a call counts as so many steps, and as the lengths of its operands where they are long.
    """
    left, _, result = signature.partition("->")
    operands = _listed(left)
    checked = _listed(accepts or left)

    def register(function: Function) -> Function:
        costly = function if cost < 0 else _costly(function, cost)
        called = costly if unchecked else _checked(name, checked, costly, needs_state=needs_state)
        if grows:
            called = _bounded(name, called)
        if needs_state:
            called.needs_state = True  # type: ignore[attr-defined]  # how the emitter knows
        properties.setdefault("summary", (function.__doc__ or "").partition("\n")[0])
        properties.setdefault("group", function.__module__.rpartition(".")[2])
        _TABLE[name] = Builtin(name, operands, result.strip(), called, needs_state=needs_state, **properties)
        return function

    return register


def _listed(operands: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in operands.split(",") if each.strip())


def alias(name: str, of: str, **properties: Any) -> None:
    """Register another name for a builtin."""
    known = _TABLE[of]
    function = _checked(name, known.operands, known.function, needs_state=known.needs_state)
    properties.setdefault("summary", known.summary)
    properties.setdefault("group", known.group)
    _TABLE[name] = Builtin(name, known.operands, known.result, function, **properties)


def refuse(name: str, signature: str, *, why: str) -> None:
    """Register a builtin that the checker knows, and the compiler refuses."""

    @builtin(
        name, signature, refused=why, nondeterministic=True, summary=f"Not available: {why}.", group="refused"
    )
    def refused(*_: Value) -> Value:
        raise BuiltinError(BUILTIN_ERROR, f"{name}: {why}")


def lookup(name: str) -> Builtin | None:
    """Return the builtin of that name."""
    return table().get(name)


def table() -> Mapping[str, Builtin]:
    """Return all builtins by name.

    >>> from pratique import rego
    >>> known = rego.builtins()["startswith"]
    >>> known.operands, known.result, known.deprecated
    (('string', 'string'), 'boolean', False)
    """
    _complete()
    return MappingProxyType(_TABLE)


@functools.cache
def _complete() -> None:
    """Import every file that registers builtins."""
    for file in FILES:
        importlib.import_module(f"{_PACKAGE}.{file}")


def files(names: Iterable[str]) -> list[str]:
    """Return the files that register builtins, for `table_of`; what none of ours is called is passed over."""
    known = table()
    return sorted({known[name].group for name in names if name in known})


def table_of(names: Iterable[str]) -> Mapping[str, Builtin]:
    """Return builtins by name, those of some files among them, without importing the others.

    Raises ValueError for a file that there is not.
    """
    for name in names:
        importlib.import_module(f"{_PACKAGE}.{FILES[FILES.index(name)]}")
    return MappingProxyType(_TABLE)


def _accepted(operand: str) -> frozenset[type]:
    if operand == "any":
        return ANY
    return frozenset[type]().union(*(TYPES[each] for each in operand.split("|")))


def _checked(
    name: str, operands: tuple[str, ...], function: Callable[..., Value], *, needs_state: bool
) -> Callable[..., Value]:
    accepted = [_accepted(each) for each in operands if each != "..."]
    narrow = [(index, each) for index, each in enumerate(accepted) if each is not ANY]

    def refused(*given: Value) -> BuiltinError | None:
        for index, types in narrow:
            if type(given[index]) not in types:
                return operand_error(name, index + 1, operands[index], type_name(given[index]))
        return None

    if len(operands) == len(accepted) == len(narrow) and not needs_state and len(narrow) in _BY_ARITY:
        return _BY_ARITY[len(narrow)](name, function, refused, *accepted)

    def checked(*values: Value) -> Value:
        if (error := refused(*(values[1:] if needs_state else values))) is not None:
            raise error
        try:
            return function(*values)
        except RefusalError as error:
            raise failure(name, str(error)) from None

    return checked


def _costly(function: Callable[..., Value], cost: int) -> Callable[..., Value]:
    def costly(*operands: Value) -> Value:
        steps = cost
        for each in operands:
            kind = type(each)
            if kind in COUNTED and len(each) > SMALL:
                steps += len(each) // CHARACTERS if kind is str else len(each)
        if steps > SMALL:
            charge(steps)
        return function(*operands)

    def one(operand: Value) -> Value:
        return function(operand) if type(operand) is str and len(operand) < QUANTUM else costly(operand)

    def two(left: Value, right: Value) -> Value:
        short = type(left) is type(right) is str and len(left) < QUANTUM and len(right) < QUANTUM
        return function(left, right) if short else costly(left, right)

    # Short texts, the most usual operands, cost least.
    quick: dict[int, Callable[..., Value]] = {} if cost else {1: one, 2: two}
    return quick.get(function.__code__.co_argcount, costly)


def _bounded(name: str, function: Callable[..., Value]) -> Callable[..., Value]:
    def bounded(*values: Value) -> Value:
        made = function(*values)
        if made is not UNDEFINED and len(made) > QUANTUM:
            if len(made) > LONGEST:
                raise too_long(name)
            charge(len(made) // CHARACTERS if type(made) is str else len(made))
        return made

    return bounded


# The same for operands that all have types to look at, without a loop over them.
_Refused = Callable[..., BuiltinError | None]


def _checked_one(
    name: str, function: Callable[..., Value], refused: _Refused, first: frozenset[type]
) -> Callable[..., Value]:
    def checked(one: Value) -> Value:
        if type(one) not in first and (error := refused(one)):
            raise error
        try:
            return function(one)
        except RefusalError as error:
            raise failure(name, str(error)) from None

    return checked


def _checked_two(
    name: str, function: Callable[..., Value], refused: _Refused, *accepted: frozenset[type]
) -> Callable[..., Value]:
    first, second = accepted

    def checked(one: Value, two: Value) -> Value:
        if (type(one) not in first or type(two) not in second) and (error := refused(one, two)):
            raise error
        try:
            return function(one, two)
        except RefusalError as error:
            raise failure(name, str(error)) from None

    return checked


def _checked_three(
    name: str, function: Callable[..., Value], refused: _Refused, *accepted: frozenset[type]
) -> Callable[..., Value]:
    first, second, third = accepted

    def checked(one: Value, two: Value, three: Value) -> Value:
        fits = type(one) in first and type(two) in second and type(three) in third
        if not fits and (error := refused(one, two, three)):
            raise error
        try:
            return function(one, two, three)
        except RefusalError as error:
            raise failure(name, str(error)) from None

    return checked


_BY_ARITY: Final[dict[int, Callable[..., Callable[..., Value]]]] = {
    1: _checked_one,
    2: _checked_two,
    3: _checked_three,
}


def mismatch(name: str, *values: Value) -> BuiltinError:
    """Return the refusal of the first operand that the signature of `name` does not take."""
    for position, (operand, value) in enumerate(zip(_TABLE[name].operands, values, strict=False), 1):
        if type(value) not in _accepted(operand):
            return operand_error(name, position, operand, type_name(value))
    raise AssertionError(f"{name} refused operands that fit")


def operand_error(name: str, position: int, wanted: str, got: str) -> BuiltinError:
    """Return OPA's refusal of one operand; `wanted` is a type, or alternatives with `|`."""
    choice = f"one of {{{', '.join(wanted.split('|'))}}}" if "|" in wanted else wanted
    return BuiltinError(TYPE_ERROR, f"{name}: operand {position} must be {choice} but got {got}")


def whole(name: str, position: int, value: Value) -> int:
    """Return a number operand that is an integer of any size, however it is written; another one is refused."""
    if type(value) is int:
        return value
    if not is_number(value):
        raise operand_error(name, position, "integer", type_name(value))
    found = numbers.whole(value)
    if found is None:
        raise operand_error(name, position, "integer number", "floating-point number")
    return found


def machine_int(name: str, position: int, value: Value) -> int:
    """Return a number operand that is written as an integer of at most 64 bits; another one is refused."""
    if not is_number(value):
        raise operand_error(name, position, "number", type_name(value))
    found = numbers.machine_int(value)
    if found is None:
        raise operand_error(name, position, "integer number", "floating-point number")
    return found


def failure(name: str, message: str) -> BuiltinError:
    """Return the refusal of a call whose operands fit, but have no answer."""
    return BuiltinError(BUILTIN_ERROR, f"{name}: {message}")
