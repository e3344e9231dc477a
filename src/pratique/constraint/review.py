"""A review: the question put to a constraint library about one object and one operation.

In: an AdmissionRequest's document, or an object that exists. Out: `Review`, whose `input` is what Rego sees
as `input.review`, byte for byte as Gatekeeper marshals it (gatekeeper.md 2.1). Objects are passed on as
they are, never copied or converted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pratique.constraint.errors import ReviewError

WEBHOOK: Final = "validation.gatekeeper.sh"
AUDIT: Final = "audit.gatekeeper.sh"
GATOR: Final = "gator.gatekeeper.sh"
VAP: Final = "vap.k8s.io"
POINTS: Final = (WEBHOOK, AUDIT, GATOR, VAP)

# Fields of AdmissionRequest that Go leaves out when they are empty.
_OPTIONAL: Final = (
    "subResource",
    "requestKind",
    "requestResource",
    "requestSubResource",
    "name",
    "namespace",
)


@dataclass(frozen=True, slots=True)
class Review:
    """One question."""

    input: dict[str, Any] = field(repr=False)
    object: dict[str, Any] | None
    old_object: dict[str, Any] | None
    namespace: dict[str, Any] | None
    source: str
    operation: str

    @classmethod
    def from_admission(
        cls, request: Mapping[str, Any], namespace: dict[str, Any] | None = None, *, source: str = "Original"
    ) -> Review:
        """Ask about an AdmissionRequest; `namespace` is the Namespace object that it happens in.

        Raises `ReviewError` for a DELETE without `oldObject`.
        """
        operation = str(request.get("operation") or "")
        found, old = _object(request, "object"), _object(request, "oldObject")
        if operation == "DELETE":
            if old is None:
                raise ReviewError("oldObject cannot be nil for DELETE operations")
            found = old
        shape: dict[str, Any] = {
            "uid": request.get("uid") or "",
            "kind": _triple(request.get("kind"), "kind"),
            "resource": _triple(request.get("resource"), "resource"),
        }
        for name in _OPTIONAL:
            if value := request.get(name):
                shape[name] = value
        is_namespace = shape["kind"]["kind"] == "Namespace" and not shape["kind"]["group"]
        if is_namespace:
            # Server-side apply sends a Namespace's own name here, the other verbs do not (3.2, step 5).
            shape.pop("namespace", None)
        shape["operation"] = operation
        shape["userInfo"] = _user(request.get("userInfo"))
        shape["object"] = found
        shape["oldObject"] = old
        if request.get("dryRun") is not None:
            shape["dryRun"] = request["dryRun"]
        shape["options"] = request.get("options")
        # A Namespace that is not there is an empty object to Rego: Go's nil map (frameworks, rego/driver.go).
        shape["namespaceObject"] = {} if is_namespace or namespace is None else namespace
        return cls(shape, found, old, None if is_namespace else namespace, source, operation)

    @classmethod
    def from_object(
        cls,
        found: dict[str, Any],
        *,
        namespace: dict[str, Any] | None = None,
        source: str = "Original",
        operation: str = "",
        show_namespace: bool = True,
    ) -> Review:
        """Ask about an object that exists, as the audit does, or that an operation would generate.

        `show_namespace=False` keeps the Namespace from Rego, which reads an empty `namespaceObject`, but not
        from `match`; that is what gator does.
        """
        metadata = found.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        group, _, version = _text(found.get("apiVersion")).rpartition("/")
        shape: dict[str, Any] = {
            "uid": "",
            "kind": {"group": group, "version": version, "kind": _text(found.get("kind"))},
            "resource": {"group": "", "version": "", "resource": ""},
        }
        for name in ("name", "namespace"):
            if value := _text(metadata.get(name)):
                shape[name] = value
        shape["operation"] = operation
        shape["userInfo"] = {}
        shape["object"] = found
        shape["oldObject"] = None
        shape["options"] = None
        shape["namespaceObject"] = namespace if show_namespace and namespace is not None else {}
        return cls(shape, found, None, namespace, source, operation)

    @property
    def namespace_name(self) -> str:
        """Return the namespace that the request happens in, or an empty string."""
        return str(self.input.get("namespace") or "")

    @property
    def subject(self) -> dict[str, Any]:
        """Return the object to speak of: the new one, or on DELETE the old one."""
        return self.object or self.old_object or {}


def _object(request: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    found = request.get(name)
    if found is None:
        return None
    if not isinstance(found, dict):
        raise ReviewError(f"`request.{name}` must be an object")
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _triple(value: Any, last: str) -> dict[str, str]:
    # JSON's own type: asking for any mapping costs more than the rest of this function.
    found = value if isinstance(value, dict) else {}
    return {name: _text(found.get(name)) for name in ("group", "version", last)}


def _user(value: Any) -> dict[str, Any]:
    found = value if isinstance(value, dict) else {}
    return {name: found[name] for name in ("username", "uid", "groups", "extra") if found.get(name)}
