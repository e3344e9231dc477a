"""The `if` of a policy rule: conditions over one resource, evaluated as Azure Policy does.

In: a condition and the resource's document. Out: true or false. Operators and their comparisons:
azure-policy.md 1.4. Aliases are read by their own path (`Namespace/type/a.b[*].c` is `properties.a.b[*].c`).
It knows nothing of effects.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pratique.policy import expressions, functions
from pratique.policy.errors import DefinitionError, ExpressionError

MAX_CONDITIONS: Final = 4096
LOGIC: Final = frozenset({"not", "allof", "anyof"})
SUBJECTS: Final = frozenset({"field", "value", "count", "source"})

_MISSING: Final = object()
_TAG = re.compile(r"tags(?:\.(?P<dotted>.+)|\[(?P<quoted>.+)\])", re.I)
_ROOT_FIELDS: Final = frozenset(
    {"name", "type", "kind", "id", "location", "identity", "sku", "tags", "zones"}
)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a rule is evaluated over: the resource, parameter values, and the array members being counted."""

    resource: Mapping[str, Any]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    current: Mapping[str, Any] = field(default_factory=dict)

    def context(self) -> expressions.Context:
        """Return the context that expressions inside the rule are evaluated in."""
        special = {**self.functions, "field": self.value, "current": self._current}
        return expressions.Context(parameters=self.parameters, special=special)

    def _current(self, name: str | None = None) -> Any:
        if name is None:
            if len(self.current) != 1:
                raise ExpressionError("`current()` needs a name inside more than one `count`")
            return next(iter(self.current.values()))
        found = self._bound(name)
        if found is _MISSING:
            raise ExpressionError(f"`current('{name}')` is not inside such a `count`")
        return found

    def _bound(self, name: str) -> Any:
        """Return what a name means inside the surrounding counts."""
        folded = name.casefold()
        for bound in sorted(self.current, key=len, reverse=True):
            if folded == bound:
                return self.current[bound]
            if bound.endswith("[*]") and folded.startswith(bound + "."):
                found = list(walk(self.current[bound], _steps(name[len(bound) + 1 :])))
                return found[0] if found else None
        return _MISSING

    def value(self, name: str) -> Any:
        """Return a field's value, or nothing when the resource does not have it."""
        found = self.values(name)
        return found if "[*]" in name else (found[0] if found else None)

    def values(self, name: str) -> list[Any]:
        """Return the values that a field stands for: several for an array alias, none when it is missing."""
        bound = self._bound(name)
        if bound is not _MISSING:
            return [bound]
        return [value for value in walk(self.resource, _path(self.resource, name)) if value is not _MISSING]


def evaluate(condition: Mapping[str, Any], subject: Subject) -> bool:
    """Tell whether the condition holds for the resource."""
    keys = {str(key).casefold(): key for key in condition}
    if "not" in keys:
        return not evaluate(condition[keys["not"]], subject)
    if "allof" in keys:
        return all(evaluate(part, subject) for part in condition[keys["allof"]])
    if "anyof" in keys:
        return any(evaluate(part, subject) for part in condition[keys["anyof"]])
    operator = next((name for name in keys if name in OPERATORS), None)
    if operator is None:
        raise ExpressionError(
            "a condition needs an operator", hint=f"write one of {', '.join(sorted(OPERATORS))}"
        )
    context = subject.context()
    target = expressions.resolve(condition[keys[operator]], context)
    test = OPERATORS[operator]
    if "count" in keys:
        return test(_count(condition[keys["count"]], subject), target)
    if "value" in keys:
        return test(expressions.resolve(condition[keys["value"]], context), target)
    name = str(expressions.resolve(condition[keys["field"]], context))
    values = subject.values(name)
    if "[*]" in name:
        # A bare array alias: every member must satisfy the condition, none at all does (1.4).
        return all(test(value, target) for value in values)
    value = values[0] if values else None
    if name.casefold() == "location":
        value, target = _place(value), _place(target)
    return test(value, target)


