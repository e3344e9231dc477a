"""Clusters: registered, forgotten, their add-on switched, and what their agents say of themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pratique.policy import ids
from pratique.policy.cluster import MANAGED_CLUSTERS
from pratique.service.actions import desired
from pratique.service.actions.context import Actor, Context
from pratique.service.actions.reach import read_kubeconfig
from pratique.service.db import accounts, clusters, records
from pratique.service.db.store import timestamp
from pratique.service.errors import MissingError, RequestError

Document = dict[str, Any]

# An agent says hello at least this often (its stream's heartbeat is ten seconds); older ones are gone.
AGENT_GONE = timedelta(minutes=5)
NAME_LIMIT = 63


def get_row(context: Context, name: str) -> Document:
    """Return a cluster's stored row.

    Raises MissingError when there is no such cluster.
    """
    with context.store.read() as connection:
        row = clusters.get(connection, name)
        known = clusters.names(connection) if row is None else []
    if row is None:
        raise MissingError(
            f"there is no cluster `{name}`",
            code="ResourceNotFound",
            hint=f"clusters here: {', '.join(known)}" if known else "no cluster is registered yet",
        )
    return row


def get(context: Context, name: str) -> Document:
    """Return a cluster as the API shows it."""
    return view(get_row(context, name))


def list_all(context: Context) -> list[Document]:
    """Return every cluster as the API shows it."""
    with context.store.read() as connection:
        rows = clusters.list_all(connection)
    return [view(row) for row in rows]


def list_rows(context: Context) -> list[Document]:
    """Return the stored rows of every cluster."""
    with context.store.read() as connection:
        return clusters.list_all(connection)


def names(context: Context) -> list[str]:
    """Return the names of every cluster."""
    with context.store.read() as connection:
        return clusters.names(connection)


def put(context: Context, actor: Actor, name: str, body: Document) -> tuple[Document, bool]:
    """Register a cluster or change it; return it, and whether it is new."""
    _check_name(name)
    kubeconfig = body.get("kubeconfig")
    if kubeconfig is not None:
        if not isinstance(kubeconfig, str):
            raise RequestError("`kubeconfig` must be the text of a kubeconfig file", target="kubeconfig")
        read_kubeconfig(kubeconfig)
    with context.store.write() as connection:
        old = clusters.get(connection, name)
        before = old["document"] if old else {}
        document: Document = {
            "id": before.get("id") or context.world.cluster_id(name),
            "name": before.get("name") or name,
            "type": MANAGED_CLUSTERS,
            "location": _text(body, "location", before.get("location") or context.world.location),
            "tags": _mapping(body, "tags", before.get("tags") or {}),
            "properties": _mapping(body, "properties", before.get("properties") or {}),
        }
        clusters.put(connection, document, kubeconfig=kubeconfig)
        if old is None or document != before:
            context.log(
                connection,
                actor,
                operation="Microsoft.ContainerService/managedClusters/write",
                target=document["id"],
                detail={"new": old is None},
            )
        changed = desired.recompute(context, connection, only=name)
        row = clusters.get(connection, name)
    desired.announce(context, changed)
    context.hub.publish("clusters", cluster=name.lower())
    context.hub.publish("activity")
    assert row is not None
    return view(row), old is None


def delete(context: Context, actor: Actor, name: str) -> bool:
    """Forget a cluster: its records are closed, its agents' tokens end; False when there was none."""
    with context.store.write() as connection:
        row = clusters.get(connection, name)
        if row is None:
            return False
        records.close(connection, row["name"], constraint=None, now=timestamp(), reason="cluster removed")
        records.release_all(connection, row["name"])
        accounts.remove_agent_tokens(connection, row["name"])
        clusters.remove(connection, row["name"])
        context.log(
            connection,
            actor,
            operation="Microsoft.ContainerService/managedClusters/delete",
            target=row["document"]["id"],
        )
    desired.announce(context, [row["name"]])
    for topic in ("clusters", "records"):
        context.hub.publish(topic, cluster=row["name"])
    context.hub.publish("activity")
    return True


def applied(context: Context, name: str, body: Document) -> Document:
    """Store what an agent says became of a revision, and that it is alive."""
    row = get_row(context, name)
    now = timestamp()
    problems = [
        {
            "kind": str(result.get("kind") or ""),
            "name": str(result.get("name") or ""),
            "code": str(result.get("code") or ""),
            "message": str(result.get("message") or ""),
        }
        for result in _list(body, "results")
        if result.get("status") == "Failed"
    ]
    revision = body.get("revision", 0)
    if not isinstance(revision, int) or isinstance(revision, bool) or revision < 0:
        raise RequestError("`revision` must be a whole number", target="revision")
    values: Document = {
        "problems": problems,
        "foreign": _list(body, "foreign"),
        "last_seen": now,
        "applied_revision": revision,
        "applied_at": now,
        "kubernetes_version": str(body.get("kubernetesVersion") or row["kubernetes_version"]),
        "agents": _agents(row["agents"], body.get("agent"), now),
    }
    if listed := _list(body, "agents"):
        values["agents"] = [entry for agent in listed for entry in _agents([], agent, now)]
    with context.store.write() as connection:
        current = clusters.get(connection, name)
        if current is not None and current["addon_state"] in ("Disabled", "Failed"):
            # An agent that applies is the proof that the add-on runs, whoever installed it.
            values |= {"addon_state": "Enabled", "addon_message": ""}
        clusters.change(connection, name, **values)
    context.hub.publish("clusters", cluster=row["name"])
    if problems != row["problems"]:
        context.hub.publish("records", cluster=row["name"])
    return {"revision": revision}


