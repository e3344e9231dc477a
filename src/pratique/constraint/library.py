"""The constraint library: templates, constraints and inventory, and the answer to a review.

In: objects as plain dicts, and `Review`s. Out: violations. It is indexed by group and kind, so a review
costs only the constraints that could match; a constraint that cannot be matched or evaluated says so in a
violation of its own and hides no other (gatekeeper.md 1.4, 2.3). It does no I/O.
"""

from __future__ import annotations

import contextlib
import operator
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from pratique import rego
from pratique.constraint import constraint as constraints
from pratique.constraint import sync, validation
from pratique.constraint import template as templates
from pratique.constraint.constraint import Constraint
from pratique.constraint.errors import ConstraintError
from pratique.constraint.fields import Fields
from pratique.constraint.inventory import Inventory
from pratique.constraint.match import Candidate, Matcher, MatchError, applies, compile_match, group_kind
from pratique.constraint.program import Program, Programs
from pratique.constraint.review import WEBHOOK, Review
from pratique.constraint.template import Places, Template
from pratique.constraint.violation import UNMATCHED, Finding, Locate, Violation, findings, nowhere
from pratique.errors import InputError, NotFoundError
from pratique.kube.providers import UnansweredError
from pratique.rego.runtime.values import EMPTY


@dataclass(frozen=True, slots=True, eq=False)
class _Installed:
    """A constraint ready to be asked."""

    constraint: Constraint
    template: Template
    matcher: Matcher
    program: Program = field(repr=False)


# Gatekeeper's order of answers, and the constraint where that leaves it open (`Violation.order`).
_ORDER: Final = operator.attrgetter("action", "message", "constraint_kind", "constraint_name")


class TemplateTime(NamedTuple):
    """How long one template took over a review: nanoseconds, for how many of its constraints."""

    kind: str
    nanoseconds: int
    constraints: int


class Asked:
    """A constraint that a review asks, worked out once for each kind and enforcement point.

    `key` is its kind and name; `actions` are those at the point, the most severe first. `within` is what is left to
    match in an object of that very kind: None is nothing.
    """

    __slots__ = ("actions", "answer", "installed", "key", "matcher", "parameters", "within")

    def __init__(self, installed: _Installed, actions: tuple[str, ...]) -> None:
        """Take what is the same for all objects of a kind."""
        constraint = installed.constraint
        self.installed = installed
        self.actions = actions
        self.key = (constraint.kind, constraint.name)
        self.answer = installed.program.answer
        self.parameters = installed.program.parameters
        self.matcher: Matcher | None = None if constraint.match is None else installed.matcher
        self.within = self.matcher and self.matcher.within()

    def violation(self, finding: Finding, locate: Locate) -> Violation:
        """Return what it found as its answer."""
        constraint = self.installed.constraint
        return Violation(
            constraint.kind,
            constraint.name,
            finding.message,
            self.actions[0],
            finding.details,
            constraint.annotations,
            finding.error,
            self.actions,
            constraint.enforcement_action,
            # What could not be matched is about no field.
            nowhere if finding.error and finding.message.startswith(UNMATCHED) else locate,
        )


