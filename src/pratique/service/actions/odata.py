"""OData's query options over plain rows: `$filter`, `$apply`, `$orderby`, `$select`, `$top`.

In: the options' text and a list of dicts. Out: a list of dicts. The grammar is what the policy clients send
(azure-policy.md 5.5): comparisons, `and or not in`, parentheses, a few functions; column names and texts
compare without case, as Azure's do. It knows nothing of policies.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pratique.service.errors import RequestError

Row = dict[str, Any]
Test = Callable[[Row], Any]

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')"
    r"|(?P<time>\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?)"
    r"|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<word>[A-Za-z_$@][\w.$@]*)"
    r"|(?P<mark>[(),/]))"
)
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "contains": lambda text, part: _fold(part) in _fold(text),
    "startswith": lambda text, part: _fold(text).startswith(_fold(part)),
    "endswith": lambda text, part: _fold(text).endswith(_fold(part)),
    "tolower": lambda text: str(text).lower(),
    "toupper": lambda text: str(text).upper(),
    "length": lambda text: len(text or ""),
}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda left, right: _same(left, right),
    "ne": lambda left, right: not _same(left, right),
    "gt": lambda left, right: _order(left, right) == 1,
    "ge": lambda left, right: _order(left, right) in (0, 1),
    "lt": lambda left, right: _order(left, right) == -1,
    "le": lambda left, right: _order(left, right) in (-1, 0),
}
_NESTING = 64


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


class _Reader:
    """Reads an option's text, token by token."""

    def __init__(self, text: str, option: str) -> None:
        self.text = text
        self.option = option
        self.tokens = self._split()
        self.position = 0
        self.depth = 0

    def fail(self, message: str) -> RequestError:
        """Return the refusal for the present place."""
        token = self.peek()
        place = f" at character {token.at + 1}" if token else " at the end"
        return RequestError(
            f"cannot read {self.option} `{self.text}`: {message}{place}",
            code="InvalidFilterInQueryString" if self.option == "$filter" else "InvalidQueryOption",
            target=self.option,
            hint="as in `complianceState eq 'NonCompliant' and resourceGroup eq 'pratique'`",
        )

    def peek(self) -> _Token | None:
        """Return the next token."""
        return self.tokens[self.position] if self.position < len(self.tokens) else None

    def take(self) -> _Token:
        """Return the next token and go on."""
        token = self.peek()
        if token is None:
            raise self.fail("it ends too early")
        self.position += 1
        return token

    def accept(self, *texts: str) -> str:
        """Take the next token if it is one of these; return it in lower case, or nothing."""
        token = self.peek()
        if token is not None and token.kind != "text" and token.text.casefold() in texts:
            self.position += 1
            return token.text.casefold()
        return ""

    def expect(self, text: str) -> None:
        """Take exactly this token."""
        if not self.accept(text):
            raise self.fail(f"`{text}` is missing")

    def end(self) -> None:
        """Refuse what is left over."""
        token = self.peek()
        if token is not None:
            raise self.fail(f"`{token.text}` is unexpected")

    def _split(self) -> list[_Token]:
        tokens, at = [], 0
        while at < len(self.text.rstrip()):
            match = _TOKEN.match(self.text, at)
            if match is None or match.lastgroup is None:
                raise RequestError(
                    f"cannot read {self.option} `{self.text}`: unexpected `{self.text[at:].strip()[:1]}` at"
                    f" character {at + 1}",
                    code="InvalidFilterInQueryString",
                    target=self.option,
                )
            tokens.append(_Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
            at = match.end()
        return tokens


def read_filter(text: str, *, columns: Iterable[str] = ()) -> Test:
    """Return the test that a `$filter` describes; an empty one lets everything through.

    Raises RequestError naming the place, and for a column that is none of `columns`.
    """
    if not text.strip():
        return lambda _row: True
    reader = _Reader(text, "$filter")
    test = _either(reader, _names(columns))
    reader.end()
    return test


def order(rows: list[Row], text: str, *, columns: Iterable[str] = ()) -> list[Row]:
    """Return the rows as `$orderby` wants them; a column without a direction descends (5.5)."""
    known = _names(columns)
    found = list(rows)
    for part in reversed([part for part in text.split(",") if part.strip()]):
        words = part.split()
        if len(words) > 2 or (len(words) == 2 and words[1].casefold() not in ("asc", "desc")):
            raise RequestError(
                f"cannot read $orderby `{text}`", target="$orderby", hint="as in `timestamp desc`"
            )
        name = _column(words[0], known, "$orderby")
        ascending = len(words) == 2 and words[1].casefold() == "asc"
        found.sort(key=lambda row: _sortable(row.get(name)), reverse=not ascending)
    return found


def select(rows: list[Row], text: str, *, columns: Iterable[str] = ()) -> list[Row]:
    """Return the rows with the columns that `$select` names."""
    if not text.strip():
        return rows
    known = _names(columns)
    names = [_column(name.strip(), known, "$select") for name in text.split(",") if name.strip()]
    return [{name: row.get(name) for name in names} for row in rows]


def apply(rows: list[Row], text: str, *, columns: Iterable[str] = ()) -> list[Row]:
    """Return what `$apply` makes of the rows: `filter`, `groupby` and `aggregate`, chained by `/`."""
    if not text.strip():
        return rows
    reader = _Reader(text, "$apply")
    known = _names(columns)
    while True:
        step = reader.accept("filter", "groupby", "aggregate")
        if not step:
            raise reader.fail("expected filter, groupby or aggregate")
        reader.expect("(")
        if step == "filter":
            test = _either(reader, known)
            rows = [row for row in rows if test(row)]
        elif step == "aggregate":
            rows = [_aggregated(reader, rows, known)]
        else:
            rows = _grouped(reader, rows, known)
        reader.expect(")")
        known = _names(rows[0]) if rows and step != "filter" else known
        if not reader.accept("/"):
            reader.end()
            return rows


def _grouped(reader: _Reader, rows: list[Row], known: dict[str, str]) -> list[Row]:
    reader.expect("(")
    names = [_column(reader.take().text, known, "$apply")]
    while reader.accept(","):
        names.append(_column(reader.take().text, known, "$apply"))
    reader.expect(")")
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(_fold(row.get(name)) for name in names), []).append(row)
    heads = [{name: part[0].get(name) for name in names} for part in groups.values()]
    if not reader.accept(","):
        return heads
    if not reader.accept("aggregate"):
        raise reader.fail("expected aggregate")
    reader.expect("(")
    start = reader.position
    found = []
    for head, part in zip(heads, groups.values(), strict=True):
        reader.position = start
        found.append({**head, **_aggregated(reader, part, known)})
    if not heads:
        _aggregated(reader, [], known)
    reader.expect(")")
    return found


