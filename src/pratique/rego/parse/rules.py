"""Rules: heads in all their forms, bodies, `else`, `default`; and what v1 demands of them.

What a head means differs between versions (rego.md 1.2): `p[x] { ... }` is a member of a set in v0, an error in v1;
with `if` it is an entry of an object in both.
"""

from __future__ import annotations

from dataclasses import dataclass

from pratique.rego import hints
from pratique.rego.errors import PARSE_ERROR, Problem
from pratique.rego.nodes import Body, Rule, Scalar, Term, Test, Var
from pratique.rego.parse.logical import Logicals
from pratique.rego.source import Source, Span
from pratique.rego.tokens import BASE_KEYWORDS, FUTURE_KEYWORDS, LOGICAL_KEYWORDS, NAME, WORDS


@dataclass(slots=True)
class _Head:
    """A head as written."""

    name: str
    ref: list[Term]
    args: tuple[Term, ...] | None
    member: Term | None
    value: Term | None
    span: Span
    assigned: bool = False


class Rules(Logicals):
    """Reads rules."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        # v1's demands: from the source's version, or by `import rego.v1`.
        self.strict = source.version == "v1"
        self.problems: list[Problem] = []

    def rules(self) -> list[Rule]:
        """Read one rule; more than one when bodies are chained: `p { a } { b }`."""
        start = self.at
        if self.kinds[start] == "default" and not self.starts_reference(start):
            return [self.default(start)]
        head = self.head()
        with_if = self.operator_here("if")
        at = self.at
        body: Body = ()
        if with_if:
            self.at += 1
            braced = self.kinds[self.at] == "{" and not self.opens_operand() and self.braces_are_body(self.at)
            body = self.braced_body() if braced else (self.literal(),)
        elif self.kinds[at] == "{":
            body = self.braced_body()
        if self.strict:
            self.demand(head, at, with_if=with_if, body=bool(body))
        rule = self.made(head, body, start, with_if=with_if)
        if self.operator_here("else"):
            if not body:
                raise self.unexpected("", hint="`else` follows the body of a rule")
            return [self.chained(rule, head)]
        found = [rule]
        while self.kinds[self.at] == "{" and body:
            at = self.at
            found.append(self.made(head, self.braced_body(), at, with_if=with_if))
        return found

    def problem(self, message: str, at: int, *, hint: str = "") -> None:
        """Take note of a fault that does not stop the reading."""
        location = self.source.location(self.starts[at], self.ends[at])
        self.problems.append(Problem(PARSE_ERROR, message, location, hint))

    # --- heads ---------------------------------------------------------------------------------------------

    def head(self) -> _Head:
        """Read a head."""
        start = self.at
        name = self.head_name()
        ref: list[Term] = []
        while True:
            kind = self.kinds[self.at]
            if kind == "." or kind == "[":
                ref.append(self.part())
            else:
                break
        args: tuple[Term, ...] | None = None
        if self.kinds[self.at] == "(":
            self.at += 1
            # A function of nothing is a plain rule (OPA keeps no empty arguments).
            args = self.listed(")") or None
            if self.kinds[self.at] in {".", "["}:
                raise self.unexpected("nothing can follow the arguments of a function's head")
        head = _Head(name, ref, args, None, None, self.span(start))
        if self.operator_here("contains"):
            if args is not None:
                raise self.unexpected("a function's head cannot have `contains`")
            self.at += 1
            head.member = self.infix()
        if self.kinds[self.at] in {":=", "="}:
            if head.member is not None:
                raise self.unexpected(
                    "a set's members have no value", hint="leave `contains` or the value out"
                )
            head.assigned = self.kinds[self.at] == ":="
            self.at += 1
            head.value = self.infix()
        head.span = self.span(start)
        return head

    def head_name(self) -> str:
        """Read the first name of a head."""
        at = self.at
        kind = self.kind
        following = self.kinds[at + 1] if at + 1 < len(self.kinds) else ""
        if kind == NAME:
            self.at += 1
            return self.values[at]
        if (kind in WORDS and following in {".", "["}) or (kind in LOGICAL_KEYWORDS and following == "("):
            self.at += 1
            return self.values[at]
        if kind in FUTURE_KEYWORDS | LOGICAL_KEYWORDS | BASE_KEYWORDS - {"package", "import"}:
            hint = f"`{kind}` is a keyword; choose another name"
            if kind == "else":
                hint = "`else` follows the body of a rule that has one body only"
            raise self.unexpected("expected a rule", hint=hint)
        raise self.unexpected("expected a rule, `import` or `default`", hint=self.head_hint())

    def head_hint(self) -> str:
        """Return what the author may have meant where no rule begins."""
        kind = self.kinds[self.at]
        if kind == "}":
            return "this brace closes nothing"
        if kind == "/":
            return "comments begin with `#`"
        return ""

    def made(self, head: _Head, body: Body, start: int, *, with_if: bool) -> Rule:
        """Return the rule of a head and a body, deciding what the head means."""
        keys = list(head.ref)
        value = head.value
        kind = "value"
        if head.member is not None:
            kind, value = "set", head.member
        elif value is None and head.args is None and not with_if and len(keys) == 1 and not self.strict:
            # v0's partial set: the last part of the reference is the member.
            kind, value = "set", keys.pop()
        if value is None:
            value = Scalar(True, head.span)
        names = [head.name]
        for part in keys:
            if not isinstance(part, Scalar) or not isinstance(part.value, str):
                break
            names.append(part.value)
        rest = tuple(keys[len(names) - 1 :])
        if head.args is not None and rest:
            raise self.refuse("the name of a function must be plain", self.at - 1)
        return Rule(
            tuple(names),
            rest,
            head.args,
            "set" if kind == "set" else "value",
            value,
            body or self.empty_body(head),
            self.span(start),
            head_span=head.span,
            assigned=head.assigned,
        )

    def empty_body(self, head: _Head) -> Body:
        """Return the body of a rule that has none."""
        return (Test(Scalar(True, head.span), head.span),)

    # --- default and else ----------------------------------------------------------------------------------

    def default(self, start: int) -> Rule:
        """Read a default rule."""
        self.at += 1
        head = self.head()
        if head.member is not None or (head.value is None and head.args is None and len(head.ref) == 1):
            raise self.unexpected("a default rule needs a value", hint="write `default name := value`")
        if self.operator_here("if") or (self.kinds[self.at] == "{" and not self.new_line()):
            raise self.unexpected("a default rule has no body")
        rule = self.made(head, (), start, with_if=True)
        if rule.keys:
            raise self.refuse("the name of a default rule must be plain", start + 1)
        names: set[str] = set()
        for arg in head.args or ():
            if not isinstance(arg, Var):
                raise self.refuse("the arguments of a default function must be plain variables", start + 1)
            if arg.name in names - {"_"}:
                message = f"illegal default rule (arguments cannot be repeated {arg.name})"
                raise self.refuse(message, start + 1, hint="give each argument a name of its own")
            names.add(arg.name)
        return Rule(
            rule.path,
            (),
            rule.args,
            "value",
            rule.value,
            rule.body,
            rule.span,
            default=True,
            assigned=rule.assigned,
            head_span=head.span,
        )

    def chained(self, rule: Rule, head: _Head) -> Rule:
        """Read the `else` links of a rule, and return it with them."""
        if rule.kind == "set":
            raise self.unexpected("`else` cannot follow a rule that makes a set")
        if rule.keys:
            raise self.unexpected("`else` cannot follow a rule with variables in its name")
        links: list[Rule] = []
        while self.operator_here("else"):
            start = self.at
            self.at += 1
            value: Term = Scalar(True, self.span(start))
            assigned = self.kinds[self.at] == ":="
            valued = assigned or self.kinds[self.at] == "="
            if valued:
                self.at += 1
                value = self.infix()
            span = self.span(start)
            at = self.at
            body: Body = ()
            if self.operator_here("if"):
                self.at += 1
                # What opens here is a body, also where it reads like a comprehension.
                body = self.braced_body() if self.kinds[self.at] == "{" else (self.literal(),)
            elif self.kinds[at] == "{":
                if self.strict:
                    self.problem("`if` keyword is required before rule body", at, hint="write `else if {`")
                body = self.braced_body()
            elif not valued:
                raise self.unexpected("expected an `else` value or body")
            links.append(
                Rule(
                    rule.path,
                    (),
                    rule.args,
                    "value",
                    value,
                    body or self.empty_body(head),
                    self.span(start),
                    head_span=span,
                    assigned=assigned,
                )
            )
        otherwise: Rule | None = None
        for link in reversed([rule, *links]):
            otherwise = Rule(
                link.path,
                link.keys,
                link.args,
                link.kind,
                link.value,
                link.body,
                link.span,
                otherwise=otherwise,
                head_span=link.head_span,
                assigned=link.assigned,
            )
        assert otherwise is not None
        return otherwise

    # --- v1 ------------------------------------------------------------------------------------------------

    def modern(self, head: _Head) -> str:
        """Return the head as v1 has it."""
        if head.member is None and head.args is None and head.value is None and len(head.ref) == 1:
            return f"{head.name} contains {head.ref[0].span.text}"
        return head.span.text.split("\n")[0]

    def demand(self, head: _Head, at: int, *, with_if: bool, body: bool) -> None:
        """Note what v1 demands of a rule and does not find."""
        shown = head.span.text.split("\n")[0]
        if body and not with_if:
            self.problem(
                "`if` keyword is required before rule body",
                at,
                hint=hints.WORDS.get(head.name)
                or f"write `{self.modern(head)} if {{`, or read the file as Rego v0",
            )
        if head.member is not None or head.args is not None or head.value is not None or with_if:
            return
        if len(head.ref) == 1:
            name, member = head.name, head.ref[0].span.text
            self.problem(
                "`contains` keyword is required for partial set rules",
                at - 1,
                hint=f"write `{name} contains {member}`",
            )
        elif not body:
            self.problem(
                f"`{shown}` must have a value assignment and/or a body",
                at - 1,
                hint="write `:= value` or `if {`",
            )
