"""IR steps to Python statements: guards that leave by `continue` or `break`, scans as plain `for` loops.

Comes in: the steps of a clause or of a nested block, and what to write where all of them hold. The code stays
flat: a guard leaves the innermost loop, and a block without a loop around it becomes one that runs once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from pratique.rego.emit import rowsets
from pratique.rego.emit.expressions import Scope
from pratique.rego.emit.known import Piece, rooted
from pratique.rego.emit.lines import Fail, Lines
from pratique.rego.plan import ir, walk
from pratique.rego.runtime.work import QUANTUM

# Writes what happens where all steps of a branch hold.
End: TypeAlias = Callable[[Lines, ir.Branch], None]


# So few turns of a loop that runs once, or over constants, are no more work than the policy's text is long.
_FEW: Final = 16


@dataclass(slots=True)
class Block:
    """Where a run of steps is: how it fails, the loops around it inside the block, the flag that ends it."""

    fail: Fail
    end: End
    branch: ir.Branch
    flag: str = ""
    loops: int = 0


def nested(
    scope: Scope, branch: ir.Branch, out: Lines, end: End, *, flag: str = "", repeats: bool = True
) -> None:
    """Write a block of its own: what is found inside is forgotten after it.

    With a `flag`, `end` sets it and the first success leaves the block. Without `repeats`, `end` must not be
    reached twice for one member of a set.
    """
    before = scope.repeats
    scope.repeats = repeats and not (scope.plan.printing or scope.plan.watched)
    frame = frame_of(branch.steps)
    if frame:
        out.add(f"{frame} = IDLE")
    _block(scope, branch, out, end, flag)
    if frame:
        out.add(f"{frame}.leave()")
    scope.repeats = before


def _block(scope: Scope, branch: ir.Branch, out: Lines, end: End, flag: str) -> None:
    known, states = scope.known.copy(), list(scope.states)
    inner = out.child()
    fail = Fail("break")
    run(scope, list(branch.steps), inner, Block(fail, end, branch, flag))
    out.once(inner, fail)
    scope.known, scope.states = known, states


def frame_of(steps: Sequence[ir.Step]) -> str:
    """Return the name of what a watched body reports to, or nothing."""
    return next((step.frame for step in steps if isinstance(step, ir.Watch)), "")


def run(scope: Scope, steps: list[ir.Step], out: Lines, block: Block) -> None:
    """Write the steps one after the other; what follows a scan goes inside its loop."""
    for index, step in enumerate(steps):
        span = getattr(step, "span", None)
        if span is not None:
            out.at = span
        if not isinstance(step, ir.Assign | ir.Test):
            # A set that waits is made before a loop, not in it, and before a block whose end forgets it.
            for name in list(scope.known.waiting):
                scope.piece(ir.Local(name), out)
        if isinstance(step, ir.Scan | ir.ScanKeys | ir.Walk):
            _loop(scope, step, steps[index + 1 :], out, block)
            return
        if isinstance(step, ir.Fork):
            _fork(scope, step, out, block)
            return
        _step(scope, step, out, block.fail)
    block.end(out, block.branch)
    if block.flag and block.loops:
        out.add("break")


def _share(scope: Scope, branches: tuple[ir.Branch, ...], out: Lines) -> None:
    """Look up in front of a fork what several of its branches look up in what is known there."""
    inside = {name for branch in branches for name in walk.bound(branch.steps)}
    uses: Counter[ir.Get] = Counter()
    for branch in branches:
        found = set()
        for expr in walk.expressions(branch.steps):
            if not isinstance(expr, ir.Get):
                continue
            whole = rooted(expr, scope.origins)
            base = whole.base
            if not isinstance(base, ir.Local | ir.Input | ir.Data):
                continue
            if isinstance(base, ir.Local) and base.name in inside:
                continue
            for length, key in enumerate(whole.keys, 1):
                if not isinstance(key, ir.Const) or type(key.value) is not str:
                    break
                found.add(ir.Get(base, whole.keys[:length]))
        uses.update(found)
    # In the order of their text, so that the same plan always becomes the same lines.
    shared = [get for get, count in uses.items() if count > 1]
    for get in sorted(shared, key=lambda each: (len(each.keys), repr(each))):
        scope.piece(get, out)


def _fork(scope: Scope, step: ir.Fork, out: Lines, block: Block) -> None:
    _share(scope, step.branches, out)
    before = scope.shared
    scope.share([branch.steps for branch in step.branches], out)
    for index, branch in enumerate(step.branches, 1):
        _block(scope, branch, out, block.end, block.flag)
        if not block.flag or (index == len(step.branches) and not block.loops):
            continue
        out.add(f"if {block.flag}: {'break' if block.loops else block.fail}")
    scope.shared = before


def _loop(
    scope: Scope, step: ir.Scan | ir.ScanKeys | ir.Walk, rest: list[ir.Step], out: Lines, block: Block
) -> None:
    if not block.loops:
        _lift(scope, rest, out)
    out.add(_head(scope, step, scope.weights.turn(rest, walk.ends(block.branch)), out))
    known = scope.known.copy()
    with out.indented(), scope.deeper():
        run(scope, rest, out, replace(block, fail=Fail("continue"), loops=block.loops + 1))
    scope.known = known
    if block.flag and block.loops:
        out.add(f"if {block.flag}: break")


def _lift(scope: Scope, rest: list[ir.Step], out: Lines) -> None:
    """Look up in front of a loop what its turns would look up in the documents again and again."""
    tests = [index for index, step in enumerate(rest) if not isinstance(step, ir.Assign)]
    # What comes after the last test makes the answer, which most evaluations do not reach.
    for expr in walk.expressions(rest[: tests[-1] + 1] if tests else ()):
        if not isinstance(expr, ir.Get):
            continue
        whole = rooted(expr, scope.origins)
        fixed = all(isinstance(key, ir.Const) and type(key.value) is str for key in whole.keys)
        if fixed and isinstance(whole.base, ir.Input | ir.Data):
            scope.piece(whole, out)


def counted(scope: Scope, members: str, weight: int, out: Lines, *, walked: bool = False) -> str:
    """Write how members to go through are counted, before the loop starts; return their name.

    A turn counts as `weight` steps. What cannot run again counts only where it is not short; what is `walked` counts
    only where the document is, which else is counted already.
    """
    name = members
    if not members.isidentifier():
        name = scope.fresh("m")
        out.add(f"{name} = {members}")
    steps = f"len({name})" if weight == 1 else f"len({name}) * {weight}"
    if walked:
        steps = f"({steps} if len({name}) <= {QUANTUM} else 0)"
    if not scope.again:
        out.add(f"if len({name}) > {_FEW}: spend({scope.state}, {steps})")
        return name
    out.add(f"{scope.state}.left -= {steps} + 1")
    out.add(f"if {scope.state}.left < 0: refill({scope.state})")
    return name


def _head(scope: Scope, step: ir.Scan | ir.ScanKeys | ir.Walk, weight: int, out: Lines) -> str:
    if isinstance(step, ir.ScanKeys):
        node = scope.names.node(step.node)
        keys = ", ".join([scope.piece(name, out).text for name in step.keys])
        members = f"names_at({scope.state}, {node}, ({keys}{',' if keys else ''}))"
        if step.ordered:
            members = f"sorted_values({members})"
        scope.free = False
        return f"for {step.key} in {counted(scope, members, weight, out)}:"
    source = _source(scope, step.source, out)
    if source.kind == "set" and isinstance(step, ir.Scan) and step.key and step.value:
        # A member of a set is its own key.
        scope.aliases[step.value] = Piece(step.key, True)
        step = replace(step, value="")
    members = _members(step, source, scope)
    few = source.const and source.kind in {"list", "set", "object"} and len(source.value) <= _FEW
    # Short loops in short loops are as long as any: only the outermost is as good as a step.
    scope.free = few and not (scope.again and (weight > 1 or scope.short))
    if not scope.free:
        members = counted(scope, members, weight, out, walked=isinstance(step, ir.Walk))
    if isinstance(step, ir.Walk):
        scope.wary.add(step.value)
        return f"for {step.path}, {step.value} in {members}:"
    if step.key and step.value:
        return f"for {step.key}, {step.value} in {members}:"
    return f"for {step.key or step.value or '_'} in {members}:"


# How members come in order, by whether keys and values are asked for.
_IN_ORDER: Final = {
    (True, True): "items_in_order",
    (True, False): "keys_in_order",
    (False, True): "values_in_order",
    (False, False): "values_in_order",
}


def _source(scope: Scope, expr: ir.Expr, out: Lines) -> Piece:
    if not isinstance(expr, ir.Union):
        return scope.atom(expr, out)
    if not scope.repeats:
        return scope.atom(ir.RuleValue(expr.rule), out)
    parts = [members_of(scope.atom(each, out), scope) for each in expr.sources]
    if len(parts) == 1:
        return scope.atom(expr.sources[0], out)
    return Piece(f"[{', '.join([f'*{part}' for part in parts])}]", True, "list")


def _members(step: ir.Scan | ir.Walk, source: Piece, scope: Scope) -> str:
    name = source.text
    if isinstance(step, ir.Walk):
        return f"walk({name})"
    if step.ordered and source.kind != "list":
        members = f"{_IN_ORDER[bool(step.key), bool(step.value)]}({name})"
        return members if step.key else f"({name} if type({name}) is list else {members})"
    if step.key and step.value:
        return f"({name}.items() if type({name}) is dict else {_else('items', source)})"
    if step.key and source.kind != "set":
        return f"({name} if type({name}) is dict else {_else('keys', source)})"
    return members_of(source, scope)


def members_of(source: Piece, scope: Scope) -> str:
    """Return the members of a value as Python."""
    name = source.text
    if source.kind in {"list", "set"}:
        members = name
        if source.kind == "set":
            members = f"{name}.rows()" if scope.repeats else f"{name}.values()"
        # A builtin that refuses its operands has nothing to go through.
        return members if source.defined else f"(() if {name} is U else {members})"
    return f"({name} if type({name}) is list else {_else('rows_of' if scope.repeats else 'values', source)})"


def _else(function: str, source: Piece) -> str:
    """Return the members of what is no array or object of the usual kind; mostly it is not there."""
    call = f"{function}({source.text})"
    return call if source.defined else f"() if {source.text} is U else {call}"


def _step(scope: Scope, step: ir.Step, out: Lines, fail: Fail) -> None:
    match step:
        case ir.Assign(local, value) if rowsets.left_over(scope, local, value, out):
            pass
        case ir.Assign(local, value):
            _assign(scope, local, scope.piece(value, out, local), out, fail)
        case ir.Test(value):
            condition = scope.condition(value, out)
            if condition != "True":
                out.add(f"if not ({condition}): {fail}")
            scope.holds(value, out)
        case ir.Shape(local, kind, size):
            name = scope.piece(ir.Local(local), out).text
            length = f"len({name}) == {scope.names.const(size)}"
            if kind == "array":
                out.add(f"if not (type({name}) is list and {length}): {fail}")
            else:
                out.add(f"if not (type({name}) in OBJECTS and {length}): {fail}")
        case ir.Not(steps):
            _not(scope, steps, out, fail)
        case ir.Every():
            _every(scope, step, out, fail)
        case ir.Collect():
            _collect(scope, step, out)
        case ir.Enter(replacements):
            _enter(scope, replacements, out)
        case ir.Leave():
            scope.states.pop()
        case ir.Print(parts):
            _print(scope, step, parts, out)
        case ir.Watch():
            _watch(scope, step, out)
        case _:
            raise AssertionError(f"no such step: {step!r}")


def _assign(scope: Scope, local: str, piece: Piece, out: Lines, fail: Fail) -> None:
    piece = scope.sure(piece)
    name = piece.text
    if piece.simple:
        scope.aliases[local] = piece
    else:
        scope.give(local, piece, out)
        name = local
        if piece.kind:
            scope.known.kinds[local] = piece.kind
    if piece.const:
        return
    if not piece.defined:
        out.add(f"if {name} is U: {fail}")
    scope.known.defined(name)
    if piece.simple:
        scope.aliases[local] = Piece(name, True, piece.kind)
    elif piece.kind == "object":
        scope.known.objects.add(name)


def _not(scope: Scope, steps: tuple[ir.Step, ...], out: Lines, fail: Fail) -> None:
    if len(steps) == 1 and isinstance(steps[0], ir.Test):
        out.add(f"if {scope.condition(steps[0].value, out)}: {fail}")
        return
    wanted = ""
    if len(steps) == 1 and isinstance(steps[0], ir.Not):
        # What does not fail to hold, holds.
        steps, wanted = steps[0].steps, "not "
    flag = scope.fresh("n")
    out.add(f"{flag} = False")
    nested(scope, ir.Branch(steps), out, lambda lines, _: lines.add(f"{flag} = True"), flag=flag)
    out.add(f"if {wanted}{flag}: {fail}")


def _every(scope: Scope, step: ir.Every, out: Lines, fail: Fail) -> None:
    source = scope.atom(step.source, out)
    out.add(f"if not is_collection({source.text}): {fail}")
    flag = scope.fresh("n")
    name = scope.fresh("q")
    scope.aliases[name] = source
    head = ir.Scan(ir.Local(name), step.key, step.value, step.span)
    out.add(_head(scope, head, scope.weights.turn(step.steps, ()), out))
    known = scope.known.copy()
    with out.indented(), scope.deeper():
        out.add(f"{flag} = False")
        nested(scope, ir.Branch(step.steps), out, lambda lines, _: lines.add(f"{flag} = True"), flag=flag)
        out.add(f"if not {flag}: break")
    scope.known = known
    out.add("else:")
    with out.indented():
        out.add(f"{flag} = True")
    out.add(f"if not {flag}: {fail}")


def _collect(scope: Scope, step: ir.Collect, out: Lines) -> None:
    rows = scope.fresh("c")
    out.add(f"{rows} = []")

    def end(lines: Lines, branch: ir.Branch) -> None:
        texts = [scope.piece(expr, lines).text for expr in walk.ends(branch)]
        lines.add(f"{rows}.append({texts[0] if step.key is None else f'({texts[0]}, {texts[1]})'})")

    keys = () if step.key is None else (step.key,)
    nested(scope, ir.Branch(step.steps, keys, step.value), out, end, repeats=step.kind != "array")
    out.at = step.span
    if step.kind == "array":
        scope.aliases[step.local] = Piece(rows, True, "list")
    elif step.kind == "object":
        out.add(f"{step.local} = collect_object({rows})")
    else:
        rowsets.keep(scope, step.local, rows, once=_distinct(step.steps))


def _distinct(steps: tuple[ir.Step, ...]) -> bool:
    """Tell whether steps that collect do so once for each of several texts."""
    branches = steps[0].branches if len(steps) == 1 and isinstance(steps[0], ir.Fork) else ()
    found = [each.value.value for each in branches if isinstance(each.value, ir.Const)]
    simple = all(isinstance(step, ir.Not | ir.Test) for each in branches for step in each.steps)
    texts = all(type(value) is str for value in found)
    return bool(found) and simple and texts and len(set(found)) == len(found) == len(branches)


def _enter(scope: Scope, replacements: tuple[ir.Replacement, ...], out: Lines) -> None:
    outer = scope.state
    state = scope.fresh("s")
    out.add(f"{state} = {outer}.fork()")
    for each in replacements:
        value = scope.piece(each.value, out).text if each.value is not None else "None"
        if each.target in {"input", "data"}:
            out.add(f"replace_{each.target}({state}, {scope.names.keys(each.path)}, {value})")
            continue
        target = scope.names.const(each.name) if each.target == "builtin" else f"r{each.rule}"
        if each.by_rule >= 0:
            by = f"replace_by_rule({state}, {target}, r{each.by_rule})"
        elif each.by_name:
            function = scope.names.builtin(each.by_name)
            by = f"replace_by_builtin({state}, {target}, {function})"
        else:
            by = f"replace_by_value({state}, {target}, {value})"
        out.add(by)
    scope.states.append(state)


def _print(
    scope: Scope,
    step: ir.Print,
    parts: tuple[tuple[tuple[ir.Step, ...], ir.Expr], ...],
    out: Lines,
) -> None:
    rows = []
    for steps, value in parts:
        name = scope.fresh("c")
        out.add(f"{name} = []")

        def end(lines: Lines, _: ir.Branch, name: str = name, value: ir.Expr = value) -> None:
            lines.add(f"{name}.append({scope.piece(value, lines).text})")

        nested(scope, ir.Branch(steps), out, end, repeats=False)
        rows.append(name)
    listed = "".join([f"{name}, " for name in rows])
    out.add(f"print_values({scope.state}, ({listed}), {scope.names.place(step.span)})")


def _watch(scope: Scope, step: ir.Watch, out: Lines) -> None:
    site = scope.names.site(step.site)
    values = "".join([f"{scope.piece(value, out).text}, " for value in step.values])
    if step.op == "enter":
        out.add(f"{step.frame} = enter({scope.state}, {site}, ({values}))")
    else:
        out.add(f"{step.frame}.{step.op}({site}, ({values}))")