def _aggregated(reader: _Reader, rows: list[Row], known: dict[str, str]) -> Row:
    found: Row = {}
    while True:
        subject = reader.take().text
        value: Any = len(rows)
        if subject.casefold() != "$count":
            name = _column(subject, known, "$apply")
            reader.expect("with")
            value = _summary(reader, [row.get(name) for row in rows])
        reader.expect("as")
        found[reader.take().text] = value
        if not reader.accept(","):
            return found


def _summary(reader: _Reader, values: list[Any]) -> Any:
    how = reader.accept("min", "max", "sum", "average", "countdistinct")
    if how == "countdistinct":
        return len({_fold(value) for value in values})
    if how in ("sum", "average"):
        numbers = [value for value in values if isinstance(value, (int, float))]
        total = sum(numbers)
        return total if how == "sum" else (total / len(numbers) if numbers else None)
    if how in ("min", "max"):
        present = [value for value in values if value is not None]
        choose = min if how == "min" else max
        return choose(present, key=_sortable) if present else None
    raise reader.fail("expected min, max, sum, average or countdistinct")


def _either(reader: _Reader, known: dict[str, str]) -> Test:
    tests = [_both(reader, known)]
    while reader.accept("or"):
        tests.append(_both(reader, known))
    return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)


def _both(reader: _Reader, known: dict[str, str]) -> Test:
    tests = [_negated(reader, known)]
    while reader.accept("and"):
        tests.append(_negated(reader, known))
    return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)