def check(condition: Any, *, target: str, _budget: list[int] | None = None) -> None:
    """Raise `DefinitionError` unless this is a well-formed condition."""
    budget = _budget if _budget is not None else [MAX_CONDITIONS]
    if not isinstance(condition, Mapping):
        raise DefinitionError("a condition must be an object", target=target, code="InvalidPolicyRule")
    budget[0] -= 1
    if budget[0] < 0:
        raise DefinitionError(
            f"more than {MAX_CONDITIONS} conditions", target=target, code="InvalidPolicyRule"
        )
    keys = {str(key).casefold(): key for key in condition}
    logic = LOGIC & keys.keys()
    if logic:
        _check_logic(condition, keys[next(iter(logic))], len(condition), target, budget)
        return
    if not SUBJECTS & keys.keys():
        raise DefinitionError(
            "a condition needs `field`, `value` or `count`",
            target=target,
            code="InvalidPolicyRule",
            hint='as in {"field": "type", "equals": "Microsoft.ContainerService/managedClusters"}',
        )
    operators = [name for name in keys if name in OPERATORS]
    unknown = [name for folded, name in keys.items() if folded not in OPERATORS and folded not in SUBJECTS]
    if len(operators) != 1 or unknown:
        raise DefinitionError(
            f"`{unknown[0]}` is not an operator" if unknown else "a condition needs one operator",
            target=target,
            code="InvalidPolicyRule",
            hint=f"write one of {', '.join(NAMES)}",
        )
    if "count" in keys:
        where = condition[keys["count"]]
        if isinstance(where, Mapping) and "where" in where:
            check(where["where"], target=f"{target}.count.where", _budget=budget)


def _check_logic(condition: Mapping[str, Any], key: str, size: int, target: str, budget: list[int]) -> None:
    if size != 1:
        raise DefinitionError(f"`{key}` stands alone in its object", target=target, code="InvalidPolicyRule")
    value = condition[key]
    if key.casefold() == "not":
        check(value, target=f"{target}.{key}", _budget=budget)
        return
    if not isinstance(value, list) or not value:
        raise DefinitionError(
            f"`{key}` must be an array of conditions", target=f"{target}.{key}", code="InvalidPolicyRule"
        )
    for index, part in enumerate(value):
        check(part, target=f"{target}.{key}[{index}]", _budget=budget)


def _count(spec: Any, subject: Subject) -> int:
    if not isinstance(spec, Mapping):
        raise ExpressionError("`count` must be an object")
    where = spec.get("where")
    if "field" in spec:
        name = str(spec["field"])
        members, bound = subject.values(name), name.casefold()
    else:
        found = expressions.resolve(spec.get("value"), subject.context())
        members, bound = (
            found if isinstance(found, list) else [],
            str(spec.get("name") or "default").casefold(),
        )
    if where is None:
        return len(members)
    return sum(
        evaluate(where, replace(subject, current={**subject.current, bound: member})) for member in members
    )


# --- fields ---------------------------------------------------------------------------------------------


def _path(resource: Mapping[str, Any], name: str) -> list[str]:
    """Return the steps from the resource's root to what a field or alias names."""
    if name.casefold() == "fullname":
        return ["name"]
    tag = _TAG.fullmatch(name)
    if tag:
        return ["tags", tag["dotted"] or tag["quoted"].strip("'")]
    head = re.split(r"[.\[]", name, maxsplit=1)[0]
    if head.casefold() in _ROOT_FIELDS:
        return _steps(name)
    kind = str(resource.get("type", ""))
    inside = name.casefold().startswith(kind.casefold() + "/")
    rest = name[len(kind) + 1 :] if inside else name.rsplit("/", 1)[-1]
    first = re.split(r"[.\[]", rest, maxsplit=1)[0].casefold()
    return _steps(rest) if first in _ROOT_FIELDS - {"name"} else ["properties", *_steps(rest)]


def _steps(path: str) -> list[str]:
    steps: list[str] = []
    for part in path.split("."):
        stars = part.count("[*]")
        name = part.replace("[*]", "")
        steps.extend([name] if name else [])
        steps.extend(["[*]"] * stars)
    return steps


