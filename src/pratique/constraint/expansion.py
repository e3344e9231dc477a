"""Expansion: the objects that an object will generate, judged before they exist.

In: ExpansionTemplates and an object such as a Deployment. Out: `Resultant`s such as its Pods, mutated as they
would be, and `imply`, which turns violations of a resultant into violations of its parent. Templates that
feed each other in a circle are disabled, the others work on (gatekeeper.md 1.11).

    expander = Expander(mutations)            # a MutationSystem, or none
    expander.put_template(document)           # raises ExpansionError
    for resultant in expander.expand(found, namespace=namespace):
        review = Review.from_object(resultant.object, namespace=namespace, source="Generated")
        violations += imply(library.review(review), resultant)

The parent is taken as it is: in a cluster the mutating webhook has seen it already; offline, mutate it first.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pratique.constraint.library import Library
from pratique.constraint.review import Review
from pratique.constraint.violation import Locate, Violation
from pratique.errors import InputError
from pratique.kube import objects
from pratique.mutation import MutationError, MutationSystem
from pratique.mutation.walk import text_of, type_name

GROUP: Final = "expansion.gatekeeper.sh"
KIND: Final = "ExpansionTemplate"
VERSIONS: Final = ("v1beta1", "v1alpha1")
GENERATED: Final = "Generated"
DEEPEST: Final = 30
NAME_LIMIT: Final = 64

GVK = tuple[str, str, str]


class ExpansionError(InputError):
    """An ExpansionTemplate is not valid, or an object cannot be expanded by one.

    `cycle` is set where the template is kept, disabled, because it closes a circle.
    """

    def __init__(self, message: str, *, hint: str = "", cycle: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.cycle = cycle


@dataclass(frozen=True, slots=True)
class ExpansionTemplate:
    """What one template says."""

    name: str
    applies_to: frozenset[GVK]
    generates: GVK
    source: str
    enforcement_action: str
    document: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Resultant:
    """An object that would be generated, and the template that says so.

    `path` is where in the object that was expanded it stands: of a resultant's resultant, in the first one.
    """

    object: dict[str, Any]
    template_name: str
    enforcement_action: str = ""
    path: str = ""


def is_template(document: Mapping[str, Any]) -> bool:
    """Tell whether a resource is an ExpansionTemplate."""
    group, _, kind = objects.gvk(document)
    return (group, kind) == (GROUP, KIND)


def read(document: Mapping[str, Any]) -> ExpansionTemplate:
    """Read and check a template; raises `ExpansionError` with Gatekeeper's texts."""
    _, version, kind = objects.gvk(document)
    if not is_template(document) or version not in VERSIONS:
        raise ExpansionError(
            f'no matches for kind "{kind}" in version "{document.get("apiVersion")}"',
            hint=f"write {GROUP}/{VERSIONS[0]}",
        )
    name = objects.metadata(document).get("name") or ""
    if not isinstance(name, str) or not name:
        raise ExpansionError("ExpansionTemplate has empty name field")
    if len(name) >= NAME_LIMIT:
        raise ExpansionError(f"ExpansionTemplate name must be less than {NAME_LIMIT} characters")
    spec = _block(document, "spec", "spec")
    source, action = spec.get("templateSource") or "", spec.get("enforcementAction") or ""
    if not isinstance(source, str) or not isinstance(action, str):
        raise ExpansionError("`spec.templateSource` and `spec.enforcementAction` must be strings")
    if not source:
        raise ExpansionError(f"ExpansionTemplate {name} has empty source field")
    made = _block(spec, "generatedGVK", "spec.generatedGVK")
    group, made_version, made_kind = (_text(made, part) for part in ("group", "version", "kind"))
    generates = (group, made_version, made_kind)
    if generates == ("", "", ""):
        raise ExpansionError(f"ExpansionTemplate {name} has empty generatedGVK field")
    entries = spec.get("applyTo")
    if not entries:
        raise ExpansionError(f"ExpansionTemplate {name} must specify ApplyTo")
    applies_to = _applies_to(entries)
    if generates in applies_to:
        shown = f"{generates[0]}/{generates[1]}, Kind={generates[2]}"
        raise ExpansionError(
            f"ExpansionTemplate {name} generates GVK {shown}, but also applies to that same GVK"
        )
    return ExpansionTemplate(name, applies_to, generates, source, action, document)


