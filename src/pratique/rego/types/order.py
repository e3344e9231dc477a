"""The order in which OPA looks at the steps of a body: each as soon as what it needs has a value.

This is `check.safety` over flat steps: types depend on which step comes first, and parts of one literal may be
scheduled apart. Bodies come here when they are known to be safe. (OPA compile.go, reorderBodyForSafety and unify.go.)
"""

from __future__ import annotations

from collections.abc import Iterable

from pratique.rego.nodes import Array, Object, Ref, Scalar, SetOf, Term, Var
from pratique.rego.types.steps import Closure, Step, by_key

_ROOTS = frozenset({"input", "data"})


class _Uses:
    """The variables of a step: its own, and those inside its closures; its references and closures."""

    __slots__ = ("closures", "inside", "own", "refs")

    def __init__(self) -> None:
        self.own: set[str] = set()
        self.inside: set[str] = set()
        self.refs: list[Ref] = []
        self.closures: list[Closure] = []

    def add(self, term: Term) -> None:
        kind = type(term)
        if kind is Scalar:
            return
        if isinstance(term, Var):
            self.own.add(term.name)
        elif isinstance(term, Ref):
            head = term.head
            if isinstance(head, Var) and head.name not in _ROOTS:
                self.own.add(head.name)
            self.refs.append(term)
            for part in term.path:
                if type(part) is not Scalar:
                    self.add(part)
        elif isinstance(term, Array | SetOf):
            for item in term.items:
                self.add(item)
        elif isinstance(term, Object):
            for key, item in term.pairs:
                self.add(key)
                self.add(item)
        elif isinstance(term, Closure):
            self.closures.append(term)
            self.inside |= _everything(term)

    def step(self, step: Step) -> None:
        for arg in step.args:
            self.add(arg)
        for each in step.withs:
            if not each.by:
                self.add(each.value)
        if step.kind == "every":
            self.inside |= _all_of(step.bodies[0][0])
        elif step.bodies:
            for body, in_braces in step.bodies:
                self.inside |= _all_of(body)
                if not in_braces:
                    self.own |= _needed(body)


def _uses(step: Step) -> _Uses:
    # Kept, since steps in steps are asked again and again.
    if step.uses is None:
        found = _Uses()
        found.step(step)
        step.uses = found
    kept: _Uses = step.uses
    return kept


def _all_of(body: Iterable[Step]) -> set[str]:
    found: set[str] = set()
    for step in body:
        uses = _uses(step)
        found |= uses.own
        found |= uses.inside
    return found


def _everything(closure: Closure) -> set[str]:
    found = _Uses()
    found.add(closure.value)
    if closure.key is not None:
        found.add(closure.key)
    return found.own | found.inside | _all_of(closure.steps)


def _needed(body: list[Step]) -> set[str]:
    """Return what an operand without braces takes from around it: all that no step of it gives to another."""
    uses = [_uses(step) for step in body]
    if len(body) == 1:
        return uses[0].own
    counted: dict[str, int] = {}
    for each in uses:
        for name in each.own:
            counted[name] = counted.get(name, 0) + 1
    sides = {arg.name for step in body if step.kind == "eq" for arg in step.args if isinstance(arg, Var)}
    safe = set(counted) - sides
    bound: set[str] = set()
    for step in body:
        if step.kind == "call":
            results = _Uses()
            for arg in step.args[step.inputs :]:
                results.add(arg)
            bound |= results.own
    while True:
        before = len(bound)
        for step, each in zip(body, uses, strict=True):
            if step.kind == "eq":
                bound |= outputs(step, each, safe | bound)
        if len(bound) == before:
            break
    return {name for name, times in counted.items() if name not in bound or times == 1}


# --- the order ---------------------------------------------------------------------------------------------


def ordered(body: Iterable[Step], known: set[str]) -> list[Step]:
    """Return the steps in order, given the variables that have a value before; closures are ordered too."""
    left = [(step, _uses(step)) for step in body]
    safe = set(known)
    placed: list[tuple[Step, _Uses]] = []
    shared: set[str] | None = None
    while left:
        later = []
        for pair in left:
            step, uses = pair
            missing = uses.own - safe
            if uses.inside:
                if shared is None:
                    shared = {name for _, each in left for name in each.own} - known
                    shared |= {name for _, each in placed for name in each.own} - known
                closed = uses.inside & shared
                if closed:
                    given = outputs(step, uses, safe)
                    if closed == given:
                        later.append(pair)
                        continue
                    missing = closed - given - safe
                    if missing:
                        later.append(pair)
                        continue
                    placed.append(pair)
                    safe |= given
                    continue
            if missing:
                given = outputs(step, uses, safe)
                if not missing <= given:
                    later.append(pair)
                    continue
                safe |= given
            placed.append(pair)
        if len(later) == len(left):
            placed += later
            break
        left = later
    _closures(placed, known)
    return [step for step, _ in placed]


def _closures(placed: list[tuple[Step, _Uses]], known: set[str]) -> None:
    around = set(known)
    for step, uses in placed:
        for closure in uses.closures:
            _set_steps(closure, around)
        if step.bodies:
            around |= {var.name for var in step.variables}
            step.bodies = tuple([(ordered(body, around), in_braces) for body, in_braces in step.bodies])
        around |= uses.own


