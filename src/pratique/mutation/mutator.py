"""Assign, AssignMetadata, ModifySet and AssignImage, read from their resources.

In: a resource as a plain dict, of any served version (the fields are the same in all). Out: a `Mutator`,
checked in Gatekeeper's order and with its texts, or `MutatorError`. It knows nothing of other mutators.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from pratique.kube import objects
from pratique.kube.diff import same
from pratique.kube.match import Candidate, Matcher, compile_match
from pratique.kube.schema import kind_of
from pratique.mutation import apply_to, conditions, image, location, values
from pratique.mutation.apply_to import GVK, Binding, Bindings
from pratique.mutation.conditions import MUST_NOT_EXIST, Conditions
from pratique.mutation.errors import MutatorError
from pratique.mutation.location import Field, Item, Location, LocationError
from pratique.mutation.setters import MERGE, PRUNE, Assigned, Image, Members
from pratique.mutation.values import Source
from pratique.mutation.walk import Setter, change, text_of

GROUP: Final = "mutations.gatekeeper.sh"
KINDS: Final = ("Assign", "AssignImage", "AssignMetadata", "ModifySet")
VERSIONS: Final = ("v1", "v1beta1", "v1alpha1")
NAME_LIMIT: Final = 63

# What stands at the end of a location, as far as a mutator's kind says it.
UNKNOWN: Final = "Unknown"
SET: Final = "Set"
STRING: Final = "String"


_METADATA_MAPS: Final = tuple((Field("metadata"), Field(name)) for name in ("labels", "annotations"))


class MutatorId(NamedTuple):
    """Which mutator: its sort order is the order in which mutators apply."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}.{GROUP} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Mutator:
    """One mutator, ready to be applied."""

    id: MutatorId
    document: Mapping[str, Any] = field(repr=False)
    location: Location
    conditions: Conditions
    matcher: Matcher = field(repr=False)
    bindings: Bindings | None
    terminal: str
    must_terminate: bool
    _action: Source | Setter

    @property
    def label(self) -> str:
        """Return how annotations name it: `Kind/namespace/name:generation`."""
        generation = objects.metadata(self.document).get("generation") or 0
        return f"{self.id.kind}/{self.id.namespace}/{self.id.name}:{generation}"

    @property
    def external(self) -> bool:
        """Tell whether it asks a provider."""
        return isinstance(self._action, Source) and self._action.external is not None

    def binds(self) -> list[Binding]:
        """Return each kind and operation whose shape it says something about."""
        return list(self.bindings.each()) if self.bindings else []

    def admits(self, gvk: GVK, operation: str) -> bool:
        """Tell whether `applyTo` admits a kind and an operation; without one, everything is admitted."""
        return self.bindings is None or self.bindings.admits(gvk, operation)

    def matches(self, candidate: Candidate) -> bool:
        """Tell whether its match block matches; raises `MatchError`."""
        return self.matcher.matches(candidate)

    def apply(self, found: dict[str, Any], *, username: str = "") -> bool:
        """Change an object in place; tells whether its location was reached. Raises `MutationError`."""
        action = self._action
        setter = Assigned(action.read(found, username)) if isinstance(action, Source) else action
        return change(found, self.location, conditions=self.conditions, setter=setter)


def is_mutator(document: Mapping[str, Any]) -> bool:
    """Tell whether a resource is one of the four."""
    group, _, kind = objects.gvk(document)
    return group == GROUP and kind in KINDS


def read(document: Mapping[str, Any]) -> Mutator:
    """Read and check a mutator; raises `MutatorError`."""
    group, version, kind = objects.gvk(document)
    if group != GROUP or kind not in KINDS:
        raise MutatorError(
            f"cannot convert mutator of kind `{kind}`",
            hint=f"{GROUP} has {', '.join(KINDS[:-1])}, {KINDS[-1]}",
        )
    if version not in VERSIONS:
        raise MutatorError(
            f'no matches for kind "{kind}" in version "{GROUP}/{version}"',
            hint=f"write {GROUP}/{VERSIONS[0]}",
        )
    name = objects.metadata(document).get("name")
    if not isinstance(name, str) or not name:
        raise MutatorError("metadata.name: Required value: a mutator needs a name")
    if len(name) > NAME_LIMIT:
        raise MutatorError(f"maximum name length is {NAME_LIMIT} characters")
    spec = _block(document, "spec", "spec")
    parameters = _block(spec, "parameters", "spec.parameters")
    return _READERS[kind](_Parts(document, kind, name, spec, parameters))


class _Parts(NamedTuple):
    """A mutator's document, taken apart."""

    document: Mapping[str, Any]
    kind: str
    name: str
    spec: Mapping[str, Any]
    parameters: Mapping[str, Any]


def _assign(parts: _Parts) -> Mutator:
    path = _location(parts, "invalid location format `{text}` for Assign {name}")
    if _in_metadata(path):
        raise MutatorError(
            f"assign {parts.name} can't change metadata", hint="AssignMetadata adds to metadata"
        )
    _check_key_kept(path)
    source = values.read(parts.parameters.get("assign"))
    last = path[-1]
    if isinstance(last, Item):
        if source.from_metadata:
            raise MutatorError("cannot assign a metadata field to a list")
        if source.external is not None:
            raise MutatorError("cannot assign external data response to a list")
        _check_element(last, source.value)
    return _mutator(parts, path, source, terminal=UNKNOWN, must_terminate=source.external is not None)


