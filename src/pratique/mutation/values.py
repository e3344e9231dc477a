"""What Assign and AssignMetadata assign: a value, a field of the metadata, or what a provider will say.

In: `spec.parameters.assign`. Out: `Source`, which gives the value for one object. External data is only
known at the end, so a `Placeholder` stands in for it until all mutators agree (`external.py`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pratique.kube import objects
from pratique.mutation.errors import MutatorError

AT_LOCATION: Final = "ValueAtLocation"
USERNAME: Final = "Username"
DATA_SOURCES: Final = (AT_LOCATION, USERNAME)
FAIL: Final = "Fail"
IGNORE: Final = "Ignore"
USE_DEFAULT: Final = "UseDefault"
FAILURE_POLICIES: Final = (FAIL, IGNORE, USE_DEFAULT)
METADATA_FIELDS: Final = ("namespace", "name")

_WAYS: Final = ("externalData", "value", "fromMetadata")


@dataclass(frozen=True, slots=True)
class External:
    """`externalData`: whom to ask, what about, and what to do if that fails."""

    provider: str
    data_source: str = AT_LOCATION
    failure_policy: str = FAIL
    default: str = ""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """Stands in an object where a provider's answer for `key` will stand."""

    external: External
    key: str = ""
    before: str | None = None

    def over(self, value: str | None) -> Placeholder:
        """Return the placeholder for a place where a text stood; that is what is asked about by default."""
        if value is not None and self.external.data_source == AT_LOCATION:
            return dataclasses.replace(self, key=value, before=value)
        return dataclasses.replace(self, before=value)


@dataclass(frozen=True, slots=True)
class Source:
    """Where an assigned value comes from; exactly one of the three."""

    value: Any = None
    from_metadata: str = ""
    external: External | None = None

    def read(self, found: Mapping[str, Any], username: str) -> Any:
        """Return the value for an object; it is a new one each time."""
        if self.external is not None:
            asks_user = self.external.data_source == USERNAME
            return Placeholder(self.external, username if asks_user else "")
        if self.from_metadata:
            return str(objects.metadata(found).get(self.from_metadata) or "")
        return objects.copy(self.value)


def read(assign: Any) -> Source:
    """Read and check `spec.parameters.assign`; raises `MutatorError`."""
    if assign is None:
        assign = {}
    if not isinstance(assign, dict):
        raise MutatorError("`spec.parameters.assign` must be an object")
    given = [way for way in _WAYS if assign.get(way) is not None]
    listed = "`externalData`, `value` or `fromMetadata`"
    if not given:
        raise MutatorError(f"assign must set one of {listed}: invalid assign field")
    if len(given) > 1:
        raise MutatorError(f"assign must only set one of {listed}: invalid assign field")
    if given == ["fromMetadata"]:
        return Source(from_metadata=_metadata_field(assign["fromMetadata"]))
    if given == ["externalData"]:
        return Source(external=_external(assign["externalData"]))
    return Source(value=assign["value"])


def choice(value: Any, allowed: tuple[str, ...], path: str) -> str:
    """Return one of the allowed words, the first by default; raises `MutatorError` naming them."""
    if value in (None, ""):
        return allowed[0]
    if value not in allowed:
        known = ", ".join(f'"{word}"' for word in allowed)
        shown = f'"{value}"' if isinstance(value, str) else str(value)
        raise MutatorError(f"{path}: Unsupported value: {shown}: supported values: {known}")
    return str(value)


def _metadata_field(value: Any) -> str:
    field = value.get("field") if isinstance(value, dict) else None
    if field not in METADATA_FIELDS:
        raise MutatorError(
            f"field {field or ''} is not recognized: invalid fromMetadata field",
            hint="write `name` or `namespace`",
        )
    return str(field)


def _external(value: Any) -> External:
    path = "spec.parameters.assign.externalData"
    if not isinstance(value, dict):
        raise MutatorError(f"`{path}` must be an object")
    provider, default = value.get("provider") or "", value.get("default") or ""
    if not isinstance(provider, str) or not isinstance(default, str):
        raise MutatorError(f"`{path}.provider` and `{path}.default` must be strings")
    if not provider:
        raise MutatorError(f"{path}.provider: Required value")
    source = choice(value.get("dataSource"), DATA_SOURCES, f"{path}.dataSource")
    policy = choice(value.get("failurePolicy"), FAILURE_POLICIES, f"{path}.failurePolicy")
    if policy == USE_DEFAULT and not default:
        raise MutatorError("`default` must not be empty when `failurePolicy` is set to `UseDefault`")
    return External(provider, source, policy, default)
