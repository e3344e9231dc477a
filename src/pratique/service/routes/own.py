"""`/api/v1`: signing in, clusters, agents, records, and what pages show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import orjson

from pratique.service.actions import accounts, addon, desired, fleet, ingest, overview
from pratique.service.errors import RequestError
from pratique.service.routes import streams
from pratique.service.routes.table import (
    AGENTS,
    ALL,
    EVERYONE,
    PUBLIC,
    WRITERS,
    Answer,
    Call,
    Document,
    Operation,
)

API = "/api/v1"


def login(call: Call) -> Document:
    """Sign in with user name and password, or with the code of a one-time link."""
    body = call.body()
    for name in ("username", "password", "code"):
        if not isinstance(body.get(name, ""), str):
            raise RequestError(f"`{name}` must be text", target=name)
    if body.get("code"):
        return accounts.login_with_link(call.context, body["code"])
    if not body.get("username") or not body.get("password"):
        raise RequestError("signing in needs `username` and `password`, or `code`", target="username")
    return accounts.login(call.context, username=body["username"], password=body["password"])


def logout(call: Call) -> Answer:
    """End the session of the token that is shown."""
    accounts.logout(call.context, call.actor)
    return Answer(status=204)


def me(call: Call) -> Document:
    """Return who the token stands for."""
    world = call.context.world
    return {
        "username": call.actor.name,
        "type": call.actor.type,
        "role": call.actor.role,
        "tenantId": world.tenant,
        "subscriptionId": world.subscription,
        "resourceGroupId": world.group_id,
    }


def list_clusters(call: Call) -> Document:
    """Return every cluster."""
    return {"value": fleet.list_all(call.context), "nextLink": None}


def get_cluster(call: Call) -> Document:
    """Return one cluster."""
    accounts.require_cluster(call.actor, call.params["name"])
    return fleet.get(call.context, call.params["name"])


def put_cluster(call: Call) -> Answer:
    """Register a cluster or change it."""
    document, new = fleet.put(call.context, call.actor, call.params["name"], call.body())
    return Answer(document, 201 if new else 200)


def delete_cluster(call: Call) -> Answer:
    """Forget a cluster."""
    fleet.delete(call.context, call.actor, call.params["name"])
    return Answer(status=204)


def cluster_token(call: Call) -> Document:
    """Make a new agent token."""
    name = fleet.get(call.context, call.params["name"])["name"]
    return {"token": accounts.agent_token(call.context, call.actor, name)}


def set_addon(call: Call) -> Answer:
    """Start putting the add-on into a cluster, or taking it out."""
    enabled = call.body().get("enabled")
    if not isinstance(enabled, bool):
        raise RequestError("`enabled` must be true or false", target="enabled")
    return Answer(addon.switch(call.context, call.actor, call.params["name"], enabled=enabled), 202)


def get_desired(call: Call) -> Answer:
    """Return the desired state."""
    accounts.require_cluster(call.actor, call.params["name"])
    name = fleet.get_row(call.context, call.params["name"])["name"]
    return Answer(orjson.Fragment(desired.read(call.context, name)))


def post_applied(call: Call) -> Document:
    """Take in what became of a revision."""
    accounts.require_cluster(call.actor, call.params["name"])
    return fleet.applied(call.context, call.params["name"], call.body())


def post_report(call: Call) -> Document:
    """Take a report in."""
    accounts.require_cluster(call.actor, call.params["name"])
    return ingest.report(call.context, call.params["name"], call.body())


def post_denials(call: Call) -> Document:
    """Take denials in."""
    accounts.require_cluster(call.actor, call.params["name"])
    return ingest.denials(call.context, call.params["name"], call.body())


def get_coverage(call: Call) -> Document:
    """Return which kinds a cluster's audit covers."""
    return {"value": fleet.coverage(call.context, call.params["name"]), "nextLink": None}


def list_records(call: Call) -> Document:
    """Return stored records, newest first."""
    filters = _filters(call, "cluster", "assignment", "definition", "state", "kind", "namespace", "search")
    if call.option("closed").casefold() in ("true", "1", "yes"):
        filters["closed"] = "true"
    return _page(call, overview.list_records, filters)


def get_record(call: Call) -> Document:
    """Return one record."""
    return overview.get_record(call.context, call.params["id"])


def list_denials(call: Call) -> Document:
    """Return denials, newest first."""
    return _page(call, overview.list_denials, _filters(call, "cluster", "assignment", "namespace", "search"))


def list_activity(call: Call) -> Document:
    """Return the activity log, newest first."""
    return _page(call, overview.list_activity, _filters(call, "target", "operation", "actor"))


def get_overview(call: Call) -> Document:
    """Return the figures of the first page."""
    return overview.overview(call.context)


def get_compliance(call: Call) -> Document:
    """Return rows by policy or by cluster."""
    return {"value": overview.compliance(call.context, call.option("by") or "policy"), "nextLink": None}


