"""Resources that are only answered, never stored: who am I, may I, whose token is this.

In come a review and who asks, out goes the review with its status. Decisions are `authorization`'s.
"""

from __future__ import annotations

from typing import Any

from pratique.devcluster.auth import ISSUER, Tokens
from pratique.devcluster.authorization import Attributes, Authorizer
from pratique.devcluster.http.messages import Request, Response, answer, decode
from pratique.devcluster.registry import Resource
from pratique.devcluster.users import UserInfo
from pratique.devcluster.writes import now
from pratique.kube import status

Object = dict[str, Any]


async def review(
    resource: Resource, request: Request, *, namespace: str, authorizer: Authorizer, tokens: Tokens
) -> Response:
    """Answer a review."""
    body = decode(await request.body(), request.content_type)
    if not isinstance(body, dict):
        raise status.bad_request("a review is an object")
    spec = body.get("spec") or {}
    match resource.kind:
        case "SelfSubjectReview":
            state: Object = {"userInfo": request.user.wire()}
        case "SelfSubjectAccessReview":
            state = _access(authorizer, request.user, spec)
        case "SubjectAccessReview" | "LocalSubjectAccessReview":
            user = UserInfo(spec.get("user", ""), tuple(spec.get("groups") or ()), spec.get("uid", ""))
            if namespace:
                inner = {"namespace": namespace, **(spec.get("resourceAttributes") or {})}
                spec = {**spec, "resourceAttributes": inner}
            state = _access(authorizer, user, spec)
        case "SelfSubjectRulesReview":
            state = authorizer.rules(request.user, spec.get("namespace", ""))
        case "TokenReview":
            state = _token(tokens, spec)
        case _:
            raise status.no_such_path()
    made = {
        "kind": resource.kind,
        "apiVersion": resource.api_version,
        "metadata": {"creationTimestamp": now() if resource.kind == "SelfSubjectReview" else None},
        "spec": spec,
        "status": state,
    }
    if resource.kind == "SelfSubjectReview":
        del made["spec"]
    return answer(made, code=201)


def _access(authorizer: Authorizer, user: UserInfo, spec: Object) -> Object:
    wanted = spec.get("resourceAttributes") or {}
    outside = spec.get("nonResourceAttributes") or {}
    attributes = Attributes(
        user=user,
        verb=(wanted or outside).get("verb", ""),
        group=wanted.get("group", ""),
        resource=wanted.get("resource", ""),
        subresource=wanted.get("subresource", ""),
        namespace=wanted.get("namespace", ""),
        name=wanted.get("name", ""),
        path=outside.get("path", ""),
    )
    decision = authorizer.decide(attributes)
    state: Object = {"allowed": decision.allowed}
    if decision.reason:
        state["reason"] = decision.reason
    return state


def _token(tokens: Tokens, spec: Object) -> Object:
    user = tokens.read(spec.get("token", ""))
    if user is None:
        return {"user": {}, "error": "invalid bearer token"}
    return {"authenticated": True, "user": user.wire(), "audiences": [ISSUER]}
