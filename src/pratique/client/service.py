"""The service's API, one typed method a route: what the portal, the command line and the agent use.

In: plain JSON values. Out: plain JSON values, or an error of `pratique.errors`. Ids are whole ARM ids. It
decides nothing and keeps nothing but the connection.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, Unpack
from urllib.parse import parse_qs, quote, urlsplit

import orjson

from pratique.client.http import Http
from pratique.errors import UnavailableError

Document = dict[str, Any]

API = "/api/v1"
API_VERSION = {"api-version": "2025-11-01"}
INSIGHTS_VERSION = {"api-version": "2019-10-01"}


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a long list; `next` is the token to ask for the following one, or None at the end."""

    value: list[Document]
    next: str | None = None


class PageFilters(TypedDict, total=False):
    """How much of a long list, and from where on."""

    top: int
    skiptoken: str | None


class RecordFilters(PageFilters, total=False):
    """Which records; what is left out or empty does not narrow."""

    cluster: str
    assignment: str
    definition: str
    state: str
    kind: str
    namespace: str
    search: str
    closed: bool


class DenialFilters(PageFilters, total=False):
    """Which denials."""

    cluster: str
    assignment: str
    namespace: str
    search: str


class ActivityFilters(PageFilters, total=False):
    """Which entries of the activity log."""

    target: str
    operation: str
    actor: str


def digest(pairs: Iterable[tuple[str, str]]) -> str:
    """Return what both ends of a report compute over its open records: (key, message) each."""
    return hashlib.sha256(
        "\n".join(sorted(f"{key}\t{message}" for key, message in pairs)).encode()
    ).hexdigest()


