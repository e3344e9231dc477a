"""The layout of rules: heads in the form that the target wants, bodies, `else`."""

from __future__ import annotations

from collections.abc import Container
from contextlib import suppress

from pratique.rego.format.bodies import Bodies, sets
from pratique.rego.format.places import extent
from pratique.rego.format.writer import Collision
from pratique.rego.nodes import Call as CallTerm
from pratique.rego.nodes import Rule, Scalar, Term, Test
from pratique.rego.source import Span


def true(term: Term) -> bool:
    """Whether a term is the constant `true`."""
    return isinstance(term, Scalar) and term.value is True


def constant(rule: Rule) -> bool:
    """Whether a rule has no body, or one that says nothing more than `true`."""
    body = rule.body
    return len(body) == 1 and isinstance(body[0], Test) and true(body[0].term) and not body[0].withs


def head_span(rule: Rule) -> Span:
    """Return where the head of a rule stands."""
    assert rule.head_span is not None  # set by `parse`
    return rule.head_span


class Rules(Bodies):
    """Writes rules; those whose span is in `kept` as their author did."""

    kept: Container[Span] = ()

    def rules(self, rules: list[Rule]) -> None:
        """Write rules one after the other; neighbours of one line each stay together."""
        for index, rule in enumerate(rules):
            if rule.span in self.kept:
                self.verbatim(rule, rules)
                continue
            for write in (lambda rule: self.advance(self.places.row(rule)), self.rule):
                with suppress(Collision):
                    write(rule)
            self.places.flat = None
            if index + 1 < len(rules):
                following = rules[index + 1]
                if (
                    self.groups(rule)
                    and self.groups(following)
                    and self.places.row(following) == self.places.row(rule) + 1
                ):
                    continue
            self.blank_line()

    def verbatim(self, rule: Rule, rules: list[Rule]) -> None:
        """Write a rule, with the bodies chained to it and the comment behind it, as it is."""
        chained = [each for each in rules if each.head_span == rule.head_span]
        if rule is not chained[0]:
            return
        start, end = rule.span.start, chained[-1].span.end
        first, last = self.source.position(start), self.source.position(end)
        inside = [each for each in self.comments if first[0] <= each.row <= last[0]]
        self.comments = [each for each in self.comments if not first[0] <= each.row <= last[0]]
        self.advance(first[0])
        self.start_line()
        self.write(self.source.text[start:end])
        for comment in inside:
            if (comment.row, comment.column) >= last:
                self.write(f" {comment.text}")
        self.end_line()
        self.blank_line()

    def groups(self, rule: Rule) -> bool:
        """Whether a rule is written on one line, so that its neighbour may follow without a blank one."""
        return (
            len(rule.body) == 1
            and not rule.default
            and rule.otherwise is None
            and not sets(rule.body[0])
            and self.uses_if(rule)
        )

    def uses_if(self, rule: Rule) -> bool:
        """Whether the body of a rule follows `if`."""
        return self.style.ifs and (self.style.contains or rule.kind == "value")

    def rule(self, rule: Rule, *, link: bool = False) -> None:
        """Write a rule, or a link of its `else` chain."""
        chained = head_span(rule).start < rule.span.start
        if not link:
            self.start_line()
            if rule.default:
                self.write("default ")
        expanded = constant(rule) and rule.otherwise is None
        self.closes_line = expanded
        collided = False
        # The head of a chained body (`p { a } { b }`) stands where its first body's does.
        self.places.flat = self.source.position(rule.span.start)[0] if chained else None
        try:
            self.head(rule, link=link, expanded=expanded)
        except Collision:
            collided = True
        self.places.flat = None
        if expanded:
            self.end_line()
            return
        self.closes_line = True
        uses_if = self.uses_if(rule)
        if uses_if:
            self.write(" if")
            if self.on_one_line(rule, link=link, chained=chained):
                self.write(" ")
                with suppress(Collision):
                    self.expression(rule.body[0])
                self.end_line()
                if rule.otherwise is not None:
                    self.otherwise(rule)
                return
        if collided and self.comments:
            self.write(" { ")
        else:
            self.write(" {")
            self.end_line()
        if uses_if and not link:
            self.lead(rule.body[0])
        self.level += 1
        self.body(rule.body)
        self.advance(self.places.body_closing(rule.body))
        self.level -= 1
        self.start_line()
        self.write("}")
        if rule.otherwise is not None:
            self.otherwise(rule)

    def on_one_line(self, rule: Rule, *, link: bool, chained: bool) -> bool:
        """Whether the only literal of a body stands on the line on which the head ends."""
        if len(rule.body) != 1 or sets(rule.body[0]):
            return False
        span = rule.span if chained else head_span(rule)
        if link and not self.braced(rule):
            return True
        return self.places.row(rule.body[0]) == self.places.line(span.end)

    def braced(self, rule: Rule) -> bool:
        """Whether a body was written in braces."""
        between = self.source.text[head_span(rule).end : extent(rule.body[0])[0]]
        return "{" in between

    def with_if(self, rule: Rule) -> bool:
        """Whether `if` was written."""
        return self.source.text[head_span(rule).end :].lstrip().startswith("if")

    def otherwise(self, rule: Rule) -> None:
        """Write the next link of an `else` chain, on the line of the closing brace if it was there."""
        link = rule.otherwise
        assert link is not None
        row = self.places.row(link)
        inline = row > self.places.row(rule) and not self.source.line(row).strip().startswith("else")
        commented = self.pending is not None or bool(self.comments and self.comments[0].row < row)
        if inline and not commented:
            self.write(" ")
        else:
            self.blank_line()
            self.start_line()
        self.advance(row)
        if commented and not inline:
            self.start_line()
        self.rule(link, link=True)

    # --- heads ---------------------------------------------------------------------------------------------

    def head(self, rule: Rule, *, link: bool, expanded: bool) -> None:
        """Write the head of a rule."""
        if link:
            self.advance(self.places.row(rule))
            self.write("else")
        else:
            if self.name(rule):
                return
            self.arguments(rule)
        if rule.kind == "set":
            if self.style.contains:
                self.write(" contains ")
                self.term(rule.value)
            else:
                self.write("[")
                self.term(rule.value)
                self.write("]")
            return
        if not self.spells_value(rule, expanded=expanded, link=link):
            return
        self.write(" := " if rule.assigned or self.style.v1 else " = ")
        self.term(rule.value, row=self.places.row(rule) if link else None)

    def name(self, rule: Rule) -> bool:
        """Write the name of a rule; true when the whole head was written as the author wrote it."""
        self.advance(self.places.row(rule))
        self.begin()
        first, *names = rule.path
        span = head_span(rule)
        if len(names) + len(rule.keys) == 1 and not self.style.references:
            if self.comments and rule.keys and self.comments[0].row == self.places.row(rule.keys[0]):
                self.as_written(span.start, span.end)
                return True
            self.write(f"{first}[")
            # A name has no place of its own: it is written anew.
            self.flatly(rule.keys[0] if rule.keys else Scalar(names[0], Span(self.source, 0, 0)), rule)
            self.write("]")
            return False
        self.write(first + "".join(self.dotted(name, quoted=f'["{name}"]' in span.text) for name in names))
        self.parts_of(rule.keys)
        return False

    def flatly(self, term: Term, rule: Rule) -> None:
        """Write a term on one line."""
        flat, self.places.flat = self.places.flat, self.places.row(rule)
        self.bare(term)
        self.places.flat = flat

    def arguments(self, rule: Rule) -> None:
        """Write the arguments of a function's head."""
        if not rule.args:
            return
        span = head_span(rule)
        closing = self.places.behind(extent(rule.args[-1])[1]) + 1
        opening = self.source.text.index("(", span.start)
        self.write("(")
        whole = CallTerm(rule.path, rule.args, Span(self.source, span.start, closing))
        try:
            self.listed(rule.args, whole, (opening, closing), self.argument)
        finally:
            self.write(")")

    def spells_value(self, rule: Rule, *, expanded: bool, link: bool) -> bool:
        """Whether the value of a rule is written; `true` is what a body stands for."""
        if rule.default or not true(rule.value):
            return True
        generated = rule.value.span == head_span(rule)
        bodiless = rule.body[0].span == head_span(rule) and generated
        if not generated and not link:
            single = not rule.args and len(rule.path) + len(rule.keys) == 2
            keyed = single and (bool(rule.keys) or not self.with_if(rule))
            return expanded or keyed
        if bodiless:
            # `p.q.r` alone: v1 wants to see the value; `f(1)` alone it takes.
            return self.style.v1 and not rule.args
        return expanded