def _filters(call: Call, *names: str) -> Document:
    return {name: value for name in names if (value := call.option(name))}


def _page(call: Call, find: Callable[..., Any], filters: Document) -> Document:
    asked = dict(filters)
    rows, token = find(call.context, filters, skip=call.option("skiptoken"), top=call.option("top"))
    if not token:
        return {"value": rows, "nextLink": None}
    query = {**asked, "skiptoken": token}
    if top := call.option("top"):
        query["top"] = top
    return {"value": rows, "nextLink": f"{call.origin}{call.params.get('path', '')}?{urlencode(query)}"}


PAGING = ("top", "skiptoken")
CLUSTER = f"{API}/clusters/{{name}}"

OPERATIONS = [
    Operation(
        "POST", f"{API}/login", "Sign in", login, PUBLIC, body="Login", answer="Session", tag="session"
    ),
    Operation("POST", f"{API}/logout", "End this session", logout, ALL, status=204, tag="session"),
    Operation("GET", f"{API}/me", "Who the token stands for", me, ALL, answer="Me", tag="session"),
    Operation(
        "GET", f"{API}/clusters", "List the clusters", list_clusters, answer="Cluster[]", tag="clusters"
    ),
    Operation("GET", CLUSTER, "Show a cluster", get_cluster, ALL, answer="Cluster", tag="clusters"),
    Operation(
        "PUT",
        CLUSTER,
        "Register or change a cluster",
        put_cluster,
        WRITERS,
        body="ClusterWrite",
        answer="Cluster",
        tag="clusters",
    ),
    Operation("DELETE", CLUSTER, "Forget a cluster", delete_cluster, WRITERS, status=204, tag="clusters"),
    Operation(
        "POST",
        f"{CLUSTER}/token",
        "Make a new agent token; older ones stop working",
        cluster_token,
        WRITERS,
        answer="AgentToken",
        tag="clusters",
    ),
    Operation(
        "PUT",
        f"{CLUSTER}/addon",
        "Enable or disable the add-on",
        set_addon,
        WRITERS,
        body="AddonWrite",
        answer="Cluster",
        status=202,
        tag="clusters",
    ),
    Operation(
        "GET",
        f"{CLUSTER}/coverage",
        "Which kinds the audit covers",
        get_coverage,
        answer="Coverage[]",
        tag="clusters",
    ),
    Operation(
        "GET", f"{CLUSTER}/desired", "The desired state", get_desired, ALL, answer="Desired", tag="agents"
    ),
    Operation(
        "GET",
        f"{CLUSTER}/desired/stream",
        "The desired state now and at each change, one JSON document a line",
        roles=ALL,
        stream=streams.desired_stream,
        media_type="application/x-ndjson",
        answer="Desired",
        tag="agents",
    ),
    Operation(
        "POST",
        f"{CLUSTER}/applied",
        "What became of a revision",
        post_applied,
        AGENTS,
        body="Applied",
        answer="AppliedAnswer",
        tag="agents",
    ),
    Operation(
        "POST",
        f"{CLUSTER}/reports",
        "Report violations",
        post_report,
        AGENTS,
        body="Report",
        answer="ReportAnswer",
        tag="agents",
    ),
    Operation(
        "POST",
        f"{CLUSTER}/denials",
        "Report denied requests",
        post_denials,
        AGENTS,
        body="Denials",
        answer="DenialsAnswer",
        tag="agents",
    ),
    Operation(
        "GET",
        f"{API}/records",
        "List records, newest first",
        list_records,
        query=(
            "cluster",
            "assignment",
            "definition",
            "state",
            "kind",
            "namespace",
            "search",
            "closed",
            *PAGING,
        ),
        answer="Record[]",
        tag="compliance",
    ),
    Operation("GET", f"{API}/records/{{id}}", "Show a record", get_record, answer="Record", tag="compliance"),
    Operation(
        "GET",
        f"{API}/denials",
        "List denials, newest first",
        list_denials,
        query=("cluster", "assignment", "namespace", "search", *PAGING),
        answer="Denial[]",
        tag="compliance",
    ),
    Operation(
        "GET",
        f"{API}/activity",
        "List the activity log, newest first",
        list_activity,
        query=("target", "operation", "actor", *PAGING),
        answer="Activity[]",
        tag="compliance",
    ),
    Operation(
        "GET",
        f"{API}/overview",
        "The figures of the first page",
        get_overview,
        answer="Overview",
        tag="compliance",
    ),
    Operation(
        "GET",
        f"{API}/compliance",
        "Compliance by policy or by cluster",
        get_compliance,
        query=("by",),
        answer="ComplianceRow[]",
        tag="compliance",
    ),
    Operation(
        "GET",
        f"{API}/events",
        "Changes as they happen (server-sent events)",
        roles=EVERYONE,
        stream=streams.events,
        media_type="text/event-stream",
        tag="compliance",
    ),
]
