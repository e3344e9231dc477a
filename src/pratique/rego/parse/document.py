"""A module as data: the syntax tree in the shape of OPA's `rego.parse_module` and `opa parse --format json`.

Comes in: a module as parsed. Goes out: objects and lists of JSON. A term is `{"type": ..., "value": ...}`, an
expression `{"index": n, "terms": ...}`; wildcards are `$0`, `$1`, ... in the order of the text.
"""

from __future__ import annotations

import base64
from typing import Any, Final, TypeAlias

from pratique.rego.nodes import (
    Array,
    Body,
    Call,
    Comment,
    Comprehension,
    Every,
    Expr,
    Logical,
    Module,
    Not,
    Object,
    Path,
    Ref,
    Rule,
    Scalar,
    SetOf,
    Some,
    SomeIn,
    Template,
    Term,
    Test,
    Unify,
    Var,
    With,
)
from pratique.rego.runtime.values import compare, type_name

Data: TypeAlias = dict[str, Any]


def module_data(module: Module) -> Data:
    """Return a parsed module as data: OPA's own syntax tree, as `rego.parse_module` answers it.

    >>> from pratique import rego
    >>> tree = rego.module_data(rego.parse_module(rego.Source("a.rego", "package a\\np := 1\\n")))
    >>> tree["package"]["path"][1]["value"], tree["rules"][0]["head"]["name"]
    ('a', 'p')
    """
    writer = _Writer(modern_not=module.modern_not)
    imports = [
        {"path": _reference(each.path), **({"alias": each.alias} if each.alias else {})}
        for each in module.imports
    ]
    found: Data = {"package": {"path": _reference(module.package)["value"]}}
    if imports:
        found["imports"] = imports
    if module.rules:
        found["rules"] = [writer.rule(rule) for rule in module.rules]
    if module.comments:
        found["comments"] = [_comment(each) for each in module.comments]
    return found


def term_data(term: Term) -> Data:
    """Return a term as data."""
    return _Writer(modern_not=False).term(term)


def _comment(comment: Comment) -> Data:
    place = comment.span.location()
    return {
        "Text": base64.b64encode(comment.text.encode()).decode(),
        "Location": {"file": place.file, "row": place.line, "col": place.column},
    }


def _typed(kind: str, value: Any) -> Data:
    return {"type": kind, "value": value}


def _scalar(value: Any) -> Data:
    return _typed(type_name(value), {} if value is None else value)


def _reference(parts: Path) -> Data:
    return _typed("ref", [_typed("var", parts[0]), *map(_scalar, parts[1:])])


def _unwritten(expression: Expr) -> bool:
    """Tell whether this is the `true` that the parser puts where no body is written."""
    if not isinstance(expression, Test) or not isinstance(expression.term, Scalar):
        return False
    span = expression.span
    return expression.term.value is True and span.source.text[span.start : span.end] != "true"


