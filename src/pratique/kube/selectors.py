"""Label and field selectors: their text and their object form, read, checked and turned into tests.

In comes `app=a,env in (x, y)` or `{matchLabels: ..., matchExpressions: [...]}`, out goes a function that
tells whether a set of labels matches. A selector that makes no sense is answered in kube-apiserver's words.

Source: `apimachinery/pkg/labels/selector.go`, `apimachinery/pkg/fields/selector.go`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pratique.errors import InputError
from pratique.kube import names, status

Matcher = Callable[[Mapping[str, str]], bool]
_TOKEN = re.compile(r"\s*(==|!=|=|!|,|\(|\)|<|>|[^\s,()!=<>]+)")
OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


class SelectorError(InputError):
    """A selector makes no sense."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label: an operator and the values that it speaks of."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether a set of labels meets the condition."""
        operator, key = self.operator, self.key
        if operator == "In":
            return key in labels and labels[key] in self.values
        if operator == "NotIn":
            return labels.get(key) not in self.values if key in labels else True
        if operator == "Exists":
            return key in labels
        if operator == "DoesNotExist":
            return key not in labels
        try:
            have, want = int(labels[key]), int(self.values[0])
        except (KeyError, ValueError):
            return False
        return have > want if operator == "Gt" else have < want


def all_of(requirements: list[Requirement]) -> Matcher:
    """Return the test that all conditions hold."""
    if not requirements:
        return lambda labels: True
    if len(requirements) == 1:
        return requirements[0].matches
    return lambda labels: all(requirement.matches(labels) for requirement in requirements)


def compile_selector(selector: Mapping[str, Any] | None) -> Matcher:
    """Return the test for a LabelSelector object; None matches nothing, an empty one everything.

    Raises `SelectorError`.
    """
    if selector is None:
        return lambda labels: False
    wanted, expressions = selector.get("matchLabels") or {}, selector.get("matchExpressions") or []
    if not isinstance(wanted, dict) or not isinstance(expressions, list):
        raise SelectorError("`matchLabels` must be an object, and `matchExpressions` a list")
    found = [Requirement(key, "In", (value,)) for key, value in wanted.items()]
    return all_of(found + [_requirement(expression) for expression in expressions])


def _requirement(expression: Any) -> Requirement:
    if not isinstance(expression, dict):
        raise SelectorError("each of `matchExpressions` must be an object")
    key, operator = expression.get("key") or "", expression.get("operator") or ""
    values = expression.get("values") or []
    if not isinstance(operator, str) or operator not in OPERATORS:
        raise SelectorError(f'"{operator}" is not a valid label selector operator')
    if not isinstance(key, str) or not isinstance(values, list):
        raise SelectorError("the `key` of an expression must be text, and its `values` a list")
    return Requirement(key, operator, tuple(values))


def check_selector(selector: Mapping[str, Any] | None, path: str = "") -> list[str]:
    """Return what is wrong with a LabelSelector object, as `field: complaint`."""
    return [str(error) for error in selector_errors(selector, path)]


def selector_errors(selector: Mapping[str, Any] | None, path: str = "") -> list[status.FieldError]:
    """Return what is wrong with a LabelSelector object."""
    errors: list[status.FieldError] = []
    lead = f"{path}." if path else ""
    for key, value in ((selector or {}).get("matchLabels") or {}).items():
        errors += [status.invalid(f"{lead}matchLabels", key, text) for text in names.is_qualified_name(key)]
        errors += [
            status.invalid(f"{lead}matchLabels[{key}]", value, text)
            for text in names.is_label_value(str(value))
        ]
    for index, expression in enumerate((selector or {}).get("matchExpressions") or []):
        # To Go, null is an expression that says nothing.
        errors += _expression_errors(expression or {}, f"{lead}matchExpressions[{index}]")
    return errors


def _expression_errors(expression: Mapping[str, Any], where: str) -> list[status.FieldError]:
    errors: list[status.FieldError] = []
    operator, values = expression.get("operator") or "", expression.get("values") or []
    if operator in ("In", "NotIn"):
        if not values:
            text = "must be specified when `operator` is 'In' or 'NotIn'"
            errors.append(status.required(f"{where}.values", text))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            errors.append(status.forbidden(f"{where}.values", text))
    else:
        errors.append(status.invalid(f"{where}.operator", operator, "not a valid selector operator"))
    key = str(expression.get("key") or "")
    errors += [status.invalid(f"{where}.key", key, text) for text in names.is_qualified_name(key)]
    for index, value in enumerate(values):
        spot = f"{where}.values[{index}]"
        errors += [status.invalid(spot, value, text) for text in names.is_label_value(str(value))]
    return errors


def parse_labels(text: str) -> list[Requirement]:
    """Read the text form of a label selector."""
    return _Parser(text).parse()


def match_labels(text: str) -> Matcher:
    """Return the test for the text form of a label selector."""
    return all_of(parse_labels(text))


class _Parser:
    """Reads requirements from left to right; its complaints are those of Go's parser."""

    def __init__(self, text: str) -> None:
        self.tokens = [match[1] for match in _TOKEN.finditer(text)]
        self.position = 0

    def peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def take(self) -> str:
        word = self.peek()
        self.position += 1
        return word

    def parse(self) -> list[Requirement]:
        found: list[Requirement] = []
        if not self.peek():
            return found
        while True:
            if self.peek() in (",", "=", "==", "!=", ")", "("):
                raise _unparsed(f"found '{self.peek()}', expected: !, identifier, or 'end of string'")
            found.append(self.requirement())
            word = self.take()
            if not word:
                return found
            if word != ",":
                raise _unparsed(f"found '{word}', expected: ',' or 'end of string'")
            if self.peek() in ("", ","):
                raise _unparsed(f"found '{self.peek()}', expected: identifier after ','")

    def requirement(self) -> Requirement:
        negated = self.peek() == "!"
        if negated:
            self.take()
        key = self.take()
        if problems := names.is_qualified_name(key):
            raise _unparsed(f"key: Invalid value: {status.show(key)}: {'; '.join(problems)}")
        if negated:
            return Requirement(key, "DoesNotExist")
        operator = self.peek()
        if operator in ("", ","):
            return Requirement(key, "Exists")
        self.take()
        if operator in ("in", "notin"):
            return self.checked(key, "In" if operator == "in" else "NotIn", self.value_list())
        if operator in ("=", "==", "!="):
            return self.checked(key, "NotIn" if operator == "!=" else "In", (self.single_value(),))
        if operator in ("<", ">"):
            return self.checked(key, "Lt" if operator == "<" else "Gt", (self.single_value(),))
        raise _unparsed(f"found '{operator}', expected: in, notin, =, ==, !=, gt, lt")

    def single_value(self) -> str:
        return "" if self.peek() in ("", ",") else self.take()

    def value_list(self) -> tuple[str, ...]:
        if self.peek() != "(":
            raise _unparsed(f"found '{self.peek()}' expected: '('")
        self.take()
        values: list[str] = []
        expect_value = True
        while True:
            word = self.take()
            if word == ")":
                if expect_value and values:
                    values.append("")
                return tuple(values) or ("",)
            if word == "":
                raise _unparsed("found '', expected: ',' or ')'")
            if word == ",":
                if expect_value:
                    values.append("")
                expect_value = True
            else:
                values.append(word)
                expect_value = False

    def checked(self, key: str, operator: str, values: tuple[str, ...]) -> Requirement:
        for index, value in enumerate(values):
            if operator in ("Gt", "Lt"):
                if not re.fullmatch(r"[+-]?\d+", value):
                    text = "for 'Gt', 'Lt' operators, the value must be an integer"
                    raise _unparsed(f"values[{index}][{key}]: Invalid value: {status.show(value)}: {text}")
            elif problems := names.is_label_value(value):
                raise _unparsed(
                    f"values[{index}][{key}]: Invalid value: {status.show(value)}: {'; '.join(problems)}"
                )
        return Requirement(key, operator, values)


def _unparsed(text: str) -> SelectorError:
    return SelectorError(f"unable to parse requirement: {text}")


@dataclass(frozen=True, slots=True)
class FieldRequirement:
    """One condition of a field selector."""

    path: str
    equal: bool
    value: str


_ESCAPED = re.compile(r"\\([\\,=])")


def parse_fields(text: str) -> list[FieldRequirement]:
    """Read a field selector: terms with `=`, `==` or `!=`, between commas; a backslash escapes."""
    found: list[FieldRequirement] = []
    for term in re.split(r"(?<!\\),", text) if text else []:
        if not term:
            continue
        match = re.match(r"((?:\\.|[^\\=!])*)(!=|==|=)(.*)", term, re.S)
        if match is None:
            raise SelectorError(f"invalid selector: '{term}'; can't understand '{term}'")
        value = _ESCAPED.sub(r"\1", match[3])
        found.append(FieldRequirement(_ESCAPED.sub(r"\1", match[1]), match[2] != "!=", value))
    return found
