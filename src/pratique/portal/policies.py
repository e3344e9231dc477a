"""What lists and headers show of definitions and assignments, read from their ARM documents."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pratique import policy
from pratique.errors import PratiqueError
from pratique.portal import links
from pratique.portal.api import Json


@dataclass(frozen=True, slots=True)
class DefinitionRow:
    """A definition in a list."""

    id: str
    title: str
    description: str
    category: str
    kind: str
    version: str
    effects: tuple[str, ...]
    default_effect: str
    in_cluster: bool
    assignable: bool = True

    @property
    def custom(self) -> bool:
        """Tell whether people may change it."""
        return self.kind != "BuiltIn"


@dataclass(frozen=True, slots=True)
class AssignmentRow:
    """An assignment in a list, with the figures of its compliance if there are any."""

    id: str
    title: str
    description: str
    definition_id: str
    definition: str
    scope: str
    enforced: bool
    excluded: tuple[str, ...]
    effect: str
    state: str = "NotStarted"
    compliance: Json = field(default_factory=dict)


def definition_row(document: Json) -> DefinitionRow:
    """Return what a list shows of a definition; one that cannot be read is still listed by its name."""
    properties = document.get("properties") or {}
    try:
        read = policy.Definition.from_arm(document)
        effects, default, in_cluster = read.allowed_effects(), read.default_effect(), read.runs_in_cluster
    except PratiqueError:
        effects, default, in_cluster = (), "", False
    metadata = properties.get("metadata") or {}
    return DefinitionRow(
        id=str(document.get("id", "")),
        title=links.title(document),
        description=str(properties.get("description") or ""),
        category=str(metadata.get("category") or "Uncategorised"),
        kind=str(properties.get("policyType") or "Custom"),
        version=str(properties.get("version") or metadata.get("version") or ""),
        effects=effects,
        default_effect=default,
        in_cluster=in_cluster,
    )


def assignment_row(document: Json, definitions: dict[str, Json], rows: dict[str, Json]) -> AssignmentRow:
    """Return what a list shows of an assignment; both tables are keyed by lower-case id."""
    properties = document.get("properties") or {}
    definition_id = str(properties.get("policyDefinitionId") or "")
    definition = definitions.get(definition_id.lower())
    found = rows.get(str(document.get("id", "")).lower(), {})
    return AssignmentRow(
        id=str(document.get("id", "")),
        title=links.title(document),
        description=str(properties.get("description") or ""),
        definition_id=definition_id,
        definition=links.title(definition) if definition else links.last(definition_id),
        scope=str(properties.get("scope") or links.scope_of(str(document.get("id", "")))),
        enforced=properties.get("enforcementMode", "Default") != "DoNotEnforce",
        excluded=tuple(properties.get("notScopes") or ()),
        effect=effect_of(document, definition),
        state=str(found.get("state") or "NotStarted"),
        compliance=found,
    )


def effect_of(assignment: Json, definition: Json | None) -> str:
    """Return the effect that an assignment has, or an empty string where it cannot be told."""
    if definition is None:
        return ""
    try:
        read = policy.Definition.from_arm(definition)
        values = policy.Assignment.from_arm(assignment).check_against(read)
        return policy.effect_of(read, values)
    except PratiqueError:
        return ""


def by_id(documents: Iterable[Json]) -> dict[str, Json]:
    """Return documents by lower-case id."""
    return {str(document["id"]).lower(): document for document in documents}
