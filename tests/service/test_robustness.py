"""Nonsense at every door: each operation answers in the one form, and never with a failure of ours."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any
from urllib.parse import quote

from pratique.service.routes.metrics import Metrics
from pratique.service.routes.operations import everything

VALUES: list[Any] = [
    None,
    True,
    -1,
    3.5,
    "",
    "text",
    "\u0000",
    "ä" * 300,
    [],
    [None],
    [{}],
    {},
    {"a": {"b": []}},
]
NAMES = ["x", "..", "%00", "a b", "' or 1=1 --", "ü", "x" * 500, "policyDefinitions"]
SCHEMAS = {
    "Login": ("username", "password", "code"),
    "ClusterWrite": ("location", "tags", "properties", "kubeconfig"),
    "AddonWrite": ("enabled",),
    "Applied": ("revision", "agent", "results", "foreign", "kubernetesVersion"),
    "Report": ("session", "sequence", "full", "upserts", "removals", "totals", "coverage", "digest"),
    "Denials": ("denials",),
    "PolicyDefinitionWrite": ("properties",),
    "PolicyAssignmentWrite": ("properties", "identity", "location"),
}


def paths(running: Any, pattern: str) -> list[str]:
    """Return a path with what exists, and some with what does not."""
    known = {
        "subscription": running.subscription.rsplit("/", 1)[-1],
        "group": "pratique",
        "mg": running.tenant,
        "scope": running.subscription,
        "name": "embedded",
        "cluster": "embedded",
        "resource": "latest",
    }

    def fill(name: str, odd: str) -> str:
        return known.get(name, odd)

    good = re.sub(r"\{(\w+)\}", lambda found: fill(found[1], "x"), pattern)
    odd = [re.sub(r"\{(\w+)\}", quote(name), pattern) for name in NAMES] if "{" in pattern else []
    return [path if path.startswith("/") else f"/{path}" for path in (good, *odd)]


def bodies(schema: str) -> list[Any]:
    members = SCHEMAS.get(schema, ())
    valid = {"session": "s", "sequence": 1}
    found: list[Any] = [
        *VALUES,
        *({**valid, name: value} for name, value in itertools.product(members, VALUES)),
    ]
    if "properties" in members:
        inner = (
            "policyRule",
            "parameters",
            "mode",
            "metadata",
            "policyDefinitionId",
            "notScopes",
            "displayName",
        )
        found += [{"properties": {name: value}} for name, value in itertools.product(inner, VALUES)]
    return found


def test_no_operation_fails_on_nonsense(running: Any) -> None:
    running.cluster()
    failures = []
    for operation in everything(Metrics()):
        if operation.stream is not None or operation.path.endswith("/logout"):
            continue
        if operation.method == "DELETE" and operation.path == "/api/v1/clusters/{name}":
            continue
        targets = paths(running, operation.path)
        sent = [(targets[0], body) for body in (bodies(operation.body) if operation.body else [None])]
        sent += [(path, {} if operation.body else None) for path in targets[1:]]
        sent += [
            (f"{targets[0]}?{quote(name, safe='$')}={quote(value)}", None)
            for name in operation.query
            for value in ("'", "(", "-1", "9" * 40, "\u0000", "eq eq eq", "a" * 3000, "filter(")
        ]
        for path, body in sent:
            reply = running.send(operation.method, path, body)
            if reply.status == 500 or (reply.status >= 400 and not _speaks(reply.content, operation.method)):
                failures.append((operation.method, path[:120], body, reply.status, reply.content[:200]))
    assert not failures, json.dumps(failures[:10], default=str, indent=1)
    assert running.send("GET", "/readyz").status == 200


def _speaks(content: bytes, method: str) -> bool:
    if method == "HEAD":
        return True
    try:
        error = json.loads(content)["error"]
    except (ValueError, KeyError, TypeError):
        return content.startswith(b"Signing in")  # the one page that a browser is sent to
    return isinstance(error, str) or bool(error["message"])
