"""AdmissionReview: what an API server asks a webhook, and what the webhook answers.

In: the JSON document of a call, version v1 or v1beta1. Out: `AdmissionRequest`, and the document of an
`AdmissionResponse`. It knows nothing of what the answer depends on.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pratique.errors import InputError

GROUP: Final = "admission.k8s.io"
VERSIONS: Final = ("v1", "v1beta1")


@dataclass(frozen=True, slots=True)
class AdmissionRequest:
    """One question of an API server; `document` is it as it came."""

    api_version: str
    uid: str
    operation: str
    group: str
    version: str
    kind: str
    resource: str
    subresource: str
    namespace: str
    name: str
    user: str
    groups: tuple[str, ...]
    dry_run: bool
    document: Mapping[str, Any] = field(repr=False)

    @property
    def object(self) -> dict[str, Any] | None:
        """Return the object as it would become; on DELETE there is none."""
        found = self.document.get("object")
        return found if isinstance(found, dict) else None

    @property
    def old_object(self) -> dict[str, Any] | None:
        """Return the object as it is; on CREATE there is none."""
        found = self.document.get("oldObject")
        return found if isinstance(found, dict) else None


@dataclass(frozen=True, slots=True)
class AdmissionResponse:
    """The answer to one request."""

    uid: str
    allowed: bool
    code: int = 200
    reason: str = ""
    message: str = ""
    warnings: tuple[str, ...] = ()
    audit_annotations: Mapping[str, str] = field(default_factory=dict)


def read(document: Any) -> AdmissionRequest:
    """Read the document of a webhook call.

    Raises `InputError` when it is no AdmissionReview with a request.
    """
    if not isinstance(document, Mapping) or document.get("kind") != "AdmissionReview":
        raise InputError("the body is no AdmissionReview", hint="send what an API server sends to a webhook")
    api_version = str(document.get("apiVersion", ""))
    group, _, version = api_version.partition("/")
    if group != GROUP or version not in VERSIONS:
        raise InputError(
            f"AdmissionReview of version `{api_version}` is not known",
            hint=f"send one of {', '.join(f'{GROUP}/{known}' for known in VERSIONS)}",
        )
    request = document.get("request")
    if not isinstance(request, Mapping) or not isinstance(request.get("uid"), str):
        raise InputError("the AdmissionReview has no `request` with a `uid`")
    kind, resource, user = (_mapping(request, name) for name in ("kind", "resource", "userInfo"))
    groups = user.get("groups")
    return AdmissionRequest(
        api_version=api_version,
        uid=request["uid"],
        operation=_text(request, "operation"),
        group=_text(kind, "group"),
        version=_text(kind, "version"),
        kind=_text(kind, "kind"),
        resource=_text(resource, "resource"),
        subresource=_text(request, "subResource"),
        namespace=_text(request, "namespace"),
        name=_text(request, "name"),
        user=_text(user, "username"),
        groups=tuple(map(str, groups)) if isinstance(groups, list) else (),
        dry_run=request.get("dryRun") is True,
        document=request,
    )


def write(
    response: AdmissionResponse, *, api_version: str = f"{GROUP}/v1", patch: bytes = b""
) -> dict[str, Any]:
    """Return the document that answers a call; `patch` is a JSON Patch already in bytes."""
    body: dict[str, Any] = {"uid": response.uid, "allowed": response.allowed}
    status: dict[str, Any] = {"metadata": {}, "code": response.code}
    if response.reason:
        status["reason"] = response.reason
    if response.message:
        status["message"] = response.message
    body["status"] = status
    if patch:
        body["patch"] = base64.b64encode(patch).decode("ascii")
        body["patchType"] = "JSONPatch"
    if response.warnings:
        body["warnings"] = list(response.warnings)
    if response.audit_annotations:
        body["auditAnnotations"] = dict(response.audit_annotations)
    return {"apiVersion": api_version, "kind": "AdmissionReview", "response": body}


def _mapping(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name)
    return found if isinstance(found, Mapping) else {}


def _text(document: Mapping[str, Any], name: str) -> str:
    found = document.get(name)
    return found if isinstance(found, str) else ""