def walk(value: Any, steps: Sequence[str]) -> Iterator[Any]:
    """Yield what lies at the end of the steps: one value a path, `[*]` branching over an array."""
    for index, step in enumerate(steps):
        if step == "[*]":
            for member in value if isinstance(value, list) else ():
                yield from walk(member, steps[index + 1 :])
            return
        if not isinstance(value, Mapping):
            return
        folded = step.casefold()
        for key in value:
            if str(key).casefold() == folded:
                value = value[key]
                break
        else:
            return
    yield value


def _place(value: Any) -> Any:
    if isinstance(value, list):
        return [_place(item) for item in value]
    return value.replace(" ", "").casefold() if isinstance(value, str) else value


# --- operators ------------------------------------------------------------------------------------------


def _equals(value: Any, target: Any) -> bool:
    if isinstance(value, bool) != isinstance(target, bool) and value is not None:
        # `"true"` in a rule stands for true in a resource, and the reverse.
        return functions.text(value).casefold() == functions.text(target).casefold()
    if isinstance(value, (int, float)) and isinstance(target, str):
        return functions.text(value) == target
    if isinstance(target, (int, float)) and isinstance(value, str):
        return functions.text(target) == value
    return functions.equal(value, target)


def _like(value: Any, pattern: Any) -> bool:
    if not isinstance(value, str) or not isinstance(pattern, str):
        return False
    if pattern.count("*") > 1:
        raise ExpressionError(f"`{pattern}` has more than one `*`")
    before, star, after = pattern.casefold().partition("*")
    folded = value.casefold()
    if not star:
        return folded == before
    return len(folded) >= len(before) + len(after) and folded.startswith(before) and folded.endswith(after)


def _match(value: Any, pattern: Any, *, flags: int = 0) -> bool:
    if not isinstance(value, str) or not isinstance(pattern, str):
        return False
    classes = {"#": r"[0-9]", "?": r"[A-Za-z]", ".": r"."}
    expression = "".join(classes.get(char, re.escape(char)) for char in pattern)
    return re.fullmatch(expression, value, flags | re.S) is not None


def _match_insensitively(value: Any, pattern: Any) -> bool:
    return _match(value, pattern, flags=re.I)


def _contains(value: Any, target: Any) -> bool:
    if isinstance(value, str):
        return functions.text(target).casefold() in value.casefold()
    return isinstance(value, list) and any(_equals(item, target) for item in value)


def _in(value: Any, targets: Any) -> bool:
    if not isinstance(targets, list):
        raise ExpressionError("`in` takes an array")
    return any(_equals(value, target) for target in targets)


def _contains_key(value: Any, target: Any) -> bool:
    return isinstance(value, Mapping) and any(str(key).casefold() == str(target).casefold() for key in value)


def _exists(value: Any, target: Any) -> bool:
    return (value is not None) == functions.truth(target)


def _ordered(accept: Callable[[int], bool]) -> Callable[[Any, Any], bool]:
    def test(value: Any, target: Any) -> bool:
        return value is not None and accept(functions.compare(value, target))

    return test


def _negated(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, target: not test(value, target)


_POSITIVE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "equals": _equals,
    "like": _like,
    "match": _match,
    "matchInsensitively": _match_insensitively,
    "contains": _contains,
    "in": _in,
    "containsKey": _contains_key,
}
_OTHERS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "less": _ordered(lambda sign: sign < 0),
    "lessOrEquals": _ordered(lambda sign: sign <= 0),
    "greater": _ordered(lambda sign: sign > 0),
    "greaterOrEquals": _ordered(lambda sign: sign >= 0),
    "exists": _exists,
}
NAMES: Final = (
    *_POSITIVE,
    *(f"not{name[0].upper()}{name[1:]}" for name in _POSITIVE),
    *_OTHERS,
)
OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    **{name.casefold(): test for name, test in (_POSITIVE | _OTHERS).items()},
    **{f"not{name}".casefold(): _negated(test) for name, test in _POSITIVE.items()},
}
