"""A small installation to look at: a real service on a port, the portal on it, and what agents would report.

Everything gets in as it would in life, through the public API: clusters are registered, an "agent" takes a
token and sends `applied`, reports and denials. Tests change it by the same calls.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import uuid
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from pratique.client.service import ServiceClient, digest
from pratique.listener import Listener
from pratique.portal.app import create_app
from pratique.portal.settings import Settings as PortalSettings
from pratique.service import Service, Settings

T = TypeVar("T")


def ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).isoformat()


@dataclass
class Agent:
    """What an agent of one cluster says; `open` are its open records by key."""

    client: ServiceClient
    cluster: str
    session: str = field(default_factory=lambda: str(uuid.uuid4()))
    sequence: int = 0
    open: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def applied(self) -> dict[str, Any]:
        desired = await self.client.desired(self.cluster)
        for pod, operation in (
            ("pratique-audit-6c4d", "audit"),
            ("pratique-controller-manager-7f", "webhook"),
        ):
            await self.client.applied(
                self.cluster,
                {
                    "revision": desired["revision"],
                    "hash": desired["hash"],
                    "kubernetesVersion": "v1.34.1",
                    "agent": {"pod": pod, "operation": operation, "version": "0.1.0", "ready": True},
                    "results": [],
                    "foreign": [],
                },
            )
        return desired

    async def violate(self, desired: dict[str, Any], assignment: str, *objects: tuple[str, str, str]) -> None:
        """Open records: (namespace, name, message) of Pods that violate an assignment."""
        constraint = next(
            item
            for item in desired["manifests"]
            if item["kind"] != "ConstraintTemplate" and assignment.lower() in str(item).lower()
        )
        for namespace, name, message in objects:
            kind, own = constraint["kind"], constraint["metadata"]["name"]
            key = f"{kind}/{own}|/v1/Pod|{namespace}|{name}"
            self.open[key] = {
                "key": key,
                "constraintKind": kind,
                "constraintName": own,
                "assignmentId": assignment,
                "referenceId": "",
                "group": "",
                "version": "v1",
                "kind": "Pod",
                "namespace": namespace,
                "name": name,
                "uid": str(uuid.uuid5(uuid.NAMESPACE_URL, namespace + name)),
                "message": message,
                "messages": [message],
                "field": "metadata.labels",
                "action": "deny",
                "firstSeen": ago(minutes=42),
                "lastSeen": ago(seconds=20),
            }

    async def report(self) -> None:
        """Send everything that is open."""
        self.sequence += 1
        totals: dict[tuple[str, str], int] = {}
        for record in self.open.values():
            name = (record["constraintKind"], record["constraintName"])
            totals[name] = totals.get(name, 0) + 1
        desired = await self.client.desired(self.cluster)
        answer = await self.client.report(
            self.cluster,
            {
                "session": self.session,
                "sequence": self.sequence,
                "full": True,
                "upserts": list(self.open.values()),
                "removals": [],
                "totals": [
                    {
                        "constraintKind": item["kind"],
                        "constraintName": item["metadata"]["name"],
                        "evaluated": 24,
                        "violating": totals.get((item["kind"], item["metadata"]["name"]), 0),
                    }
                    for item in desired["manifests"]
                    if item["kind"] != "ConstraintTemplate"
                ],
                "coverage": [],
                "digest": digest((key, record["message"]) for key, record in self.open.items()),
            },
        )
        assert answer["resync"] is False, answer

    async def deny(self, assignment: str, *, name: str, message: str, user: str) -> None:
        """Tell of one refused request."""
        record = next(item for item in self.open.values() if item["assignmentId"] == assignment)
        await self.client.report_denials(
            self.cluster,
            [
                {
                    "time": ago(seconds=90),
                    "constraintKind": record["constraintKind"],
                    "constraintName": record["constraintName"],
                    "assignmentId": assignment,
                    "message": message,
                    "action": "deny",
                    "user": user,
                    "groups": ["system:authenticated"],
                    "operation": "CREATE",
                    "group": "",
                    "version": "v1",
                    "kind": "Pod",
                    "namespace": "frond-end",
                    "name": name,
                    "requestUid": str(uuid.uuid4()),
                    "dryRun": False,
                }
            ],
        )


@dataclass
class World:
    """The running installation."""

    url: str
    listener: Listener
    service: Service
    admin: ServiceClient
    username: str
    password: str
    subscription: str
    labels: str = ""
    images: str = ""
    agent: Agent | None = None

    @property
    def cluster_id(self) -> str:
        return (
            f"/subscriptions/{self.subscription}/resourceGroups/pratique"
            "/providers/Microsoft.ContainerService/managedClusters/embedded"
        )

    async def definition(self, word: str, *, parameter: str) -> dict[str, Any]:
        """Return the built-in definition with a word in its title and a parameter of that name."""
        for item in await self.admin.list_definitions():
            properties = item["properties"]
            if word in properties["displayName"].lower() and parameter in (
                properties.get("parameters") or {}
            ):
                return item
        raise AssertionError(f"the catalogue has no definition about {word}")

    async def assign(self, name: str, word: str, parameter: str, value: Any, **parameters: Any) -> str:
        """Assign a built-in definition to the cluster and return the assignment's id."""
        definition = await self.definition(word, parameter=parameter)
        identifier = f"{self.cluster_id}/providers/Microsoft.Authorization/policyAssignments/{name}"
        given = {parameter: value, **parameters}
        await self.admin.put_assignment(
            identifier,
            {
                "properties": {
                    "displayName": definition["properties"]["displayName"],
                    "policyDefinitionId": definition["id"],
                    "parameters": {key: {"value": item} for key, item in given.items()},
                }
            },
        )
        return identifier

    async def populate(self) -> None:
        """Fill the installation: two policies, an agent, violations and a denial."""
        self.labels = await self.assign("require-owner", "label", "labelsList", ["owner"], effect="Deny")
        self.images = await self.assign(
            "trusted-images", "image", "allowedContainerImagesRegex", r"^registry\.local/.+$", effect="Audit"
        )
        token = await self.admin.cluster_token("embedded")
        self.agent = Agent(self.admin.with_token(token), "embedded")
        desired = await self.agent.applied()
        await self.agent.violate(
            desired,
            self.labels,
            ("frond-end", "nginx-5869d7778c-x2x7k", 'you must provide labels: {"owner"}'),
            ("frond-end", "api-7c9c58b8d4-9qv2n", 'you must provide labels: {"owner"}'),
        )
        await self.agent.violate(
            desired,
            self.images,
            (
                "frond-end",
                "nginx-5869d7778c-x2x7k",
                "container image nginx for container nginx has not been allowed.",
            ),
        )
        await self.agent.report()
        await self.agent.deny(
            self.labels,
            name="label-test-6b7f9c-abcde",
            message='[azurepolicy-podenforcelabels-1f2e3d] you must provide labels: {"owner"}',
            user="system:serviceaccount:kube-system:replicaset-controller",
        )


