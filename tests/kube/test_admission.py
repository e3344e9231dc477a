"""AdmissionReview: read and answered."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from pratique.errors import InputError
from pratique.kube import admission

CALL: dict[str, Any] = {
    "apiVersion": "admission.k8s.io/v1beta1",
    "kind": "AdmissionReview",
    "request": {
        "uid": "u",
        "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
        "resource": {"group": "apps", "version": "v1", "resource": "deployments"},
        "subResource": "scale",
        "namespace": "shop",
        "name": "web",
        "operation": "UPDATE",
        "userInfo": {"username": "dpaulus", "groups": ["a", "b"]},
        "object": {"kind": "Deployment"},
        "oldObject": None,
        "dryRun": True,
    },
}


def test_a_request_is_read() -> None:
    request = admission.read(CALL)
    assert (request.api_version, request.uid, request.operation) == (
        "admission.k8s.io/v1beta1",
        "u",
        "UPDATE",
    )
    assert (request.group, request.version, request.kind) == ("apps", "v1", "Deployment")
    assert (request.resource, request.subresource) == ("deployments", "scale")
    assert (request.user, request.groups, request.dry_run) == ("dpaulus", ("a", "b"), True)
    assert request.object == {"kind": "Deployment"}
    assert request.old_object is None


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"kind": "AdmissionReview"},
        {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v2", "request": {"uid": "u"}},
        {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1"},
        {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": {}},
    ],
)
def test_what_is_no_review_is_refused(document: Any) -> None:
    with pytest.raises(InputError):
        admission.read(document)


def test_a_refusal_is_written() -> None:
    response = admission.AdmissionResponse(
        uid="u", allowed=False, code=403, reason="Forbidden", message="[c] m", warnings=("[d] w",)
    )
    assert admission.write(response) == {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": {
            "uid": "u",
            "allowed": False,
            "status": {"metadata": {}, "code": 403, "reason": "Forbidden", "message": "[c] m"},
            "warnings": ["[d] w"],
        },
    }


def test_a_patch_is_written() -> None:
    written = admission.write(admission.AdmissionResponse(uid="u", allowed=True), patch=b"[]")
    assert written["response"]["patchType"] == "JSONPatch"
    assert base64.b64decode(written["response"]["patch"]) == b"[]"