class Library:
    """Templates, constraints and inventory of one cluster (or of one folder of files)."""

    def __init__(self, *, programs: Programs | None = None) -> None:
        self._programs = programs or Programs()
        self._templates: dict[str, Template] = {}
        self._constraints: dict[tuple[str, str], _Installed] = {}
        self._candidates: dict[tuple[str, str, str], tuple[Asked, ...]] = {}
        self._namespaces: dict[str, dict[str, Any]] = {}
        self._inventory = Inventory()

    # --- templates ---

    def put_template(self, found: Mapping[str, Any], *, document: Places | None = None) -> Template:
        """Add or replace a template; its constraints are compiled anew.

        Raises `TemplateError`; the template that was there then stays as it was.
        """
        template = templates.read(found, document=document)
        self._programs.check(template)
        installed = {
            key: self._reinstall(one, template)
            for key, one in self._constraints.items()
            if one.template.name == template.name
        }
        self._templates[template.name] = template
        self._constraints.update(installed)
        self._candidates.clear()
        return template

    def check_template(self, found: Mapping[str, Any], *, document: Places | None = None) -> Template:
        """Read and compile a template without adding it; raises `TemplateError`."""
        template = templates.read(found, document=document)
        self._programs.check(template)
        return template

    def remove_template(self, name: str) -> None:
        """Take a template out, and its constraints with it."""
        if self._templates.pop(name, None) is None:
            return
        for key in [key for key, one in self._constraints.items() if one.template.name == name]:
            del self._constraints[key]
        self._candidates.clear()

    def template(self, name: str) -> Template:
        """Return a template; raises `NotFoundError`."""
        found = self._templates.get(name)
        if found is None:
            raise NotFoundError(f"there is no template `{name}`")
        return found

    def templates(self) -> list[Template]:
        """Return all templates, by name."""
        return [self._templates[name] for name in sorted(self._templates)]

    def crd(self, template_name: str) -> dict[str, Any]:
        """Return the CRD that a template generates."""
        return self.template(template_name).crd()

    # --- constraints ---

    def check_constraint(self, found: Mapping[str, Any], *, actions: bool = True) -> Constraint:
        """Check a constraint without adding it, as the webhook does; raises `ConstraintError`."""
        constraint = constraints.read(found, self._template_of(found))
        if actions:
            validation.check_action(found)
        return constraint

    def put_constraint(self, found: Mapping[str, Any]) -> Constraint:
        """Add or replace a constraint.

        Raises `ConstraintError`; the constraint that was there then stays as it was.
        """
        installed = self._install(found, self._template_of(found))
        constraint = installed.constraint
        self._constraints[constraint.kind, constraint.name] = installed
        self._candidates.clear()
        return constraint

    def remove_constraint(self, kind: str, name: str) -> None:
        """Take a constraint out; one that is not there is no error."""
        if self._constraints.pop((kind, name), None) is not None:
            self._candidates.clear()

    def constraints(self) -> list[Constraint]:
        """Return all constraints, by kind and name."""
        return [self._constraints[key].constraint for key in sorted(self._constraints)]

    def match_kinds(self) -> set[tuple[str, str]]:
        """Return every (group, kind) that some constraint could match, with `*` for any."""
        return {pair for one in self._constraints.values() for pair in one.matcher.pairs()}

    def _template_of(self, found: Mapping[str, Any]) -> Template:
        kind, _ = validation.key(found)
        template = self._templates.get(kind.lower())
        if template is None:
            raise validation.missing_template(kind, list(self._templates))
        return template

    def _reinstall(self, one: _Installed, template: Template) -> _Installed:
        """Return a constraint under its changed template, even where it no longer fits the schema."""
        try:
            return self._install(one.constraint.object, template)
        except ConstraintError:
            program = self._programs.program(template, one.constraint.parameters)
            return _Installed(one.constraint, template, one.matcher, program)

    def _install(self, found: Mapping[str, Any], template: Template) -> _Installed:
        constraint = constraints.read(found, template)
        validation.check_points(found)
        return _Installed(
            constraint,
            template,
            compile_match(constraint.match),
            self._programs.program(template, constraint.parameters),
        )

    # --- inventory ---

    def put_inventory(self, found: dict[str, Any]) -> None:
        """Add an object to `data.inventory`, or replace it there."""
        self._inventory.put(found)
        if group_kind(found) == ("", "Namespace"):
            self.put_namespace(found)

    def remove_inventory(self, found: dict[str, Any]) -> None:
        """Take an object out of `data.inventory`."""
        self._inventory.remove(found)
        if group_kind(found) == ("", "Namespace"):
            self._namespaces.pop(str((found.get("metadata") or {}).get("name")), None)

    def put_namespace(self, found: dict[str, Any]) -> None:
        """Remember a Namespace for matching only, for reviews that do not bring theirs."""
        self._namespaces[str((found.get("metadata") or {}).get("name"))] = found

    def wanted_inventory(self) -> set[tuple[str, str, str]]:
        """Return the (group, version, kind) that templates say they read from the inventory."""
        return {gvk for template in self._templates.values() for gvk in required_sync(template.annotations)}

    def read_inventory(self) -> set[tuple[str, str]]:
        """Return the (group and version, kind) that templates read of the inventory, with `*` for any."""
        return {pair for one in self._templates.values() for pair in self._programs.inventory_kinds(one)}

    # --- reviews ---

    def review(self, review: Review, point: str = WEBHOOK) -> list[Violation]:
        """Ask every constraint that could match, and return their answers in Gatekeeper's order."""
        return self.judge(review, point)[1]

    def judge(self, review: Review, point: str = WEBHOOK) -> tuple[list[tuple[str, str]], list[Violation]]:
        """Return the (kind, name) of each constraint that applies at this point, and all violations.

        A constraint that cannot be matched counts as one that applies. Raises `UnansweredError` where external
        data must be fetched first.
        """
        applied: list[tuple[str, str]] = []
        found: list[Violation] = []
        locate = Fields(review.subject).find
        for asked, each in self.answers(review, point):
            applied.append(asked.key)
            for finding in each:
                found.append(asked.violation(finding, locate))
        if len(found) > 1:
            found.sort(key=_ORDER)
        return applied, found

    def answers(self, review: Review, point: str = WEBHOOK) -> list[tuple[Asked, Sequence[Finding]]]:
        """Return each constraint that applies at this point with what it finds, in no special order.

        A constraint that cannot be matched counts as one that applies. Raises `UnansweredError` where external
        data must be fetched first.
        """
        answers: list[tuple[Asked, Sequence[Finding]]] = []
        candidates, exact = self._could_match(review, point)
        if not candidates:
            return answers
        objects = self._objects(review)
        unanswered: list[Any] = []
        shape, data = review.input, {"inventory": self._inventory.data}
        for asked in candidates:
            if point == WEBHOOK and not asked.installed.template.admits(review.operation):
                continue
            matcher = asked.within if exact else asked.matcher
            try:
                if matcher is not None and not applies(matcher, objects):
                    continue
            except MatchError as error:
                answers.append((asked, (Finding(f"{UNMATCHED}{error.message}", None, error=True),)))
                continue
            try:
                # As `Program.run` does it, without one more call.
                result = asked.answer({"review": shape, "parameters": asked.parameters}, data)
                answers.append((asked, () if result is EMPTY else findings(result)))
            except UnansweredError as error:
                # The others are still asked, so that all that is missing is fetched at once.
                unanswered += error.questions
            except Exception as error:
                # INVARIANT: whatever one policy does, every other constraint is still asked, and it denies.
                answers.append((asked, (Finding(_failure(error), None, error=True),)))
        if unanswered:
            raise UnansweredError(*unanswered)
        return answers

    def unjudged(
        self, review: Review, reason: str, point: str = WEBHOOK
    ) -> tuple[list[tuple[str, str]], list[Violation]]:
        """Return what `judge` does of an object that no policy can be asked about: each answers with the reason."""
        applied: list[tuple[str, str]] = []
        found: list[Violation] = []
        candidates = self._objects(review)
        for asked in self._could_match(review, point)[0]:
            try:
                if asked.matcher is not None and not applies(asked.matcher, candidates):
                    continue
                text = reason
            except MatchError as error:
                text = f"{UNMATCHED}{error.message}"
            applied.append(asked.key)
            found.append(asked.violation(Finding(text, None, error=True), nowhere))
        found.sort(key=_ORDER)
        return applied, found

    def times(self, review: Review, point: str = WEBHOOK) -> list[TemplateTime]:
        """Return how long each template takes over a review: it is asked once more, by itself."""
        applied, _ = self.judge(review, point)
        taken: dict[str, TemplateTime] = {}
        data = {"inventory": self._inventory.data}
        for key in applied:
            began = time.perf_counter_ns()
            # What goes wrong takes its time too.
            with contextlib.suppress(Exception):
                findings(self._constraints[key].program.run(review.input, data))
            passed = time.perf_counter_ns() - began
            _, before, count = taken.get(key[0], ("", 0, 0))
            taken[key[0]] = TemplateTime(key[0], before + passed, count + 1)
        return [taken[kind] for kind in sorted(taken)]

    def _could_match(self, review: Review, point: str) -> tuple[Sequence[Asked], bool]:
        """Return what could match, and whether the objects' own kind is the one that it was chosen for."""
        pairs = [group_kind(found) for found in (review.object, review.old_object) if found is not None]
        if pairs and pairs[0][1] and pairs[0] == pairs[-1]:
            return self._for_kind(pairs[0], point), True
        asked = _asked_kind(review)
        kinds = {pair if pair[1] else asked for pair in pairs} or {asked}
        found = {id(one.installed): one for kind in sorted(kinds) for one in self._for_kind(kind, point)}
        return tuple(found.values()), False

    def _for_kind(self, pair: tuple[str, str], point: str) -> tuple[Asked, ...]:
        found = self._candidates.get((*pair, point))
        if found is None:
            found = tuple(
                Asked(one, actions)
                for one in self._constraints.values()
                if one.matcher.admits(*pair) and (actions := one.constraint.actions(point))
            )
            self._candidates[(*pair, point)] = found
        return found

    def _objects(self, review: Review) -> list[Candidate]:
        namespace = review.namespace
        if namespace is None and review.namespace_name:
            namespace = self._namespaces.get(review.namespace_name)
        objects = [review.object]
        if review.old_object is not review.object:
            objects.append(review.old_object)
        return [Candidate(found, namespace, review.source) for found in objects if found is not None]


def _asked_kind(review: Review) -> tuple[str, str]:
    kind = review.input["kind"]
    return kind["group"], kind["kind"]


def _failure(error: Exception) -> str:
    if not isinstance(error, rego.EvaluationError):
        return f"the policy could not be evaluated: {error or type(error).__name__}"
    place = f"{error.location.file}:{error.location.line}: " if error.location.line else ""
    return f"{place}{error.code}: {error.message}"


def required_sync(annotations: Mapping[str, str]) -> set[tuple[str, str, str]]:
    """Return the kinds that a template's `requires-sync-data` annotation names; none if it is unreadable."""
    try:
        return {gvk for choice in sync.requirements(annotations) for gvk in choice}
    except InputError:
        return set()