class ServiceClient:
    """A client of one service, with one token."""

    def __init__(
        self,
        base_url: str,
        *,
        token: str = "",
        ca: str | Path = "",
        timeout: float = 30.0,
        http: Http | None = None,
    ) -> None:
        self.http = http or Http(base_url, token=token, ca=ca, timeout=timeout)
        self.token = token

    async def __aenter__(self) -> ServiceClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self.http.close()

    def with_token(self, token: str) -> ServiceClient:
        """Return a client for another token that shares this one's connections."""
        return ServiceClient(self.http.base_url, token=token, http=self.http)

    # --- signing in

    async def login(self, *, username: str = "", password: str = "", code: str = "") -> Document:
        """Sign in with a password or a one-time code, and use the token from now on."""
        body = {"code": code} if code else {"username": username, "password": password}
        answer: Document = await self._api("POST", "/login", body=body)
        self.token = answer["token"]
        return answer

    async def logout(self) -> None:
        """End the session of this client's token."""
        await self._api("POST", "/logout")
        self.token = ""

    async def me(self) -> Document:
        """Return who the token stands for: `username`, `role`, `tenantId`, `subscriptionId`."""
        return await self._document("GET", "/me")

    # --- clusters

    async def clusters(self) -> list[Document]:
        """Return every cluster."""
        return await self._all(f"{API}/clusters")

    async def cluster(self, name: str) -> Document:
        """Return one cluster."""
        return await self._document("GET", f"/clusters/{_segment(name)}")

    async def put_cluster(self, name: str, body: Mapping[str, Any]) -> Document:
        """Make or change a cluster: `location`, `tags`, `properties`, `kubeconfig`."""
        return await self._document("PUT", f"/clusters/{_segment(name)}", body=body)

    async def delete_cluster(self, name: str) -> None:
        """Forget a cluster; its records are closed."""
        await self._api("DELETE", f"/clusters/{_segment(name)}")

    async def cluster_token(self, name: str) -> str:
        """Return a new agent token for a cluster; older ones stop working."""
        answer = await self._document("POST", f"/clusters/{_segment(name)}/token")
        return str(answer["token"])

    async def set_addon(self, name: str, enabled: bool) -> Document:
        """Ask for the add-on to be put into the cluster, or taken out of it."""
        return await self._document("PUT", f"/clusters/{_segment(name)}/addon", body={"enabled": enabled})

    # --- an agent's side

    async def desired(self, name: str) -> Document:
        """Return the desired state of a cluster: `revision`, `hash`, `manifests`, `settings`."""
        return await self._document("GET", f"/clusters/{_segment(name)}/desired")

    async def desired_stream(self, name: str) -> AsyncIterator[Document]:
        """Yield the desired state now and at each change, for as long as the caller listens.

        A lost connection is taken up again; a refusal (401, 403, 404) is raised.
        """
        path = f"{API}/clusters/{_segment(name)}/desired/stream"
        seen: tuple[int, str] | None = None
        async for line in self._held(path):
            document: Document = orjson.loads(line)
            if "heartbeat" in document:
                continue
            version = (document["revision"], document["hash"])
            if version != seen:
                seen = version
                yield document

    async def applied(self, name: str, body: Mapping[str, Any]) -> Document:
        """Tell what became of a revision in the cluster."""
        return await self._document("POST", f"/clusters/{_segment(name)}/applied", body=body)

    async def report(self, name: str, body: Mapping[str, Any]) -> Document:
        """Send a report; the answer is `accepted` and `resync`."""
        return await self._document("POST", f"/clusters/{_segment(name)}/reports", body=body)

    async def report_denials(self, name: str, denials: list[Document]) -> Document:
        """Send denials; a repeated one counts once."""
        return await self._document("POST", f"/clusters/{_segment(name)}/denials", body={"denials": denials})

    # --- what is known

    async def records(self, **filters: Unpack[RecordFilters]) -> Page:
        """Return stored records, newest first; `closed=True` includes those that are fixed."""
        return await self._page(f"{API}/records", filters)

    async def record(self, identifier: str | int) -> Document:
        """Return one record."""
        return await self._document("GET", f"/records/{_segment(str(identifier))}")

    async def denials(self, **filters: Unpack[DenialFilters]) -> Page:
        """Return denials, newest first."""
        return await self._page(f"{API}/denials", filters)

    async def activity(self, **filters: Unpack[ActivityFilters]) -> Page:
        """Return the activity log, newest first."""
        return await self._page(f"{API}/activity", filters)

    async def overview(self) -> Document:
        """Return the figures of the first page."""
        return await self._document("GET", "/overview")

    async def compliance(self, by: str = "policy") -> list[Document]:
        """Return a row for each assignment (`policy`) or each cluster (`cluster`)."""
        return await self._all(f"{API}/compliance", {"by": by})

    async def events(self) -> AsyncIterator[Document]:
        """Yield `{"event": topic, ...}` at each change, for as long as the caller listens.

        After a lost connection `{"event": "reconnected"}` comes first: what happened meanwhile is unknown.
        """
        topic = "message"
        async for line in self._held(f"{API}/events", announce=True):
            if line.startswith(b"event:"):
                topic = line[6:].strip().decode()
            elif line.startswith(b"data:"):
                yield {"event": topic, **orjson.loads(line[5:])}

    # --- policies, as Azure Resource Manager has them

    async def list_definitions(self, *, scope: str = "", filter: str = "") -> list[Document]:
        """Return the definitions that can be assigned at `scope`, built-in ones included."""
        path = f"{await self._scope(scope)}/providers/Microsoft.Authorization/policyDefinitions"
        return await self._all(path, {**API_VERSION, "$filter": filter})

    async def get_definition(self, identifier: str) -> Document:
        """Return one definition."""
        return await self._arm("GET", identifier)

    async def put_definition(self, identifier: str, body: Mapping[str, Any]) -> Document:
        """Make or change a definition; a template that does not compile is a SourceError with its line."""
        return await self._arm("PUT", identifier, body=body)

    async def delete_definition(self, identifier: str) -> Document:
        """Delete a definition; empty when there was none."""
        return await self._arm("DELETE", identifier)

    async def list_assignments(self, *, scope: str = "", filter: str = "atScopeAndBelow()") -> list[Document]:
        """Return the assignments at `scope` and below; without a scope, all of the installation."""
        path = f"{await self._scope(scope)}/providers/Microsoft.Authorization/policyAssignments"
        return await self._all(path, {**API_VERSION, "$filter": filter})

    async def get_assignment(self, identifier: str) -> Document:
        """Return one assignment."""
        return await self._arm("GET", identifier)

    async def put_assignment(self, identifier: str, body: Mapping[str, Any]) -> Document:
        """Make or change an assignment."""
        return await self._arm("PUT", identifier, body=body)

    async def delete_assignment(self, identifier: str) -> Document:
        """Delete an assignment; empty when there was none."""
        return await self._arm("DELETE", identifier)

    async def query_states(self, *, scope: str = "", **options: str | int) -> list[Document]:
        """Return policy states; options as `filter=`, `orderby=`, `select=`, `apply=`, `top=`."""
        path = (
            f"{await self._scope(scope)}/providers/Microsoft.PolicyInsights/policyStates/latest/queryResults"
        )
        params: dict[str, Any] = {f"${key}": value for key, value in options.items()}
        rows: list[Document] = []
        while True:
            answer = await self._request("POST", path, params={**INSIGHTS_VERSION, **params})
            rows += answer["value"]
            token = _skiptoken(answer.get("@odata.nextLink"))
            if not token:
                return rows
            params["$skiptoken"] = token

    async def summarize(self, *, scope: str = "", filter: str = "") -> Document:
        """Return the summary of policy states at a scope."""
        path = f"{await self._scope(scope)}/providers/Microsoft.PolicyInsights/policyStates/latest/summarize"
        answer = await self._request("POST", path, params={**INSIGHTS_VERSION, "$filter": filter})
        summary: Document = answer["value"][0]
        return summary

    # --- plumbing

    async def _scope(self, scope: str) -> str:
        if scope:
            return scope.rstrip("/")
        return f"/subscriptions/{(await self.me())['subscriptionId']}"

    async def _arm(self, method: str, identifier: str, *, body: Mapping[str, Any] | None = None) -> Document:
        answer: Document | None = await self._request(
            method, quote(identifier), body=body, params=API_VERSION
        )
        return answer or {}

    async def _document(self, method: str, path: str, *, body: Mapping[str, Any] | None = None) -> Document:
        answer: Document = await self._api(method, path, body=body)
        return answer

    async def _api(self, method: str, path: str, *, body: Mapping[str, Any] | None = None) -> Any:
        return await self._request(method, API + path, body=body)

    async def _page(self, path: str, params: Mapping[str, Any]) -> Page:
        answer = await self._request("GET", path, params=params)
        return Page(value=answer["value"], next=_skiptoken(answer.get("nextLink")))

    async def _all(self, path: str, params: Mapping[str, Any] | None = None) -> list[Document]:
        rows: list[Document] = []
        query = dict(params or {})
        while True:
            answer = await self._request("GET", path, params=query)
            rows += answer["value"]
            token = _skiptoken(answer.get("nextLink"))
            if not token:
                return rows
            query["$skiptoken" if not path.startswith(API) else "skiptoken"] = token

    async def _request(self, method: str, path: str, **options: Any) -> Any:
        return await self.http.request(method, path, token=self.token, **options)

    async def _held(self, path: str, *, announce: bool = False) -> AsyncIterator[bytes]:
        pause = 0.2
        again = False
        while True:
            try:
                async for line in self.http.lines(path, token=self.token):
                    if again and announce:
                        yield b"event: reconnected"
                        yield b"data: {}"
                    again, pause = False, 0.2
                    if line:
                        yield line
            except UnavailableError:
                pause = min(pause * 2, 10.0)
            again = True
            await asyncio.sleep(pause)


def _segment(name: str) -> str:
    return quote(name, safe="")


def _skiptoken(link: str | None) -> str | None:
    if not link:
        return None
    query = parse_qs(urlsplit(link).query)
    found = query.get("$skiptoken") or query.get("skiptoken")
    return found[0] if found else None