@contextlib.asynccontextmanager
async def opened(state_dir: Path, *, port: int = 0) -> AsyncIterator[World]:
    """Start a new installation with one cluster, and stop it."""
    service = Service(Settings(state_dir=state_dir))
    credentials = await service.start()
    assert credentials is not None
    listener = Listener(service.app, host="127.0.0.1", port=port)
    await listener.start()
    shared = ServiceClient(listener.url)
    service.fallback = create_app(PortalSettings(heartbeat=0.5), lambda token: shared.with_token(token or ""))
    try:
        admin = ServiceClient(listener.url)
        await admin.login(username=credentials.username, password=credentials.password)
        me = await admin.me()
        await admin.put_cluster("embedded", {"location": "local", "tags": {"team": "platform"}})
        world = World(
            listener.url,
            listener,
            service,
            admin,
            credentials.username,
            credentials.password,
            me["subscriptionId"],
        )
        yield world
        await admin.close()
    finally:
        await listener.stop()
        await shared.close()
        await service.stop()


class Background:
    """The installation on a loop of its own thread, so that a test can drive a browser meanwhile."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something on that loop and return its result."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=60)

    @contextlib.contextmanager
    def world(self, state_dir: Path, *, populated: bool) -> Iterator[World]:
        """Hold an installation open."""
        stack = contextlib.AsyncExitStack()
        made = self.run(stack.enter_async_context(opened(state_dir)))
        try:
            if populated:
                self.run(made.populate())
            yield made
        finally:
            self.run(stack.aclose())

    def close(self) -> None:
        """End the thread."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(timeout=10)
        self.loop.close()
