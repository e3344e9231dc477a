"""What an API server answers when it refuses: Status objects, in kube-apiserver's own words.

Comes in: what went wrong and with which resource. Goes out: `StatusError`, whose `status` is the JSON that
a client reads, and `FieldError`, one complaint about one field. Knows no HTTP, no store, no admission.

Source: `apimachinery/pkg/api/errors/errors.go` and `apimachinery/pkg/util/validation/field/errors.go`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pratique.errors import PratiqueError

OMIT_VALUE: Any = object()
"""Marks a field error that shows no value."""


class StatusError(PratiqueError):
    """A refusal that a Kubernetes client understands; `status` is the whole Status object."""

    def __init__(self, status: dict[str, Any]) -> None:
        super().__init__(str(status.get("message", "")))
        self.status = status

    @property
    def code(self) -> int:
        """Return the HTTP status code."""
        return int(self.status.get("code", 500))

    @property
    def reason(self) -> str:
        """Return the machine-readable reason, such as `NotFound`."""
        return str(self.status.get("reason", ""))


class Complaint(Protocol):
    """Anything that says what is wrong with one field."""

    @property
    def cause(self) -> dict[str, Any]:
        """Return the cause as it stands in a Status."""
        ...


@dataclass(frozen=True, slots=True)
class FieldError:
    """One complaint about one field: `spec.containers: Required value`."""

    reason: str
    field: str
    text: str

    def __str__(self) -> str:
        return f"{self.field}: {self.text}"

    @property
    def cause(self) -> dict[str, Any]:
        """Return the cause as it stands in a Status."""
        return {"reason": self.reason, "message": self.text, "field": self.field}


def show(value: Any) -> str:
    """Return a value as field errors print it: text quoted, numbers plain, the rest as Go's JSON."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return go_json(value)