def _set_steps(closure: Closure, around: set[str]) -> None:
    object.__setattr__(closure, "steps", tuple(ordered(closure.steps, around)))


# --- what a step gives values to ---------------------------------------------------------------------------


def outputs(step: Step, uses: _Uses, safe: set[str]) -> set[str]:
    """Return the variables that get a value by a step, given those that have one."""
    if step.negated or step.kind in {"not", "logical"}:
        return set()
    for each in step.withs:
        if not each.by:
            given = _Uses()
            given.add(each.value)
            if not given.own <= safe:
                return set()
    found = _bracketed(uses.refs, safe) if uses.refs else set()
    if step.kind == "eq":
        base = safe | found
        left, right = step.args
        if step.declares:
            pattern: set[str] = set()
            _all_variables(left, pattern)
            base -= pattern
        matched = _Matching(base)
        matched.match(left, right)
        return (base | matched.found) - safe
    if step.kind == "call" and step.inputs < len(step.args):
        needed: set[str] = set()
        for arg in step.args[: step.inputs]:
            _pattern(arg, needed)
        if not needed <= safe | found:
            return set()
        for arg in step.args[step.inputs :]:
            _pattern(arg, found)
    return found - safe


def _bracketed(refs: list[Ref], safe: set[str]) -> set[str]:
    """Return the variables in the brackets of references whose head has a value."""
    found: set[str] = set()
    for ref in refs:
        if _is_safe(ref, safe):
            for part in ref.path:
                if type(part) is not Scalar:
                    uses = _Uses()
                    uses.add(part)
                    found |= uses.own | uses.inside
    return found


def _is_safe(ref: Ref, safe: set[str]) -> bool:
    head = ref.head
    return not isinstance(head, Var) or head.name in _ROOTS or head.name in safe


def _all_variables(term: Term, found: set[str]) -> None:
    uses = _Uses()
    uses.add(term)
    found |= uses.own


def _pattern(term: Term, found: set[str]) -> None:
    """Add the variables that a value gives a value to: not those of keys, sets, closures, or in front of brackets."""
    if isinstance(term, Var):
        found.add(term.name)
    elif isinstance(term, Array):
        for item in term.items:
            _pattern(item, found)
    elif isinstance(term, Object):
        for _, item in term.pairs:
            _pattern(item, found)
    elif isinstance(term, Ref):
        for part in term.path:
            _pattern(part, found)


def _inside(term: Term) -> set[str]:
    found: set[str] = set()
    if isinstance(term, SetOf | Array):
        for item in term.items:
            found |= _inside(item)
    elif isinstance(term, Object):
        for _, item in term.pairs:
            found |= _inside(item)
    else:
        _pattern(term, found)
    return found


class _Matching:
    """Which variables an equation gives values to."""

    def __init__(self, safe: set[str]) -> None:
        self.safe = safe
        self.found: set[str] = set()
        self.waiting: dict[str, set[str]] = {}

    def knows(self, name: str) -> bool:
        return name in self.safe or name in self.found

    def match(self, left: Term, right: Term) -> None:
        """Add what equating two terms gives values to."""
        if isinstance(left, Var):
            self._variable(left, right)
        elif isinstance(right, Var):
            self._variable(right, left)
        elif isinstance(left, Ref | Closure):
            self._composite(right, left)
        elif isinstance(right, Ref | Closure):
            self._composite(left, right)
        elif isinstance(left, Array) and isinstance(right, Array):
            if len(left.items) == len(right.items):
                for one, two in zip(left.items, right.items, strict=True):
                    self.match(one, two)
        elif isinstance(left, Object) and isinstance(right, Object) and len(left.pairs) == len(right.pairs):
            theirs = by_key(right.pairs)
            for key, (_, one) in by_key(left.pairs).items():
                if key in theirs:
                    self.match(one, theirs[key][1])

    def _composite(self, pattern: Term, source: Term) -> None:
        if isinstance(pattern, Array | Object) and (
            not isinstance(source, Ref) or _is_safe(source, self.safe)
        ):
            self._mark_all(pattern)

    def _variable(self, var: Var, other: Term) -> None:
        name = var.name
        if isinstance(other, Var):
            if self.knows(other.name):
                self._mark(name)
            elif self.knows(name):
                self._mark(other.name)
            else:
                self.waiting.setdefault(name, set()).add(other.name)
                self.waiting.setdefault(other.name, set()).add(name)
        elif isinstance(other, Array | Object):
            if self.knows(name):
                self._mark_all(other)
                return
            missing = {each for each in _inside(other) if not self.knows(each)}
            if missing:
                self.waiting.setdefault(name, set()).update(missing)
            else:
                self._mark(name)
        elif not isinstance(other, Ref) or _is_safe(other, self.safe):
            self._mark(name)

    def _mark_all(self, term: Term) -> None:
        for name in _inside(term):
            self._mark(name)

    def _mark(self, name: str) -> None:
        self.found.add(name)
        for each in self.waiting.pop(name, ()):
            self._mark(each)
        for each, needed in list(self.waiting.items()):
            if name in needed:
                needed.discard(name)
                if not needed and each in self.waiting:
                    self._mark(each)
