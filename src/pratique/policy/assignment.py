"""An assignment: which definition holds at which scope, with which parameters and exceptions.

In: the ARM document of azure-policy.md 2.2. Out: `Assignment`. It does not look at the definition, so
parameter values are checked against their declarations where both are known (`check_against`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pratique.policy import effects, expressions, ids, parameters
from pratique.policy.definition import Definition
from pratique.policy.errors import PolicyError
from pratique.policy.scope import Scope

MAX_NOT_SCOPES: Final = 400
INVALID: Final = "InvalidCreatePolicyAssignmentRequest"


@dataclass(frozen=True, slots=True)
class Assignment:
    """One assignment of a definition (or initiative) to a scope."""

    id: str
    name: str
    scope: Scope
    definition_id: str
    display_name: str = ""
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    not_scopes: tuple[str, ...] = ()
    enforcement_mode: str = "Default"
    definition_version: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def from_arm(cls, document: Mapping[str, Any], *, identifier: str = "") -> Assignment:
        """Read and check an assignment's ARM document; `identifier` is the id that its address says.

        Raises `PolicyError` naming the place in the document.
        """
        properties = document.get("properties") if isinstance(document, Mapping) else None
        if not isinstance(properties, Mapping):
            raise PolicyError("a policy assignment needs `properties`", target="properties", code=INVALID)
        found_id = identifier or str(document.get("id") or "")
        parsed = ids.parse(found_id)
        if parsed is None or not ids.same(parsed.type, ids.ASSIGNMENTS):
            raise PolicyError(f"`{found_id}` is not the id of an assignment", target="id", code=INVALID)
        if not ids.valid_name(parsed.name):
            raise PolicyError(
                f"`{parsed.name}` is not a name for an assignment",
                target="name",
                code=INVALID,
                hint="use letters, digits, `-` and `_`",
            )
        definition = properties.get("policyDefinitionId")
        if not isinstance(definition, str) or not definition.strip():
            raise PolicyError(
                "an assignment needs `policyDefinitionId`",
                target="properties.policyDefinitionId",
                code=INVALID,
                hint="give the full id of a definition or an initiative",
            )
        return cls(
            id=found_id.rstrip("/"),
            name=parsed.name,
            scope=Scope.parse(parsed.scope),
            definition_id=definition.strip(),
            display_name=_text(properties, "displayName", 128),
            description=_text(properties, "description", 512),
            parameters=parameters.values(properties.get("parameters")),
            not_scopes=_not_scopes(properties.get("notScopes")),
            enforcement_mode=effects.enforcement_mode(properties.get("enforcementMode")),
            definition_version=_text(properties, "definitionVersion", 64),
            metadata=_mapping(properties, "metadata"),
            messages=_messages(properties.get("nonComplianceMessages")),
            document=document,
        )

    def to_arm(self) -> dict[str, Any]:
        """Return the ARM document, with what the server decides filled in."""
        properties = dict(self.document.get("properties") or {})
        properties.update(
            scope=self.scope.id, policyDefinitionId=self.definition_id, enforcementMode=self.enforcement_mode
        )
        properties.setdefault(
            "parameters", {name: {"value": value} for name, value in self.parameters.items()}
        )
        properties.setdefault("notScopes", list(self.not_scopes))
        return {
            **self.document,
            "id": self.id,
            "name": self.name,
            "type": ids.ASSIGNMENTS,
            "properties": properties,
        }

    def covers(self, place: Scope, *, management_groups: tuple[str, ...] = ()) -> bool:
        """Tell whether this assignment holds at a place: inside its scope, outside every `notScopes`."""
        if not self.scope.contains(place, management_groups=management_groups):
            return False
        return not any(
            Scope.parse(text).contains(place, management_groups=management_groups) for text in self.not_scopes
        )

    def check_against(self, definition: Definition) -> dict[str, Any]:
        """Return the values of all parameters; raises `PolicyError` when they do not fit the definition."""
        resolved = parameters.resolve(definition.parameters, self.parameters)
        effect_of(definition, resolved)
        return resolved


def effect_of(definition: Definition, values: Mapping[str, Any]) -> str:
    """Return the effect that a definition has with these parameter values."""
    context = expressions.Context(parameters=values)
    return effects.effect(expressions.resolve(definition.rule["then"]["effect"], context))


def _text(properties: Mapping[str, Any], name: str, limit: int) -> str:
    value = properties.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > limit:
        raise PolicyError(
            f"`{name}` must be text of at most {limit} characters", target=f"properties.{name}", code=INVALID
        )
    return value


def _mapping(properties: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = properties.get(name)
    if value is not None and not isinstance(value, Mapping):
        raise PolicyError(f"`{name}` must be an object", target=f"properties.{name}", code=INVALID)
    return value or {}


def _not_scopes(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise PolicyError(
            "`notScopes` must be an array of scopes", target="properties.notScopes", code=INVALID
        )
    if len(value) > MAX_NOT_SCOPES:
        raise PolicyError(
            f"`notScopes` has {len(value)} scopes, the most is {MAX_NOT_SCOPES}",
            target="properties.notScopes",
            code=INVALID,
        )
    for text in value:
        Scope.parse(text)
    return tuple(value)


def _messages(value: Any) -> dict[str, str]:
    """Return the messages by reference id; the empty id is the message of all the rest."""
    if value is None:
        return {}
    where = "properties.nonComplianceMessages"
    if not isinstance(value, list):
        raise PolicyError("`nonComplianceMessages` must be an array", target=where, code=INVALID)
    found = {}
    for entry in value:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("message"), str):
            raise PolicyError("each of `nonComplianceMessages` needs a `message`", target=where, code=INVALID)
        found[str(entry.get("policyDefinitionReferenceId") or "")] = entry["message"]
    return found