def go_json(value: Any) -> str:
    """Return compact JSON with the escapes of Go's encoder, which protects `<`, `>` and `&`."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if isinstance(value, str):
        return text  # %q of Go leaves these characters alone
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _with_detail(head: str, detail: str) -> str:
    return f"{head}: {detail}" if detail else head


def invalid(field: str, value: Any, detail: str) -> FieldError:
    """Say that a value is not acceptable."""
    head = "Invalid value" if value is OMIT_VALUE else f"Invalid value: {show(value)}"
    return FieldError("FieldValueInvalid", field, _with_detail(head, detail))


def type_invalid(field: str, value: Any, detail: str) -> FieldError:
    """Say that a value has the wrong type."""
    return FieldError("FieldValueTypeInvalid", field, _with_detail(f"Invalid value: {show(value)}", detail))


def required(field: str, detail: str = "") -> FieldError:
    """Say that a value is missing."""
    return FieldError("FieldValueRequired", field, _with_detail("Required value", detail))


def duplicate(field: str, value: Any) -> FieldError:
    """Say that a value stands twice where it may stand once."""
    return FieldError("FieldValueDuplicate", field, f"Duplicate value: {show(value)}")


def not_found(field: str, value: Any) -> FieldError:
    """Say that a value names something that is not there."""
    return FieldError("FieldValueNotFound", field, f"Not found: {show(value)}")


def forbidden(field: str, detail: str) -> FieldError:
    """Say that a field may not be set or changed."""
    return FieldError("FieldValueForbidden", field, f"Forbidden: {detail}")


def unsupported(field: str, value: Any, supported: Sequence[str]) -> FieldError:
    """Say that a value is none of the supported ones."""
    names = ", ".join(json.dumps(name) for name in supported)
    detail = f"supported values: {names}" if names else ""
    return FieldError(
        "FieldValueNotSupported", field, _with_detail(f"Unsupported value: {show(value)}", detail)
    )


def too_long(field: str, limit: int) -> FieldError:
    """Say that a text is longer than its limit in bytes."""
    return FieldError("FieldValueTooLong", field, f"Too long: may not be more than {limit} bytes")


def too_many(field: str, count: int, limit: int) -> FieldError:
    """Say that a list has more items than its limit."""
    noun = "item" if limit == 1 else "items"
    return FieldError("FieldValueTooMany", field, f"Too many: {count}: must have at most {limit} {noun}")


def make(code: int, reason: str, message: str, *, details: dict[str, Any] | None = None) -> StatusError:
    """Build a refusal from its parts."""
    status: dict[str, Any] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
    }
    if reason:
        status["reason"] = reason
    if details is not None:
        status["details"] = details
    status["code"] = code
    return StatusError(status)


def qualified(resource: str, group: str) -> str:
    """Return `deployments.apps` from a resource and its group, `pods` for the core group."""
    return f"{resource}.{group}" if group else resource


def _details(name: str, group: str, kind: str, **more: Any) -> dict[str, Any]:
    details: dict[str, Any] = {}
    if name:
        details["name"] = name
    if group:
        details["group"] = group
    if kind:
        details["kind"] = kind
    return {**details, **more}


def missing(resource: str, group: str, name: str) -> StatusError:
    """Say that an object is not there."""
    message = f'{qualified(resource, group)} "{name}" not found'
    return make(404, "NotFound", message, details=_details(name, group, resource))


def no_such_path() -> StatusError:
    """Say that nothing is served under this address."""
    return make(404, "NotFound", "the server could not find the requested resource", details={})


def already_exists(resource: str, group: str, name: str) -> StatusError:
    """Say that an object of this name is there already."""
    message = f'{qualified(resource, group)} "{name}" already exists'
    return make(409, "AlreadyExists", message, details=_details(name, group, resource))


def conflict(resource: str, group: str, name: str, *, detail: str = "") -> StatusError:
    """Say that the object changed since it was read."""
    detail = detail or (
        "the object has been modified; please apply your changes to the latest version and try again"
    )
    message = f'Operation cannot be fulfilled on {qualified(resource, group)} "{name}": {detail}'
    return make(409, "Conflict", message, details=_details(name, group, resource))


def denied(resource: str, group: str, name: str, *, detail: str) -> StatusError:
    """Say that the request is forbidden, and why."""
    what = f'{qualified(resource, group)} "{name}"' if name else qualified(resource, group)
    message = f"{what} is forbidden: {detail}" if what else f"forbidden: {detail}"
    return make(403, "Forbidden", message, details=_details(name, group, resource))


def unacceptable(kind: str, group: str, name: str, *, errors: Iterable[Complaint]) -> StatusError:
    """Say that an object is invalid, with one cause for each complaint."""
    causes = [error.cause for error in errors]
    texts = list(dict.fromkeys(f"{cause['field']}: {cause['message']}" for cause in causes))
    joined = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    message = f'{qualified(kind, group)} "{name}" is invalid: {joined}'
    if not texts:
        message = f'{qualified(kind, group)} "{name}" is invalid'
    return make(422, "Invalid", message, details=_details(name, group, kind, causes=causes))


def bad_request(message: str) -> StatusError:
    """Say that the request makes no sense."""
    return make(400, "BadRequest", message)


def internal(message: str) -> StatusError:
    """Say that something of ours, or of a webhook's, failed."""
    details = {"causes": [{"message": message}]}
    return make(500, "InternalError", f"Internal error occurred: {message}", details=details)


def gone(message: str) -> StatusError:
    """Say that a resource version is too old to go on from."""
    return make(410, "Expired", message)


def method_not_supported(resource: str, group: str, action: str) -> StatusError:
    """Say that a resource has no such verb."""
    message = f'{action} is not supported on resources of kind "{qualified(resource, group)}"'
    return make(405, "MethodNotAllowed", message, details=_details("", group, resource))


def method_not_allowed() -> StatusError:
    """Say that the address does not take this HTTP method."""
    message = "the server does not allow this method on the requested resource"
    return make(405, "MethodNotAllowed", message, details={})


def unauthorized() -> StatusError:
    """Say that we do not know who asks."""
    return make(401, "Unauthorized", "Unauthorized")


def unsupported_media_type(accepted: Sequence[str]) -> StatusError:
    """Say that the body came in a form that we do not read."""
    lead = "the body of the request was in an unknown format - accepted media types include"
    message = f"{lead}: {', '.join(accepted)}"
    return make(415, "UnsupportedMediaType", message)


def not_acceptable(accepted: Sequence[str]) -> StatusError:
    """Say that we cannot answer in the wanted form."""
    return make(406, "NotAcceptable", f"only the following media types are accepted: {', '.join(accepted)}")


def success(resource: str, group: str, name: str, *, uid: str = "") -> dict[str, Any]:
    """Return the Status of a finished deletion."""
    details = _details(name, group, resource)
    if uid:
        details["uid"] = uid
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
