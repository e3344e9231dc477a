"""A real service on a free loopback port, and a plain HTTP client that is not ours."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from pratique.client.service import ServiceClient, digest
from pratique.listener import Listener
from pratique.service import Credentials, Service, Settings

T = TypeVar("T")

TEMPLATE = """\
apiVersion: templates.gatekeeper.sh/v1beta1
kind: ConstraintTemplate
metadata:
  name: ownlabels
spec:
  crd:
    spec:
      names:
        kind: OwnLabels
      validation:
        openAPIV3Schema:
          properties:
            labels:
              type: array
              items: {type: string}
  targets:
    - target: admission.k8s.gatekeeper.sh
      rego: |
        package ownlabels

        violation[{"msg": msg}] {
          wanted := input.parameters.labels[_]
          not input.review.object.metadata.labels[wanted]
          msg := sprintf("label %v is missing", [wanted])
        }
"""


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)


@dataclass
class Running:
    """A running service; `run` runs a coroutine on its loop."""

    state_dir: Path
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.service = Service(Settings(state_dir=self.state_dir, heartbeat=0.2, **self.settings))
        self.listener = Listener(self.service.app, host="127.0.0.1", port=0)
        self.credentials: Credentials | None = self.run(self._start())
        self.client: ServiceClient = self.run(self._sign_in())
        self.token = self.client.token
        me = self.run(self.client.me())
        self.subscription = f"/subscriptions/{me['subscriptionId']}"
        self.group = me["resourceGroupId"]
        self.tenant = me["tenantId"]

    async def _start(self) -> Credentials | None:
        await self.listener.start()
        return await self.service.start()

    async def _sign_in(self) -> ServiceClient:
        client = ServiceClient(self.listener.url)
        await client.login(code=await self.service.sign_in_link())
        return client

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def stop(self) -> None:
        async def end() -> None:
            await self.client.close()
            await self.listener.stop()
            await self.service.stop()

        self.run(end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()

    def send(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, raw: bytes | None = None
    ) -> Reply:
        """Send one request with the standard library, so that our own client proves nothing here."""
        data = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.listener.url + path, data=data, method=method)
        request.add_header("Authorization", f"Bearer {self.token if token is None else token}")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return Reply(answer.status, dict(answer.headers), answer.read())
        except urllib.error.HTTPError as error:
            return Reply(error.code, dict(error.headers), error.read())

    def cluster(self, name: str = "embedded") -> str:
        """Register a cluster and return its resource id."""
        return str(self.run(self.client.put_cluster(name, {}))["resourceId"])

    def define(self, name: str = "own", template: str = TEMPLATE, **changes: Any) -> str:
        """Save a definition of our own and return its id."""
        identifier = f"{self.subscription}/providers/Microsoft.Authorization/policyDefinitions/{name}"
        reply = self.send("PUT", identifier + "?api-version=2025-11-01", definition(template, **changes))
        assert reply.status == 201, reply.content
        return str(reply.json["id"])

    def assign(self, definition_id: str, scope: str, name: str = "a1", **properties: Any) -> str:
        """Assign a definition and return the assignment's id."""
        body = {"properties": {"policyDefinitionId": definition_id, **properties}}
        body["properties"].setdefault("parameters", {"labels": {"value": ["owner"]}})
        reply = self.send("PUT", f"{scope}/providers/Microsoft.Authorization/policyAssignments/{name}", body)
        assert reply.status == 201, reply.content
        return str(reply.json["id"])

    def desired(self, name: str = "embedded") -> dict[str, Any]:
        return self.run(self.client.desired(name))

    def constraint(self, name: str = "embedded") -> dict[str, Any]:
        """Return the one constraint that is desired of a cluster."""
        found = [
            manifest
            for manifest in self.desired(name)["manifests"]
            if manifest["apiVersion"].startswith("constraints.")
        ]
        assert len(found) == 1, found
        return found[0]

    def wait(self, condition: Callable[[], Any]) -> Any:
        """Return the first true value of a condition."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if found := condition():
                return found
            time.sleep(0.02)
        raise AssertionError("the condition did not come true")


def definition(template: str = TEMPLATE, **changes: Any) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "displayName": "Own labels",
        "mode": "Microsoft.Kubernetes.Data",
        "metadata": {"category": "Own"},
        "parameters": {
            "effect": {
                "type": "String",
                "allowedValues": ["Audit", "Deny", "Disabled"],
                "defaultValue": "Deny",
            },
            "labels": {"type": "Array"},
        },
        "policyRule": {
            "if": {"field": "type", "equals": "Microsoft.ContainerService/managedClusters"},
            "then": {
                "effect": "[parameters('effect')]",
                "details": {
                    "templateInfo": {
                        "sourceType": "Base64Encoded",
                        "content": base64.b64encode(template.encode()).decode(),
                    },
                    "apiGroups": [""],
                    "kinds": ["Pod"],
                    "values": {"labels": "[parameters('labels')]"},
                },
            },
        },
    }
    return {"properties": {**properties, **changes}}


@dataclass
class Agent:
    """The agent's half of a report session, kept as the agent would keep it."""

    running: Running
    cluster: str = "embedded"
    session: str = "session-1"
    sequence: int = 0
    held: dict[str, str] = field(default_factory=dict)

    def record(
        self, constraint: dict[str, Any], pod: str, message: str = "label owner is missing"
    ) -> dict[str, Any]:
        kind, name = constraint["kind"], constraint["metadata"]["name"]
        return {
            "key": f"{kind}/{name}|/v1/Pod|shop|{pod}",
            "constraintKind": kind,
            "constraintName": name,
            "assignmentId": constraint["metadata"]["annotations"]["azure-policy-assignment-id"],
            "referenceId": "",
            "group": "",
            "version": "v1",
            "kind": "Pod",
            "namespace": "shop",
            "name": pod,
            "uid": f"uid-{pod}",
            "message": message,
            "messages": [message],
            "field": "metadata.labels",
            "action": "deny",
            "firstSeen": "2026-01-01T00:00:00Z",
            "lastSeen": "2026-01-01T00:00:00Z",
        }

    def report(
        self,
        upserts: list[dict[str, Any]] = (),  # type: ignore[assignment]
        *,
        removals: list[str] = (),  # type: ignore[assignment]
        full: bool = False,
        totals: list[dict[str, Any]] = (),  # type: ignore[assignment]
        **changes: Any,
    ) -> dict[str, Any]:
        if full:
            self.held.clear()
        self.held.update(
            {e["key"]: e.get("message", "") for e in upserts if isinstance(e, dict) and "key" in e}
        )
        for key in removals:
            self.held.pop(key, None)
        self.sequence += 1
        body = {
            "session": self.session,
            "sequence": self.sequence,
            "full": full,
            "upserts": list(upserts),
            "removals": list(removals),
            "totals": list(totals),
            "digest": digest(self.held.items()),
            **changes,
        }
        return self.running.run(self.running.client.report(self.cluster, body))


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """A fresh service."""
    found = Running(tmp_path / "state")
    yield found
    found.stop()


@pytest.fixture
def agent(running: Running) -> Agent:
    """An agent of the cluster `embedded`, which is registered."""
    running.cluster()
    return Agent(running)


@pytest.fixture
def start() -> Iterator[Callable[..., Running]]:
    """Start services on given folders, and stop them at the end."""
    opened: list[Running] = []

    def make(state_dir: Path, **settings: Any) -> Running:
        found = Running(state_dir, settings)
        opened.append(found)
        return found

    yield make
    for found in opened:
        if not found.loop.is_closed():
            found.stop()