class Expander:
    """The ExpansionTemplates of one cluster (or of one folder of files)."""

    def __init__(self, mutations: MutationSystem | None = None) -> None:
        """Mutate resultants with `mutations`."""
        self._mutations = mutations
        self._templates: dict[str, ExpansionTemplate] = {}
        self._cyclic: frozenset[str] = frozenset()
        self._by_kind: dict[GVK, list[ExpansionTemplate]] = {}

    def put_template(self, document: Mapping[str, Any]) -> ExpansionTemplate:
        """Add or replace a template; raises `ExpansionError`.

        What was there then stays, unless the error is a `cycle`: the new one is kept, and disabled.
        """
        template = read(document)
        self._templates[template.name] = template
        self._index()
        if template.name in self._cyclic:
            raise ExpansionError(
                "template forms expansion cycle",
                hint=f"these are disabled: {', '.join(sorted(self._cyclic))}",
                cycle=True,
            )
        return template

    def remove_template(self, name: str) -> None:
        """Take a template out; one that is not there is no error."""
        if self._templates.pop(name, None) is not None:
            self._index()

    def templates(self) -> list[ExpansionTemplate]:
        """Return all templates, by name."""
        return [self._templates[name] for name in sorted(self._templates)]

    def parents(self, pairs: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return the (group, kind)s whose objects would generate one of `pairs`, `*` being any, at any depth."""
        wanted = set(pairs)
        found: set[tuple[str, str]] = set()
        active = [one for one in self._templates.values() if one.name not in self._cyclic]
        while True:
            more = {
                (group, kind)
                for one in active
                if _among(one.generates, wanted)
                for group, _, kind in one.applies_to
            }
            if more <= found:
                return found
            found |= more
            wanted |= more

    def conflicts(self) -> frozenset[str]:
        """Return the names of the templates that are disabled because they form a circle."""
        return self._cyclic

    def concerns(self, found: Mapping[str, Any]) -> bool:
        """Tell whether an object would generate others."""
        return bool(self._by_kind) and objects.gvk(found) in self._by_kind

    def applying(self, found: Mapping[str, Any]) -> list[ExpansionTemplate]:
        """Return the templates that an object would be expanded by."""
        return list(self._by_kind.get(objects.gvk(found), ()))

    def expand(
        self, found: dict[str, Any], *, namespace: Mapping[str, Any] | None = None, username: str = ""
    ) -> list[Resultant]:
        """Return everything that an object would generate, resultants of resultants first.

        Raises `ExpansionError` where a template's source is missing, and `MutationError`.
        """
        return self._expand(found, namespace, username, ())

    def _expand(
        self,
        found: dict[str, Any],
        namespace: Mapping[str, Any] | None,
        username: str,
        above: tuple[str, ...],
    ) -> list[Resultant]:
        if len(above) >= DEEPEST:
            raise ExpansionError(f"maximum recursion depth of {DEEPEST} reached")
        gvk = objects.gvk(found)
        if gvk == ("", "", ""):
            raise ExpansionError(f"cannot expand resource {objects.name(found)} with empty GVK")
        resultants: list[Resultant] = []
        deeper: list[Resultant] = []
        for template in self._by_kind.get(gvk, ()):
            path = (*above, template.source)
            made = generate(found, template, namespace)
            made = self._mutated(made, namespace, username)
            resultants.append(Resultant(made, template.name, template.enforcement_action, ".".join(path)))
            deeper += self._expand(made, namespace, username, path)
        return deeper + resultants

    def _mutated(
        self, made: dict[str, Any], namespace: Mapping[str, Any] | None, username: str
    ) -> dict[str, Any]:
        if self._mutations is None:
            return made
        try:
            changed = self._mutations.mutate(made, namespace=namespace, source=GENERATED, username=username)
        except MutationError as error:
            raise MutationError(
                f"failed to mutate resultant resource {objects.name(made)}: {error.message}", hint=error.hint
            ) from error
        return changed.object

    def _index(self) -> None:
        self._cyclic = _cyclic(self._templates.values())
        self._by_kind = {}
        for template in self.templates():
            if template.name not in self._cyclic:
                for gvk in template.applies_to:
                    self._by_kind.setdefault(gvk, []).append(template)


def generate(
    parent: dict[str, Any], template: ExpansionTemplate, namespace: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the object that a template makes of its parent, not yet mutated."""
    source: Any = parent
    parts = template.source.split(".")
    for index, part in enumerate(parts):
        if not isinstance(source, dict):
            raise _no_object(source, parts[: index + 1])
        if part not in source:
            raise ExpansionError(
                f'could not find source field "{template.source}" in resource {objects.name(parent)}'
            )
        source = source[part]
    if not isinstance(source, dict):
        raise _no_object(source, parts)
    return _framed(source, parent, template, namespace)


def _framed(
    source: dict[str, Any],
    parent: dict[str, Any],
    template: ExpansionTemplate,
    namespace: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return what a template finds in an object, with the kind, names and owner that it gives it."""
    group, version, kind = template.generates
    made: dict[str, Any] = objects.copy(source)
    made["apiVersion"] = f"{group}/{version}" if group else version
    made["kind"] = kind
    metadata = made.get("metadata")
    made["metadata"] = metadata = metadata if isinstance(metadata, dict) else {}
    found = objects.name(namespace) if namespace is not None else objects.namespace(parent)
    if found:
        metadata["namespace"] = found
    elif namespace is not None:
        metadata.pop("namespace", None)
    metadata["name"] = f"{objects.name(parent)}{'-' if kind else ''}{kind}".lower()
    _own(metadata, parent)
    return made


def _no_object(value: Any, parts: list[str]) -> ExpansionError:
    return ExpansionError(
        f"could not extract source field from unstructured: .{'.'.join(parts)} accessor error: {text_of(value)} is of "
        f"the type {type_name(value)}, expected map[string]interface{{}}"
    )


def imply(violations: Iterable[Violation], resultant: Resultant) -> list[Violation]:
    """Return a resultant's violations as its parent's: marked as implied, with the template's own action.

    The field is the parent's too: what a Pod has at `spec.nodeName` its Deployment has at
    `spec.template.spec.nodeName`.
    """
    action = resultant.enforcement_action
    changes: dict[str, Any] = {}
    if action:
        changes = {"action": action, "actions": (action,), "enforcement_action": action}
    return [
        dataclasses.replace(
            one,
            message=f"[Implied by {resultant.template_name}] {one.message}",
            locate=_inside(resultant.path, one),
            **changes,
        )
        for one in violations
    ]


def judge(
    library: Library, expander: Expander, review: Review, *, point: str, anyway: bool = False
) -> tuple[list[tuple[str, str]], list[Violation]]:
    """Return what `Library.judge` does, for the object of a review and for all that it would generate.

    Raises `ExpansionError` and `MutationError` where that cannot be said. With `anyway`, that it cannot is a violation
    of each constraint that would have been asked, as far as the kind and the names of what would be generated tell.
    """
    matched, violations = library.judge(review, point)
    subject = review.subject
    if not expander.concerns(subject):
        return matched, violations
    username = str(review.input["userInfo"].get("username") or "")
    reason = ""
    try:
        resultants = expander.expand(subject, namespace=review.namespace, username=username)
    except (ExpansionError, MutationError) as error:
        if not anyway:
            raise
        reason = f"the object cannot be expanded: {error.message}"
        resultants = [
            Resultant(
                _framed({}, subject, one, review.namespace), one.name, one.enforcement_action, one.source
            )
            for one in expander.applying(subject)
        ]
    for resultant in resultants:
        implied = Review.from_object(
            resultant.object, namespace=review.namespace, source=GENERATED, operation=review.operation
        )
        more, found = library.unjudged(implied, reason, point) if reason else library.judge(implied, point)
        matched += [one for one in more if one not in matched]
        violations += imply(found, resultant)
    return matched, violations


def _among(gvk: GVK, pairs: set[tuple[str, str]]) -> bool:
    group, _, kind = gvk
    return any((g, k) in pairs for g in (group, "*") for k in (kind, "*"))


def _inside(path: str, one: Violation) -> Locate:
    def locate(_message: str, _details: Any) -> str:
        return f"{path}.{one.field}" if one.field else path

    return locate


def _own(metadata: dict[str, Any], parent: dict[str, Any]) -> None:
    owner = {
        "apiVersion": parent.get("apiVersion"),
        "kind": parent.get("kind"),
        "name": objects.name(parent),
    }
    if not all(owner.values()):
        return
    owners = metadata.get("ownerReferences")
    owners = owners if isinstance(owners, list) else []
    if not any(isinstance(one, dict) and owner.items() <= one.items() for one in owners):
        # The reference writes the uid even where it is not known.
        metadata["ownerReferences"] = [*owners, {**owner, "uid": ""}]


def _cyclic(templates: Iterable[ExpansionTemplate]) -> frozenset[str]:
    """Return the templates that lead back to themselves through at least one other."""
    known = list(templates)
    makers: dict[GVK, list[str]] = {}
    for one in known:
        for gvk in one.applies_to:
            makers.setdefault(gvk, []).append(one.name)
    following = {one.name: makers.get(one.generates, []) for one in known}
    return frozenset(name for name in following if _reaches(name, following))


def _reaches(name: str, following: Mapping[str, list[str]]) -> bool:
    seen: set[str] = set()
    open_ends = list(following[name])
    while open_ends:
        one = open_ends.pop()
        if one == name:
            return True
        if one not in seen:
            seen.add(one)
            open_ends += following[one]
    return False


def _applies_to(entries: Any) -> frozenset[GVK]:
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ExpansionError("`spec.applyTo` must be a list of objects")
    return frozenset(
        (group, version, kind)
        for entry in entries
        for group in _strings(entry, "groups")
        for version in _strings(entry, "versions")
        for kind in _strings(entry, "kinds")
    )


def _strings(entry: Mapping[str, Any], part: str) -> list[str]:
    found = entry.get(part)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
        raise ExpansionError(f"`spec.applyTo[].{part}` must be a list of strings")
    return found


def _text(block: Mapping[str, Any], part: str) -> str:
    found = block.get(part)
    if found is not None and not isinstance(found, str):
        raise ExpansionError(f"`spec.generatedGVK.{part}` must be a string")
    return found or ""


def _block(parent: Mapping[str, Any], key: str, path: str) -> Mapping[str, Any]:
    found = parent.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ExpansionError(f"`{path}` must be an object")
    return found
