"""AdmissionReview v1: the question that a webhook is asked, and what its answer must look like. Pure.

Sources: `admission/plugin/webhook/request/admissionreview.go` of k8s.io/apiserver.
"""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from dataclasses import dataclass
from typing import Any

import orjson

from pratique.devcluster.admission.attributes import Attributes, Object

API_VERSION = "admission.k8s.io/v1"


class InvalidResponseError(Exception):
    """A webhook answered something else than an AdmissionReview for this request."""


@dataclass(frozen=True, slots=True)
class Response:
    """A webhook's answer; `patch` is None without one."""

    allowed: bool
    status: Object | None
    warnings: list[str]
    patch: list[Object] | None


def build(attributes: Attributes, version: str) -> Object:
    """Return the AdmissionReview that asks about a request, in the version that the webhook wants."""
    group, _, kind = attributes.kind
    asked = {"group": group, "version": version, "kind": kind}
    if attributes.subresource and group != attributes.group:
        asked["version"] = attributes.kind[1]  # `scale`: the kind is of another group than the resource
    resource = {"group": attributes.group, "version": version, "resource": attributes.resource}
    request: Object = {
        "uid": str(uuid.uuid4()),
        "kind": asked,
        "resource": resource,
        "requestKind": dict(zip(("group", "version", "kind"), attributes.kind, strict=True)),
        "requestResource": {**resource, "version": attributes.version},
        "operation": attributes.operation,
        "userInfo": _user(attributes),
        "object": _converted(attributes.object, attributes, version),
        "oldObject": _converted(attributes.old_object, attributes, version),
        "dryRun": attributes.dry_run,
        "options": attributes.options or None,
    }
    if attributes.subresource:
        request["subResource"] = request["requestSubResource"] = attributes.subresource
    if attributes.name:
        request["name"] = attributes.name
    if attributes.namespace:
        request["namespace"] = attributes.namespace
    return {"kind": "AdmissionReview", "apiVersion": API_VERSION, "request": request}


def _user(attributes: Attributes) -> Object:
    user = attributes.user
    info: Object = {"username": user.username}
    if user.uid:
        info["uid"] = user.uid
    if user.groups:
        info["groups"] = list(user.groups)
    if user.extra:
        info["extra"] = user.extra
    return info


def _converted(obj: Object | None, attributes: Attributes, version: str) -> Object | None:
    # Versions of one resource differ in nothing but their name (conversion strategy None).
    if obj is None or version == attributes.version or attributes.subresource:
        return obj
    return {**obj, "apiVersion": f"{attributes.group}/{version}" if attributes.group else version}


def read(body: bytes, uid: str, *, mutating: bool) -> Response:
    """Return a webhook's answer, or raise InvalidResponseError with the API server's words."""
    try:
        review = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidResponseError(
            "couldn't get version/kind; json parse error: the response is not JSON"
        ) from None
    if not isinstance(review, dict) or review.get("response") is None:
        raise InvalidResponseError("webhook response was absent")
    response = review["response"]
    if response.get("uid", "") != uid:
        raise InvalidResponseError(
            f"expected response.uid={quoted(uid)}, got {quoted(response.get('uid', ''))}"
        )
    version, kind = str(review.get("apiVersion", "")), str(review.get("kind", ""))
    if (version, kind) != (API_VERSION, "AdmissionReview"):
        got = f"{version or '/'}, Kind={kind}"
        raise InvalidResponseError(
            f"expected webhook response of {API_VERSION}, Kind=AdmissionReview, got {got}"
        )
    patch, patch_type = response.get("patch"), response.get("patchType")
    if not mutating and (patch or patch_type is not None):
        field = "patch" if patch else "patchType"
        raise InvalidResponseError(f"validating webhook may not return response.{field}")
    if patch and patch_type is None:
        raise InvalidResponseError("webhook returned response.patch but not response.patchType")
    if not patch and patch_type is not None:
        raise InvalidResponseError("webhook returned response.patchType but not response.patch")
    if patch_type not in (None, "JSONPatch"):
        raise InvalidResponseError(f"unsupported patch type {quoted(patch_type)}")
    warnings = [str(warning) for warning in response.get("warnings") or ()]
    return Response(response.get("allowed") is True, response.get("status"), warnings, _patch(patch))


def _patch(text: Any) -> list[Object] | None:
    if not text:
        return None
    try:
        operations = orjson.loads(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError) as error:
        raise InvalidResponseError(f"received undecodable patch in webhook response: {error}") from None
    if not isinstance(operations, list):
        raise InvalidResponseError("received undecodable patch in webhook response: it is not a list")
    return operations


def quoted(value: Any) -> str:
    """Return a text in double quotes, as Go's %q."""
    return json.dumps(str(value), ensure_ascii=False)
