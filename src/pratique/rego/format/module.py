"""A whole module as text: the entry of the formatter.

Comes in: a source. Goes out: its text as `opa fmt` lays it out, with two promises that hold for every module: it means
the same and keeps every comment, and formatting it once more changes nothing. A rule for which the layout cannot
promise that stays as its author wrote it.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import replace
from typing import Final

from pratique.rego.errors import PARSE_ERROR, CompileError, Problem
from pratique.rego.format.imports import Imports, Line, planned
from pratique.rego.format.meaning import same
from pratique.rego.format.style import Target, directive, style_of
from pratique.rego.format.upgrade import upgraded
from pratique.rego.format.writer import Remark, remarks
from pratique.rego.nodes import Module, Rule
from pratique.rego.parse import parse_module
from pratique.rego.source import Source, Span, Version

# How often a layout is laid out again at most until it stays as it is; two are enough for all that was seen.
_ROUNDS: Final = 8


class Layout(Imports):
    """Writes a module."""

    def module(self, module: Module, imports: list[Line]) -> None:
        """Write the package, then imports and rules in the order of their lines."""
        assert module.package_span is not None  # set by `parse`
        self.advance(self.places.line(module.package_span.start))
        self.start_line()
        self.write(f"package {self.path(module.package[1:], module.package_span.text)}")
        self.blank_line()
        rules = list(module.rules)
        first_rule = self.places.row(rules[0]) if rules else 0
        if any(line.added and line.row >= first_rule for line in imports) and rules:
            # An import after a rule has no effect on it.
            self.imports([line for line in imports if line.added])
            imports = [line for line in imports if not line.added]
        while imports or rules:
            if imports and (not rules or imports[0].row <= self.places.row(rules[0])):
                until = self.places.row(rules[0]) if rules else None
                gathered = [line for line in imports if until is None or line.row <= until]
                imports = imports[len(gathered) :]
                self.imports(gathered)
            else:
                until = imports[0].row if imports else None
                batch = [rule for rule in rules if until is None or self.places.row(rule) < until]
                rules = rules[len(batch) :]
                self.rules(batch)
        for comment in self.comments:
            self.begin()
            self.write(comment.text)
            self.end_line()


def format_module(source: Source, *, target: Target | None = None, drop_imports: bool = False) -> str:
    """Return the text of a module as `opa fmt` lays it out.

    `target` is the Rego to write: "v0", "v1", or "v0v1" for text that means the same in both (`import rego.v1`);
    without it, the version that the source is read in. `drop_imports` leaves out imports that v1 does not need.
    Raises `CompileError` when the module cannot be read, or has no equal in the target.
    """
    target = target or source.version
    module = parse_module(source)
    if source.version == "v0" and target != "v0":
        module = upgraded(module)
    written: Version = "v1" if target == "v1" else "v0"
    text = _kept(module, target, written, drop=drop_imports)
    for _ in range(_ROUNDS):
        again = _kept(parse_module(Source(source.file, text, written)), target, written, drop=drop_imports)
        if again == text:
            break
        text = again
    return text


def _kept(module: Module, target: Target, version: Version, *, drop: bool) -> str:
    """Return a layout that means the same; rules of which that cannot be said stay as they are."""
    text = laid_out(module, target, drop=drop)
    if _means(text, module, version):
        return text
    heads = {
        rule.head_span for rule in module.rules if not _means_alone(rule, module, target, version, drop=drop)
    }
    # Bodies chained to one head stay together.
    suspects = {rule.span for rule in module.rules if rule.head_span in heads}
    same_version = module.source.version == version
    for kept in (suspects, {rule.span for rule in module.rules}) if same_version else ():
        text = laid_out(module, target, drop=drop, kept=kept)
        if _means(text, module, version):
            return text
    if same_version and not drop:
        return module.source.text
    # What cannot stay as it is goes without the comments inside it; they stand above it.
    text = laid_out(module, target, drop=drop, lifted=suspects)
    if _means(text, module, version):
        return text
    rule = next((each for each in module.rules if each.span in suspects), None)
    place = rule.span.location() if rule else module.source.location(0, 1)
    message = f"this cannot be rewritten to Rego {target} by rule"
    raise CompileError(
        [Problem(PARSE_ERROR, message, place, "write it in a simpler form first, comments above it")]
    )


def _means(text: str, module: Module, version: Version) -> bool:
    try:
        return same(parse_module(Source(module.source.file, text, version)), module)
    except CompileError:
        return False


def _means_alone(rule: Rule, module: Module, target: Target, version: Version, *, drop: bool) -> bool:
    """Tell whether a rule by itself, with the comments inside it, keeps its meaning."""
    inside = tuple(each for each in module.comments if rule.span.start <= each.span.start <= _line_end(rule))
    imports = tuple(each for each in module.imports if directive(each.path))
    alone = replace(module, rules=(rule,), comments=inside, imports=imports)
    return _means(laid_out(alone, target, drop=drop), alone, version)


def _line_end(rule: Rule) -> int:
    """Return the offset of the end of the line on which a rule ends."""
    found = rule.span.source.text.find("\n", rule.span.end)
    return found if found >= 0 else len(rule.span.source.text)


def laid_out(
    module: Module, target: Target, *, drop: bool, kept: Container[Span] = (), lifted: Iterable[Span] = ()
) -> str:
    """Return the text of a module for a target, in one pass.

    Rules whose span is in `kept` stay as they are; comments inside those that are `lifted` stand above them.
    """
    found = remarks(module.source, module.comments)
    for span in lifted:
        found = _lifted(found, span)
    layout = Layout(module.source, found, style_of(module, target))
    layout.kept = kept
    layout.module(module, planned(module, target, drop=drop))
    return layout.text()


def _lifted(comments: list[Remark], span: Span) -> list[Remark]:
    """Return the comments with those inside a rule above it, in their order."""
    first, last = span.source.position(span.start), span.source.position(span.end)
    return sorted(
        (
            each._replace(row=first[0] - 0.5, column=1 + number)
            if first <= (each.row, each.column) and each.row <= last[0]
            else each
        )
        for number, each in enumerate(comments, 1)
    )
