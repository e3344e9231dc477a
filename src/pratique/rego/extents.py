"""How far a node reaches in its text, where that is not its span: what traces and coverage point at.

Comes in: nodes of a parsed or checked tree. Goes out: spans, as OPA's locations of the same nodes have them.
"""

from __future__ import annotations

import re

from pratique.rego import nodes
from pratique.rego.source import Span


def term(node: nodes.Term) -> Span:
    """Return the whole of a term; an infix call's own span is its operator's."""
    if not (isinstance(node, nodes.Call) and node.infix and node.args):
        return node.span
    parts = [node.span, *map(term, node.args)]
    return node.span._replace(start=min(each.start for each in parts), end=max(each.end for each in parts))


def literal(node: nodes.Expr) -> Span:
    """Return the whole of an expression, its `with` included."""
    return node.span._replace(end=max(each.span.end for each in (node, *node.withs)))


def head(rule: nodes.Rule) -> Span:
    """Return the place of a rule's head; of a default only that word, of a set's member without a body the first name.

    A head that asks for more than constants is pointed at as a whole.
    """
    if rule.default:
        return rule.span._replace(end=rule.span.start + len("default"))
    span = rule.head_span or rule.span
    if (
        rule.kind == "set"
        and implied(rule) is not None
        and not computed(rule.value)
        and span.start < rule.value.span.start <= span.end
    ):
        # Only the first name of the reference.
        name = re.match(r"\w+", span.text)
        if name is not None:
            return span._replace(end=span.start + name.end())
    return span


def computed(node: nodes.Term) -> bool:
    """Tell whether a term of a head asks for more than variables and constants."""
    match node:
        case nodes.Ref() | nodes.Call() | nodes.Comprehension() | nodes.Template():
            return True
        case nodes.Array() | nodes.SetOf():
            return any(map(computed, node.items))
        case nodes.Object():
            return any(computed(name) or computed(item) for name, item in node.pairs)
    return False


def _made(node: nodes.Expr) -> bool:
    # The parser gives a rule without a body one that is true, at the place of a head.
    match node:
        case nodes.Test(nodes.Scalar(True)):
            return node.span.text != "true"
    return False


def implied(rule: nodes.Rule) -> Span | None:
    """Return the place of the body that a rule without one has, or None for a rule with a body."""
    span = rule.head_span or rule.span
    if rule.body and not _made(rule.body[0]):
        return None
    if span.text.startswith("else"):
        return span
    if rule.default or rule.kind == "set" or rule.value.span == span:
        return rule.span if rule.kind == "set" else span
    return term(rule.value)