def _negated(reader: _Reader, known: dict[str, str]) -> Test:
    reader.depth += 1
    if reader.depth > _NESTING:
        raise reader.fail("it is nested too deeply")
    try:
        if reader.accept("not"):
            test = _negated(reader, known)
            return lambda row: not test(row)
        return _comparison(reader, known)
    finally:
        reader.depth -= 1


def _comparison(reader: _Reader, known: dict[str, str]) -> Test:
    if reader.accept("("):
        inner = _either(reader, known)
        reader.expect(")")
        return inner
    left = _value(reader, known)
    operator = reader.accept(*_COMPARISONS)
    if operator:
        compare, right = _COMPARISONS[operator], _value(reader, known)
        return lambda row: compare(left(row), right(row))
    if reader.accept("in"):
        members = _members(reader, known)
        return lambda row: any(_same(left(row), member) for member in members(row))
    return lambda row: bool(left(row))


def _members(reader: _Reader, known: dict[str, str]) -> Callable[[Row], list[Any]]:
    if not reader.accept("("):
        column = _value(reader, known)  # `'group' IN PolicyDefinitionGroupNames`
        return lambda row: list(column(row) or ())
    values = [_value(reader, known)]
    while reader.accept(","):
        values.append(_value(reader, known))
    reader.expect(")")
    return lambda row: [value(row) for value in values]


def _value(reader: _Reader, known: dict[str, str]) -> Test:
    token = reader.take()
    constant: Any
    if token.kind == "text":
        constant = token.text[1:-1].replace("''", "'")
        return lambda _row: constant
    if token.kind == "time":
        constant = token.text.replace(" ", "T")
        return lambda _row: constant
    if token.kind == "number":
        constant = float(token.text) if "." in token.text else int(token.text)
        return lambda _row: constant
    word = token.text.casefold()
    if token.kind != "word":
        reader.position -= 1
        raise reader.fail(f"`{token.text}` is unexpected")
    if word in ("true", "false", "null"):
        constant = {"true": True, "false": False, "null": None}[word]
        return lambda _row: constant
    if word in _FUNCTIONS and reader.accept("("):
        return _call(reader, known, word)
    name = _column(token.text, known, "$filter")
    return lambda row: row.get(name)


def _call(reader: _Reader, known: dict[str, str], name: str) -> Test:
    arguments = [_value(reader, known)]
    while reader.accept(","):
        arguments.append(_value(reader, known))
    reader.expect(")")
    if len(arguments) != (2 if name in ("contains", "startswith", "endswith") else 1):
        raise reader.fail(f"`{name}` takes another number of arguments")
    function = _FUNCTIONS[name]
    return lambda row: function(*(argument(row) for argument in arguments))


def _names(columns: Iterable[str]) -> dict[str, str]:
    return {name.casefold(): name for name in columns}


def _column(name: str, known: dict[str, str], option: str) -> str:
    if not known:
        return name
    found = known.get(name.casefold())
    if found is None:
        raise RequestError(
            f"{option} names `{name}`, which is no column",
            code="InvalidFilterInQueryString" if option == "$filter" else "InvalidQueryOption",
            target=option,
            hint=f"columns: {', '.join(known.values())}",
        )
    return found


def _fold(value: Any) -> str:
    return "" if value is None else str(value).casefold()


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        # Clients write both `isCompliant eq false` and `isCompliant eq 'false'`.
        return _fold(left) == _fold(right)
    if isinstance(left, str) and isinstance(right, str):
        return left.casefold() == right.casefold()
    return bool(left == right)


def _order(left: Any, right: Any) -> int | None:
    if left is None or right is None:
        return None  # nothing compares with a missing value
    one, two = _sortable(left), _sortable(right)
    return (one > two) - (one < two)


def _sortable(value: Any) -> tuple[int, Any]:
    if value is None:
        return (0, "")
    if isinstance(value, (bool, int, float)):
        return (1, value)
    return (2, _fold(value))
