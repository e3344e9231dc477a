"""IR expressions to Python expressions.

Comes in: one expression and the scope it stands in. Goes out: a `Piece`: text, whether it is surely defined,
and what kind of value it is where we know. Lookups become lines of their own, each prefix only once a block.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any, Final

from pratique.rego.builtins.registry import Builtin
from pratique.rego.emit import inline, rowsets
from pratique.rego.emit.comparisons import comparison
from pratique.rego.emit.known import Known, Piece, rooted, shared_lookups, token
from pratique.rego.emit.lines import Lines, Lookup
from pratique.rego.emit.names import Names
from pratique.rego.emit.sharing import identity, origins, repeated
from pratique.rego.emit.tables import looked_up, table_of
from pratique.rego.emit.weights import Weights
from pratique.rego.plan import ir, walk
from pratique.rego.runtime.values import UNDEFINED, Set, Value, make_object
from pratique.rego.source import Span

# What a builtin's result is, by its signature.
_RESULTS: Final = {"boolean": "bool", "string": "str", "set": "set"}


# What a value is of which these are true.
_KINDS: Final = {"is_array": "list", "is_set": "set", "is_string": "str"}


def kind_of(value: Value) -> str:
    """Return the kind of a constant."""
    names: dict[type, str] = {str: "str", int: "int", bool: "bool", list: "list", Set: "set", dict: "object"}
    return "true" if value is True else names.get(type(value), "")


class Scope:
    """What is known where code is being written: the state's name, kinds of locals, prefixes looked up."""

    def __init__(
        self,
        names: Names,
        plan: ir.Plan,
        builtins: Mapping[str, Builtin],
        rule: ir.Rule,
        weights: Weights,
    ) -> None:
        self.names = names
        self.weights = weights
        # Whether a loop may run again and again: one inside another, or in a function.
        self.again = rule.kind == "function"
        # Whether the loop that was begun last is not counted, and whether one around this place is not.
        self.free = self.short = False
        self.repeats = False
        self.plan = plan
        self.builtins = builtins
        self.states = ["s"]
        self.known = Known()
        self.aliases: dict[str, Piece] = {}
        # Names that stand for every kind of value in turn.
        self.wary: set[str] = set()
        # What locals stand for, the names under which branches share what they call, and what names look up.
        found = None if plan.watched or plan.printing else origins(rule, builtins)
        self.origins = found or {}
        # What is watched or printed is done as often as it is written.
        self.sharing = found is not None
        self.uses = shared_lookups(rule, self.origins)
        self.paths: dict[str, Any] = {}
        self.shared: dict[Any, str] = {}
        self._count = 0

    @property
    def state(self) -> str:
        """The name of the state that is read from."""
        return self.states[-1]

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """Be inside a loop."""
        before, self.again, self.short = (self.again, self.short), True, self.short or self.free
        yield
        self.again, self.short = before

    def fresh(self, letter: str = "t") -> str:
        """Return a name that is not in use."""
        self._count += 1
        return f"{letter}{self._count}"

    def piece(self, expr: ir.Expr, out: Lines, into: str = "") -> Piece:
        """Return the expression as Python, after the lines that it needs; a last lookup or call goes `into`."""
        match expr:
            case ir.Const(value):
                if value is UNDEFINED:
                    return Piece("U")
                return Piece(self.names.const(value), True, kind_of(value), True, value)
            case ir.Local(name):
                if name in self.known.waiting:
                    out.add(f"{name} = {self.known.waiting.pop(name)}")
                return self.aliases.get(name) or Piece(name, True, self.known.kinds.get(name, ""))
            case ir.Get():
                return self._get(expr, out, into)
            case ir.Call():
                return self._call(expr, out)
            case ir.Builtin():
                return self._builtin(expr, out, into)
            case ir.Compare():
                return Piece(self._compared(expr, out), True, "bool")
            case ir.Array(items):
                return Piece(f"[{self._list(items, out)}]", True, "list")
            case ir.SetOf(items):
                return Piece(f"gathered([{self._list(items, out)}])", True, "set")
            case ir.ObjectOf(pairs):
                return self._object(pairs, out)
        return self._document(expr, out)

    def local(self, expr: ir.Expr) -> Piece:
        """Return an operand that needs no lines: what stands in a literal is a constant, a local or a literal."""
        return self.sure(self.piece(expr, Lines()))

    def sure(self, piece: Piece) -> Piece:
        """Return the piece with what is known of its name; what has been worked out already has one."""
        if piece.const:
            return piece
        if not piece.simple:
            name = self.known.found.get(("text", piece.text))
            if name is None:
                return piece
            piece = Piece(name, piece.defined, piece.kind)
        kind = piece.kind or self.known.kinds.get(piece.text, "")
        return replace(piece, defined=piece.defined or piece.text in self.known.sure, kind=kind)

    def _document(self, expr: ir.Expr, out: Lines) -> Piece:
        match expr:
            case ir.Input():
                return Piece(self._root("input", out))
            case ir.Data():
                return Piece(self._root("data", out))
            case ir.Stored(path):
                return Piece(f"stored({self.state}, {self.names.keys(path)})")
            case ir.RuleValue(rule):
                return self._rule(rule)
            case ir.Extent(node, keys):
                return Piece(f"at({self.state}, {self.names.node(node)}, {self._tuple(keys, out)})")
        raise AssertionError(f"no such expression: {expr!r}")

    def atom(self, expr: ir.Expr, out: Lines) -> Piece:
        """Return the expression as a name or a constant."""
        piece = self.piece(expr, out)
        return self._named(piece, out)

    def _list(self, items: tuple[ir.Expr, ...], out: Lines) -> str:
        return ", ".join([self.piece(item, out).text for item in items])

    def _tuple(self, items: tuple[ir.Expr, ...], out: Lines) -> str:
        if all(isinstance(item, ir.Const) for item in items):
            return self.names.keys(tuple(item.value for item in items if isinstance(item, ir.Const)))
        return f"({self._list(items, out)},)"

    def _object(self, pairs: tuple[tuple[ir.Expr, ir.Expr], ...], out: Lines) -> Piece:
        named = [(self.piece(name, out), self.piece(value, out)) for name, value in pairs]
        if all(name.kind == "str" for name, _ in named):
            return Piece(
                f"{{{', '.join([f'{name.text}: {value.text}' for name, value in named])}}}", True, "object"
            )
        listed = ", ".join([f"({name.text}, {value.text})" for name, value in named])
        return Piece(f"make_object([{listed}])", True)

    def _root(self, which: str, out: Lines) -> str:
        known = (self.state, which)
        found = self.known.found
        if known not in found:
            found[known] = name = self.fresh(which)
            out.add(f"{name} = {self.state}.{which}")
        return found[known]

    def _rule(self, number: int) -> Piece:
        rule = self.plan.rules[number]
        kind = "set" if rule.kind == "set" else "true" if always_true(rule) else ""
        if rule.replaceable:
            kind = ""
        return Piece(f"{self.names.rule(number)}({self.state})", kind == "set", kind)

    def _get(self, expr: ir.Get, out: Lines, into: str) -> Piece:
        base = self.atom(expr.base, out)
        text = base.text
        if base.kind == "object":
            self.known.objects.add(text)
        names = [self.piece(step, out) for step in expr.keys]
        known: list[Any] = [self.paths.get(base.text) or (self.state, base.text)]
        for each in names:
            known.append((known[-1], each.text))
        found = self.known.found
        done = next((at for at in range(len(names), 0, -1) if known[at] in found), 0)
        if done:
            text = found[known[done]]
        whole = rooted(expr, self.origins)
        path = (token(whole.base), *map(token, whole.keys))
        before = len(whole.keys) - len(names) + 1
        for at in range(done + 1, len(names) + 1):
            last = at == len(names)
            if last or self.uses[path[: before + at]] > 1:
                name = into if into and last else self.fresh()
                self._looked_up(name, text, names[done:at], out)
                found[known[at]] = text = name
                self.paths[name] = known[at]
                done = at
        return self.sure(Piece(text))

    def _looked_up(self, name: str, base: str, keys: list[Piece], out: Lines) -> None:
        """Write `name = ` what stands at the keys below `base`."""
        easy = base in self.known.objects
        if not all(key.kind == "str" for key in keys):
            for index, key in enumerate(keys, 1):
                into = name if index == len(keys) else self.fresh()
                if key.kind == "str":
                    out.add(Lookup(into, base, (key.text,), easy, base in self.wary))
                else:
                    out.add(f"{into} = {_lookup(base, key)}")
                base, easy = into, False
            return
        self.known.origins[name] = base
        out.add(Lookup(name, base, tuple([key.text for key in keys]), easy, base in self.wary))

    def share(self, branches: Sequence[Sequence[ir.Step]], out: Lines) -> None:
        """Give a name to each call that several branches make, for the first of them to fill."""
        if not self.sharing:
            return
        found = repeated(branches, self.origins, self._dear)
        keys = [each for each in found if each not in self.shared]
        if keys:
            names = {each: self.fresh("h") for each in keys}
            out.add(f"{' = '.join(names.values())} = MISSING")
            self.shared = {**self.shared, **names}

    def _dear(self, expr: ir.Expr) -> bool:
        # What is written in line is not worth a name.
        if isinstance(expr, ir.Call):
            return expr.rule not in self.plan.mocked_rules and table_of(self.plan.rules[expr.rule]) is None
        if not isinstance(expr, ir.Builtin) or expr.name in inline.SHORT:
            return False
        known = self.builtins[expr.name]
        return expr.name not in self.plan.mocked and not known.needs_state and not known.nondeterministic

    @contextmanager
    def once(self, name: str, out: Lines) -> Iterator[None]:
        """Write lines that fill a shared name, unless it has been filled."""
        out.add(f"if {name} is MISSING:")
        with out.indented():
            yield

    def _shared(self, expr: ir.Expr) -> str:
        return self.shared.get(identity(expr, self.origins), "") if self.shared else ""

    def _call(self, expr: ir.Call, out: Lines) -> Piece:
        number = expr.rule
        pieces = [self.piece(arg, out) for arg in expr.args]
        listed = "".join([f", {piece.text}" for piece in pieces])
        if number not in self.plan.mocked_rules:
            rule = self.plan.rules[number]
            if (answer := self._known_answer(rule, pieces)) is not None:
                return answer
            call = f"{self.names.rule(number)}({self.state}{listed})"
            kind = "true" if always_true(rule) else ""
            if name := self._shared(expr):
                with self.once(name, out):
                    out.add(f"{name} = {call}")
                return Piece(name, False, kind)
            return Piece(call, False, kind)
        name = self.fresh()
        call = f"call_rule({self.state}, r{number}{listed})"
        # What stands in may be a builtin that refuses its operands.
        assert out.at is not None
        self._guarded(name, call, out.at, out)
        return Piece(name)

    def _known_answer(self, rule: ir.Rule, args: list[Piece]) -> Piece | None:
        if self.plan.watched or rule.replaceable or (table := table_of(rule)) is None:
            return None
        given = args[rule.params.index(table[1])]
        return Piece(looked_up(self.names.const(table[0]), given)) if given.simple else None

    def _builtin(self, expr: ir.Builtin, out: Lines, into: str) -> Piece:
        mocked = expr.name in self.plan.mocked
        known = self.builtins[expr.name]
        args = [self.sure(self.piece(arg, out)) for arg in expr.args]
        if not mocked:
            short = self._path_or(expr, args, into, out) or inline.short(expr, args, self)
            if short is not None:
                return short
        texts = [arg.text for arg in args]
        function = self.names.builtin(expr.name)
        shared = "" if mocked else self._shared(expr)
        name = shared or into or self.fresh()
        if mocked:
            listed = "".join([f", {text}" for text in texts])
            call = f"call_builtin({self.state}, {self.names.const(expr.name)}, {function}{listed})"
        elif known.needs_state:
            call = f"{function}({', '.join([self.state, *texts])})"
        else:
            call = f"{function}({', '.join(texts)})"
        with self.once(shared, out) if shared else nullcontext():
            self._guarded(name, call, expr.span, out)
        kind = "" if mocked else _RESULTS.get(known.result, "")
        return Piece(name, False, kind)

    def _path_or(self, expr: ir.Builtin, args: list[Piece], into: str, out: Lines) -> Piece | None:
        """Return what `object.get` finds at a path of known texts, after lines that look it up."""
        found = inline.path_or(expr, args, self)
        if found is None:
            return None
        name = into or self.fresh()
        quick, slow = found
        out.add(f"try: {name} = {quick}")
        out.add(f"except AttributeError: {name} = {slow}")
        return Piece(name)

    def _guarded(self, name: str, call: str, span: Span, out: Lines) -> None:
        out.add("try:")
        with out.indented():
            out.add(f"{name} = {call}")
        out.add("except BuiltinError as e:")
        with out.indented():
            out.add(f"{name} = failed({self.state}, e, {self.names.place(span)})")

    # --- comparisons ---------------------------------------------------------------------------------------

    def _compared(self, expr: ir.Compare, out: Lines) -> str:
        # As a value: operands are atoms, hence defined.
        left, right = self.sure(self.piece(expr.left, out)), self.sure(self.piece(expr.right, out))
        return comparison(expr.operator, left, right)

    def condition(self, expr: ir.Expr, out: Lines) -> str:
        """Return Python text that is true exactly when the expression is defined and not false."""
        if not isinstance(expr, ir.Compare):
            piece = self.piece(expr, out)
            if piece.kind == "bool":
                # A builtin's answer; undefined is false too.
                return piece.text
            if piece.kind == "true":
                return "True" if piece.defined else f"{piece.text} is not U"
            if piece.defined and piece.kind:
                return "True"
            piece = self._named(piece, out)
            wanted = [] if piece.defined else [f"{piece.text} is not U"]
            if not piece.kind:
                wanted.append(f"{piece.text} is not False")
            return " and ".join(wanted) or "True"
        if (counted := rowsets.counted(self, expr)) is not None:
            return counted
        left, right = self.atom(expr.left, out), self.atom(expr.right, out)
        text = comparison(expr.operator, left, right)
        unsure = [piece.text for piece in (left, right) if not piece.defined]
        if expr.operator == "==":
            # `equal` is false for one undefined side; for two it must be asked.
            unsure = unsure[1:]
        return " and ".join([*[f"{name} is not U" for name in dict.fromkeys(unsure)], text])

    def _named(self, piece: Piece, out: Lines) -> Piece:
        piece = self.sure(piece)
        if piece.simple:
            return piece
        name = self.fresh()
        self.give(name, piece, out)
        return Piece(name, piece.defined, piece.kind)

    def give(self, name: str, piece: Piece, out: Lines) -> None:
        """Write down a value under a name, under which the same text is found again."""
        out.add(f"{name} = {piece.text}")
        self.known.found["text", piece.text] = name

    def holds(self, expr: ir.Expr, out: Lines) -> None:
        """Note what follows from a condition that has just been true."""
        if isinstance(expr, ir.Builtin) and expr.name in _KINDS and isinstance(expr.args[0], ir.Local):
            if expr.name not in self.plan.mocked:
                self.known.kinds[self.piece(expr.args[0], out).text] = _KINDS[expr.name]
            return
        for each in (expr.left, expr.right) if isinstance(expr, ir.Compare) else (expr,):
            if isinstance(each, ir.Local | ir.Get | ir.Const):
                piece = self.piece(each, out)
                if not piece.const and piece.text.isidentifier():
                    self.known.defined(piece.text)
        if isinstance(expr, ir.Compare) and expr.operator == "==":
            for one, other in ((expr.left, expr.right), (expr.right, expr.left)):
                if (
                    isinstance(one, ir.Const)
                    and type(one.value) is str
                    and isinstance(other, ir.Local | ir.Get)
                ):
                    self.known.kinds[self.piece(other, out).text] = "str"


def always_true(rule: ir.Rule) -> bool:
    """Tell whether a rule is true wherever it is defined."""
    return rule.kind in {"complete", "function"} and all(
        isinstance(value, ir.Const) and value.value is True
        for clause in walk.clauses(rule)
        for value in walk.outcomes(walk.branch(clause))
    )


def _lookup(base: str, name: Piece) -> str:
    if name.kind == "int":
        return f"get({base}, {name.text})"
    return (
        f"{base}.get({name.text}, U) if type({base}) is dict and type({name.text}) is str"
        f" else get({base}, {name.text})"
    )


def constant(expr: ir.Expr) -> tuple[bool, Value]:
    """Return whether the expression is known now, and its value."""
    match expr:
        case ir.Const(value):
            return True, value
        case ir.Array(items):
            found = [constant(item) for item in items]
            return all(known for known, _ in found), [value for _, value in found]
        case ir.SetOf(items):
            found = [constant(item) for item in items]
            return all(known for known, _ in found), Set([value for _, value in found])
        case ir.ObjectOf(pairs):
            both = [(constant(name), constant(value)) for name, value in pairs]
            known = all(name[0] and value[0] for name, value in both)
            return known, make_object([(name[1], value[1]) for name, value in both]) if known else None
    return False, None