def seen(context: Context, name: str, agent: Any) -> None:
    """Note that an agent of a cluster is alive."""
    row = get_row(context, name)
    now = timestamp()
    with context.store.write() as connection:
        clusters.change(connection, name, last_seen=now, agents=_agents(row["agents"], agent, now))


def set_addon(context: Context, name: str, *, state: str, message: str = "") -> None:
    """Store the state of a cluster's add-on and tell the open pages."""
    with context.store.write() as connection:
        clusters.change(connection, name, addon_state=state, addon_message=message)
        if state == "Disabled":
            # Without the add-on nothing is known any more, and nothing must look as if it were.
            clusters.change(connection, name, agents=[], problems=[], applied_revision=0)
            records.close(
                connection, name.lower(), constraint=None, now=timestamp(), reason="add-on disabled"
            )
            records.release_all(connection, name.lower())
            records.forget_reports(connection, name.lower())
    context.hub.publish("clusters", cluster=name.lower())
    context.hub.publish("records", cluster=name.lower())


def say_addon(context: Context, name: str, message: str) -> None:
    """Tell how far the add-on's installation has come."""
    with context.store.write() as connection:
        row = clusters.get(connection, name)
        if row is None or row["addon_state"] not in ("Enabling", "Disabling"):
            return
        clusters.change(connection, name, addon_message=message)
    context.hub.publish("clusters", cluster=name.lower())


def coverage(context: Context, name: str) -> list[Document]:
    """Return which kinds a cluster's audit covers, and how old that is."""
    row = get_row(context, name)
    with context.store.read() as connection:
        found = records.list_coverage(connection, row["name"])
    return [
        {
            "group": entry["group"],
            "version": entry["version"],
            "kind": entry["kind"],
            "objects": entry["objects"],
            "lastListed": entry["last_listed"],
            "error": entry["error"],
        }
        for entry in found
    ]


def view(row: Document) -> Document:
    """Return a stored cluster in the form of `GET /clusters/{name}`."""
    document = row["document"]
    horizon = (datetime.now(UTC) - AGENT_GONE).isoformat().replace("+00:00", "Z")
    return {
        "name": document["name"],
        "resourceId": document["id"],
        "location": document["location"],
        "tags": document["tags"],
        "properties": document["properties"],
        "addon": {"state": row["addon_state"], "message": row["addon_message"]},
        "agents": [agent for agent in row["agents"] if agent["lastSeen"] > horizon],
        "lastSeen": row["last_seen"],
        "desiredRevision": row["revision"] or 0,
        "appliedRevision": row["applied_revision"],
        "kubernetesVersion": row["kubernetes_version"],
        "problems": row["problems"],
        "foreign": row["foreign"],
        "reachable": bool(row["kubeconfig"]),
    }


def as_resource(row: Document) -> Document:
    """Return a stored cluster as Azure Resource Manager shows a managed cluster."""
    document = row["document"]
    enabled = row["addon_state"] in ("Enabled", "Enabling")
    given = document["properties"]
    profiles = dict(given.get("addonProfiles") or {})
    profiles["azurepolicy"] = {"enabled": enabled, "config": None}
    return {
        "id": document["id"],
        "name": document["name"],
        "type": MANAGED_CLUSTERS,
        "location": document["location"],
        "tags": document["tags"],
        "properties": {
            "provisioningState": "Succeeded",
            "powerState": {"code": "Running"},
            "kubernetesVersion": row["kubernetes_version"],
            "currentKubernetesVersion": row["kubernetes_version"],
            "dnsPrefix": document["name"],
            "nodeResourceGroup": f"MC_{document['name']}",
            "enableRBAC": True,
            "agentPoolProfiles": [],
            **given,
            "addonProfiles": profiles,
        },
    }


def _agents(known: list[Document], agent: Any, now: str) -> list[Document]:
    if not isinstance(agent, dict) or not agent.get("pod"):
        return known
    fresh = {
        "pod": str(agent["pod"]),
        "operation": str(agent.get("operation") or ""),
        "ready": bool(agent.get("ready", True)),
        "version": str(agent.get("version") or ""),
        "lastSeen": now,
    }
    horizon = (datetime.now(UTC) - AGENT_GONE).isoformat().replace("+00:00", "Z")
    others = [other for other in known if other["pod"] != fresh["pod"] and other["lastSeen"] > horizon]
    return sorted([*others, fresh], key=lambda entry: str(entry["pod"]))


def _check_name(name: str) -> None:
    if not name or len(name) > NAME_LIMIT or not ids.valid_name(name) or not name.isascii():
        raise RequestError(
            f"`{name}` is not a name for a cluster",
            code="InvalidResourceName",
            hint=f"use at most {NAME_LIMIT} letters, digits, `-` and `_`",
        )


def _text(body: Document, name: str, before: str) -> str:
    value = body.get(name, before)
    if not isinstance(value, str):
        raise RequestError(f"`{name}` must be text", target=name)
    return value


def _mapping(body: Document, name: str, before: Document) -> Document:
    value = body.get(name)
    if value is None:
        return before
    if not isinstance(value, dict):
        raise RequestError(f"`{name}` must be an object", target=name)
    return value


def _list(body: Document, name: str) -> list[Document]:
    value = body.get(name) or []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise RequestError(f"`{name}` must be an array of objects", target=name)
    return value