class _Writer:
    def __init__(self, *, modern_not: bool) -> None:
        self._modern_not = modern_not
        self._wildcards: dict[int, str] = {}

    # --- terms -------------------------------------------------------------------------------------------

    def term(self, term: Term) -> Data:
        """Return a term as data."""
        if isinstance(term, Scalar):
            return _scalar(term.value)
        if isinstance(term, Var):
            name = _typed("var", self._name(term))
            return _typed("ref", [name]) if term.name in ("input", "data") else name
        if isinstance(term, Ref):
            head = (
                _typed("var", self._name(term.head)) if isinstance(term.head, Var) else self.term(term.head)
            )
            return _typed("ref", [head, *map(self.term, term.path)])
        if isinstance(term, Call):
            return _typed("call", self._call(term))
        if isinstance(term, Array):
            return _typed("array", [self.term(each) for each in term.items])
        if isinstance(term, SetOf):
            return _typed("set", sorted([self.term(each) for each in term.items], key=_Order))
        if isinstance(term, Object):
            pairs = [[self.term(name), self.term(value)] for name, value in term.pairs]
            return _typed("object", sorted(pairs, key=lambda pair: _Order(pair[0])))
        if isinstance(term, Comprehension):
            return self._comprehension(term)
        return self._template(term)

    def _name(self, var: Var) -> str:
        if var.name != "_":
            return var.name
        # An `else` shares its arguments with the rule before it.
        return self._wildcards.setdefault(id(var), f"${len(self._wildcards)}")

    def _call(self, call: Call) -> list[Data]:
        return [_reference(call.parts), *map(self.term, call.args)]

    def _comprehension(self, term: Comprehension) -> Data:
        value: Data = {}
        if term.key is not None:
            value["key"] = self.term(term.key)
        value["term" if term.key is None else "value"] = self.term(term.value)
        value["body"] = self.body(term.body)
        return _typed(f"{term.kind}comprehension", value)

    def _template(self, term: Template) -> Data:
        parts = [_scalar(each) if isinstance(each, str) else self.expression(each, 0) for each in term.parts]
        raw = term.span.source.text[term.span.start + 1] == "`"
        return _typed("templatestring", {"parts": parts, "multi_line": raw})

    # --- expressions -------------------------------------------------------------------------------------

    def body(self, body: Body) -> list[Data]:
        """Return a body as data."""
        return [self.expression(each, index) for index, each in enumerate(body)]

    def expression(self, expression: Expr, index: int) -> Data:
        """Return an expression of a body as data."""
        found: Data = {"index": index}
        if isinstance(expression, Not) and not self._modern_not and len(expression.body) == 1:
            found |= self.expression(expression.body[0], index)
            found["negated"] = True
        else:
            found["terms"] = self._terms(expression)
        if expression.withs:
            found["with"] = [self._with(each) for each in expression.withs]
        return found

    def _with(self, each: With) -> Data:
        return {"target": self.term(each.target), "value": self.term(each.value)}

    def _terms(self, expression: Expr) -> Any:
        if isinstance(expression, Test):
            term = expression.term
            return self._call(term) if isinstance(term, Call) else self.term(term)
        if isinstance(expression, Unify):
            name = "assign" if expression.declares else "eq"
            return [_reference((name,)), self.term(expression.left), self.term(expression.right)]
        if isinstance(expression, Some):
            return {"symbols": [self.term(each) for each in expression.names]}
        if isinstance(expression, SomeIn):
            operands = [expression.key] if expression.key is not None else []
            operands += [expression.value, expression.domain]
            name = f"member_{len(operands)}"
            call = [_reference(("internal", name)), *map(self.term, operands)]
            return {"symbols": [_typed("call", call)]}
        if isinstance(expression, Every):
            return {
                "key": None if expression.key is None else self.term(expression.key),
                "value": self.term(expression.value),
                "domain": self.term(expression.domain),
                "body": self.body(expression.body),
            }
        if isinstance(expression, Logical):
            found: Data = {
                "type": expression.operator,
                "lhs": self.body(expression.left),
                "rhs": self.body(expression.right),
            }
            if expression.left_braced:
                found["explicit_lhs"] = True
            if expression.right_braced:
                found["explicit_rhs"] = True
            return found
        return {"type": "not", "body": self.body(expression.body), "explicit_body": expression.braced}

    # --- rules -------------------------------------------------------------------------------------------

    def rule(self, rule: Rule) -> Data:
        """Return a rule with its `else` links as data."""
        found: Data = {"head": self._head(rule), "body": self.body(rule.body)}
        if not rule.body or _unwritten(rule.body[0]):
            found["body"] = [{"generated": True, "index": 0, "terms": _scalar(True)}]
        if rule.default:
            found["default"] = True
        if rule.otherwise is not None:
            found["else"] = self.rule(rule.otherwise)
        return found

    def _head(self, rule: Rule) -> Data:
        reference = [*_reference(rule.path)["value"], *map(self.term, rule.keys)]
        head: Data = {"ref": reference}
        written = rule.assigned or not (isinstance(rule.value, Scalar) and rule.value.value is True)
        if len(reference) == 1:
            head["name"] = rule.path[0]
        elif len(reference) == 2 and rule.kind == "value" and rule.args is None:
            if written:
                head["name"] = rule.path[0]
            if written or reference[1]["type"] not in _SCALARS:
                head["key"] = reference[1]
        if rule.args is not None:
            head["args"] = [self.term(each) for each in rule.args]
        if rule.kind == "set":
            head["key"] = self.term(rule.value)
        else:
            head["value"] = self.term(rule.value)
        if rule.assigned:
            head["assign"] = True
        return head


_SCALARS: Final = frozenset(("null", "boolean", "number", "string"))
_ORDER: Final = (
    *("null", "boolean", "number", "string", "var", "ref", "array", "object", "set"),
    *("arraycomprehension", "objectcomprehension", "setcomprehension", "templatestring", "call"),
)


class _Order:
    """The order of terms in a set or an object: by type, then by value."""

    def __init__(self, term: Data) -> None:
        self._term = term

    def __lt__(self, other: _Order) -> bool:
        one, two = self._term, other._term
        ranks = _ORDER.index(one["type"]), _ORDER.index(two["type"])
        return ranks[0] < ranks[1] if ranks[0] != ranks[1] else compare(one["value"], two["value"]) < 0