def _assign_metadata(parts: _Parts) -> Mutator:
    path = _location(parts, "invalid location format for AssignMetadata {name}: {text}")
    text = parts.spec.get("location", "")
    if len(path) != 3 or path[:2] not in _METADATA_MAPS or not isinstance(path[2], Field):
        raise MutatorError(
            f"invalid location for assignmetadata {parts.name}: {text}",
            hint="write `metadata.labels.KEY` or `metadata.annotations.KEY`, with quotes around a KEY with `/`",
        )
    source = values.read(parts.parameters.get("assign"))
    if source.external is not None and source.external.data_source != values.USERNAME:
        raise MutatorError(f"only username data source is supported for assignmetadata {parts.name}")
    if source.value is not None and not isinstance(source.value, str):
        raise MutatorError(
            f'spec.parameters.assign.value field must be a string for AssignMetadata "{parts.name}"',
            hint="put the value in quotes",
        )
    return Mutator(
        id=MutatorId(parts.kind, "", parts.name),
        document=parts.document,
        location=path,
        conditions={len(path) - 1: MUST_NOT_EXIST},
        matcher=_matcher(parts.spec),
        bindings=None,
        terminal=UNKNOWN,
        must_terminate=source.external is not None,
        _action=source,
    )


def _modify_set(parts: _Parts) -> Mutator:
    path = _location(parts, "invalid location format `{text}` for ModifySet {name}")
    if _in_metadata(path):
        raise MutatorError(f"modifyset {parts.name} can't change metadata")
    if path and isinstance(path[-1], Item):
        raise MutatorError("final node in a modifyset location cannot be a keyed list")
    operation = values.choice(parts.parameters.get("operation"), (MERGE, PRUNE), "spec.parameters.operation")
    members = _block(parts.parameters, "values", "spec.parameters.values").get("fromList")
    if members is not None and not isinstance(members, list):
        kind = {"string": "string", "object": "object", "boolean": "bool"}.get(kind_of(members), "number")
        raise MutatorError(
            f"json: cannot unmarshal {kind} into Go struct field Values.spec.parameters.values.fromList"
            " of type []interface {}",
            hint="write a list",
        )
    setter = Members(operation, tuple(members or ()))
    return _mutator(parts, path, setter, terminal=SET, must_terminate=False)


def _assign_image(parts: _Parts) -> Mutator:
    path = _location(parts, "invalid location format `{text}` for assignImage {name}")
    if _in_metadata(path):
        raise MutatorError(f"assignImage {parts.name} can't change metadata")
    if path and isinstance(path[-1], Item):
        raise MutatorError(f"assignImage {parts.name} cannot mutate list-type fields")
    _check_key_kept(path)
    given = {}
    for part in ("Domain", "Path", "Tag"):
        value = parts.parameters.get(f"assign{part}") or ""
        if not isinstance(value, str):
            raise MutatorError(f"`spec.parameters.assign{part}` must be a string")
        given[part.lower()] = value
    wanted = image.Parts(**given)
    try:
        image.check(wanted)
    except MutatorError as error:
        raise MutatorError(f"assignImage {parts.name} has invalid parameters: {error.message}") from error
    return _mutator(parts, path, Image(wanted), terminal=STRING, must_terminate=True)


_READERS: Final = {
    "Assign": _assign,
    "AssignImage": _assign_image,
    "AssignMetadata": _assign_metadata,
    "ModifySet": _modify_set,
}


def _mutator(
    parts: _Parts, path: Location, action: Source | Setter, *, terminal: str, must_terminate: bool
) -> Mutator:
    if not path:
        raise MutatorError("empty path", hint="write where to change: `spec.location: spec.replicas`")
    tests = conditions.read(parts.parameters.get("pathTests"), path, owner=f"{parts.kind} {parts.name}")
    return Mutator(
        id=MutatorId(parts.kind, "", parts.name),
        document=parts.document,
        location=path,
        conditions=tests,
        bindings=apply_to.read(parts.spec.get("applyTo"), kind=parts.kind, name=parts.name),
        matcher=_matcher(parts.spec),
        terminal=terminal,
        must_terminate=must_terminate,
        _action=action,
    )


def _block(parent: Mapping[str, Any], key: str, path: str) -> Mapping[str, Any]:
    found = parent.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise MutatorError(f"`{path}` must be an object")
    return found


def _matcher(spec: Mapping[str, Any]) -> Matcher:
    return compile_match(_block(spec, "match", "spec.match"))


def _location(parts: _Parts, message: str) -> Location:
    text = parts.spec.get("location", "")
    if not isinstance(text, str):
        raise MutatorError("`spec.location` must be a string")
    try:
        return location.parse(text)
    except LocationError as error:
        shown = message.format(text=text, name=parts.name)
        raise MutatorError(f"{shown}: {error.message}", hint=f"at character {error.position + 1}") from error


def _in_metadata(path: Location) -> bool:
    return path[:1] == (Field("metadata"),)


def _check_key_kept(path: Location) -> None:
    """A list element is found by its key: changing that would make another element of it."""
    if not path:
        raise MutatorError("empty path", hint="write where to change: `spec.location: spec.replicas`")
    if len(path) > 1 and isinstance(path[-2], Item) and path[-1] == Field(path[-2].key):
        raise MutatorError("invalid path format: changing the item key is not allowed")


def _check_element(node: Item, value: Any) -> None:
    if node.glob:
        raise MutatorError("can't append to a globbed list")
    if not isinstance(value, dict):
        raise MutatorError(f"invalid value: `{text_of(value)}`, only objects can be added to keyed lists")
    if not same(value.get(node.key), node.value):
        raise MutatorError(
            f"adding object to list with different key {node.key}: list key {node.value}, "
            f"object key {text_of(value.get(node.key))}"
        )
