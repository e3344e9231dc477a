"""GET: one object, lists with selectors and pages, watches; as objects, as Tables, as metadata alone.

In come a resource and a request, out goes a Response. Reads the store, changes nothing.
"""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import orjson

from pratique.devcluster.api import Api
from pratique.devcluster.http import tables
from pratique.devcluster.http.messages import Form, Request, Response, answer
from pratique.devcluster.registry import Resource
from pratique.devcluster.store import Event, Watch
from pratique.devcluster.writes import Target
from pratique.kube import objects, selectors, status

Object = dict[str, Any]
Filter = Callable[[Object], bool]
INITIAL_END = {"k8s.io/initial-events-end": "true"}
BOOKMARK_EVERY = 60.0
OWN_FIELDS = ("metadata.name", "metadata.namespace")


def get(api: Api, target: Target, request: Request) -> Response:
    """Answer one object."""
    resource = target.resource
    stored = api.store.get(resource.key, target.name, target.namespace)
    if stored is None:
        if target.namespace and api.store.get("namespaces", target.namespace) is None:
            raise status.missing("namespaces", "", target.namespace)
        raise status.missing(resource.plural, resource.group, target.name)
    return show(resource, api.kinds.present(resource, stored), request)


def show(resource: Resource, obj: Object, request: Request, *, code: int = 200) -> Response:
    """Answer one object in the form that was asked for."""
    form = request.form()
    if form.shape == "Table":
        metadata = {"resourceVersion": obj.get("metadata", {}).get("resourceVersion", "")}
        include = request.query.get("includeObject", "")
        return answer(
            tables.table(resource, [obj], metadata=metadata, include=include, columns=True), code=code
        )
    if form.shape == "PartialObjectMetadata":
        obj = tables.partial(obj)
    return answer(obj, code=code, form=form)


def make_filter(resource: Resource, request: Request) -> Filter | None:
    """Return the test that a request's selectors ask for; None if everything passes."""
    tests: list[Filter] = []
    try:
        if text := request.query.get("labelSelector", ""):
            labels = selectors.match_labels(text)
            tests.append(lambda obj: labels(obj["metadata"].get("labels") or {}))
        for field in selectors.parse_fields(request.query.get("fieldSelector", "")):
            tests.append(_field_test(resource, field))
    except selectors.SelectorError as error:
        raise status.bad_request(error.message) from None
    if not tests:
        return None
    return lambda obj: all(test(obj) for test in tests)


def _field_test(resource: Resource, field: selectors.FieldRequirement) -> Filter:
    if field.path not in OWN_FIELDS and field.path not in resource.selectable:
        if resource.selectable or resource.custom:
            raise status.bad_request(f"field label not supported: {field.path}")
        raise status.bad_request(
            f'"{field.path}" is not a known field selector: only "metadata.name", "metadata.namespace"'
        )
    path, wanted, equal = field.path, field.value, field.equal
    if path == "source":
        path = "source.component"

    def test(obj: Object) -> bool:
        found = objects.lookup(obj, path)
        if found is None and path in ("status.successful", "status.replicas"):
            found = 0
        if found is None and path == "spec.unschedulable":
            found = False
        text = "" if found is None else str(found).lower() if isinstance(found, bool) else str(found)
        return (text == wanted) is equal

    return test


@dataclass(frozen=True, slots=True)
class Page:
    """Some of a resource's objects, and how to get the rest."""

    items: list[Object]
    version: int
    token: str = ""
    remaining: int | None = None

    def metadata(self) -> Object:
        """Return the list's metadata."""
        metadata: Object = {"resourceVersion": str(self.version)}
        if self.token:
            metadata["continue"] = self.token
        if self.remaining is not None:
            metadata["remainingItemCount"] = self.remaining
        return metadata


def select(api: Api, target: Target, request: Request) -> Page:
    """Return the objects that a list request asks for."""
    resource = target.resource
    passes = make_filter(resource, request)
    limit = request.number("limit") or 0
    after, version = _read_token(request.query.get("continue", ""), api.store.version)
    matching: list[tuple[str, Object]] = []
    last, rest = "", 0
    for key, stored in api.store.items(resource.key, target.namespace, after=after):
        obj = api.kinds.present(resource, stored)
        if passes is not None and not passes(obj):
            continue
        if limit and len(matching) == limit:
            rest += 1
            if passes is not None:
                break
            continue
        matching.append((key, obj))
    items = [obj for _, obj in matching]
    if not rest:
        return Page(items, version)
    last = matching[-1][0]
    token = base64.urlsafe_b64encode(orjson.dumps({"v": "meta.k8s.io/v1", "rv": version, "start": last}))
    return Page(items, version, token.decode().rstrip("="), rest if passes is None else None)


def _read_token(token: str, version: int) -> tuple[str, int]:
    if not token:
        return "", version
    try:
        body = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        return str(body["start"]), int(body["rv"])
    except (ValueError, KeyError, TypeError):
        raise status.bad_request("continue key is not valid: illegal base64 data or format") from None


def listing(api: Api, target: Target, request: Request) -> Response:
    """Answer a list."""
    resource, form = target.resource, request.form()
    page = select(api, target, request)
    if form.shape == "Table":
        include = request.query.get("includeObject", "")
        made = tables.table(resource, page.items, metadata=page.metadata(), include=include, columns=True)
        return answer(made)
    if form.shape in ("PartialObjectMetadata", "PartialObjectMetadataList"):
        items = [tables.partial(item) for item in page.items]
        head = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
        return answer({**head, "metadata": page.metadata(), "items": items}, form=form)
    return answer(list_object(resource, page), form=form)


def list_object(resource: Resource, page: Page) -> Object:
    """Return a page as a List; the items of built-in lists do not repeat their kind."""
    kind = resource.list_kind or f"{resource.kind}List"
    head: Object = {"kind": kind, "apiVersion": resource.api_version, "metadata": page.metadata()}
    items = page.items
    if not resource.custom:
        items = [{k: v for k, v in obj.items() if k not in ("kind", "apiVersion")} for obj in page.items]
    else:
        head = {"apiVersion": resource.api_version, "items": items, "kind": kind, "metadata": page.metadata()}
    return {**head, "items": items}


def watching(api: Api, target: Target, request: Request) -> Response:
    """Answer a watch: a stream of events, one JSON document a line."""
    resource, form = target.resource, request.form()
    if form.shape in ("PartialObjectMetadataList",):
        form = Form(form.media, "PartialObjectMetadata", form.version, form.group)
    passes = make_filter(resource, request)
    text = request.query.get("resourceVersion", "")
    initial = request.flag("sendInitialEvents")
    if "sendInitialEvents" in request.query and request.query.get("resourceVersionMatch") != "NotOlderThan":
        error = status.forbidden(
            "resourceVersionMatch",
            "sendInitialEvents is forbidden for watch unless resourceVersionMatch is set",
        )
        raise status.unacceptable("ListOptions", "meta.k8s.io", "", errors=[error])
    if text and not text.isdigit():
        raise status.bad_request(
            f'Invalid resource version: strconv.ParseUint: parsing "{text}": invalid syntax'
        )
    everything = initial or text in ("", "0")
    since = api.store.version if everything else int(text)
    try:
        watch = api.store.watch(resource.key, since)
    except status.StatusError as error:
        gone = orjson.dumps({"type": "ERROR", "object": error.status}) + b"\n"
        return Response(200, stream=_single(gone))
    existing: list[Object] = []
    if initial or (everything and "sendInitialEvents" not in request.query):
        existing = select(api, target, _without_paging(request)).items
    stream = _Stream(api, target, request, form, passes)
    return Response(200, stream=stream.run(watch, existing, initial=initial))


def _without_paging(request: Request) -> Request:
    query = {key: value for key, value in request.query.items() if key not in ("limit", "continue")}
    return Request(request.method, request.path, query, request.headers, request.receive, request.user)


async def _single(piece: bytes) -> AsyncIterator[bytes]:
    yield piece


@dataclass(slots=True)
class _Stream:
    """One running watch."""

    api: Api
    target: Target
    request: Request
    form: Form
    passes: Filter | None
    first: bool = True

    async def run(self, watch: Watch, existing: list[Object], *, initial: bool) -> AsyncIterator[bytes]:
        """Yield what exists, then each change, until the time is up or somebody leaves."""
        loop = asyncio.get_running_loop()
        seconds = self.request.number("timeoutSeconds") or random.uniform(1800, 3600)  # noqa: S311
        end = loop.time() + seconds
        bookmarks = self.request.flag("allowWatchBookmarks")
        leaving = asyncio.create_task(_disconnected(self.request))
        leaving.add_done_callback(lambda _: watch.close())
        try:
            if existing:
                yield b"".join(self.line("ADDED", obj) for obj in existing)
            if initial:
                yield self.bookmark(INITIAL_END)
            while not leaving.done():
                event = await watch.next(max(0.0, min(end - loop.time(), BOOKMARK_EVERY)))
                if event is not None:
                    if piece := self.event(event):
                        yield piece
                elif watch.closed or loop.time() >= end:
                    return
                elif bookmarks:
                    yield self.bookmark(None)
        finally:
            leaving.cancel()
            watch.close()

    def event(self, event: Event) -> bytes:
        """Return an event's line as this watcher sees it: what leaves its selection is deleted for it."""
        obj = self._shown(event.object)
        here = self._mine(obj)
        previous = self._shown(event.previous) if event.previous is not None else None
        before = previous is not None and self._mine(previous)
        if event.change == "DELETED":
            return self.line("DELETED", obj) if before else b""
        if here:
            return self.line("MODIFIED" if before else "ADDED", obj)
        if before and previous is not None:
            metadata = {**previous["metadata"], "resourceVersion": obj["metadata"]["resourceVersion"]}
            return self.line("DELETED", {**previous, "metadata": metadata})
        return b""

    def _shown(self, obj: Object) -> Object:
        return self.api.kinds.present(self.target.resource, obj)

    def _mine(self, obj: Object) -> bool:
        namespace, name = self.target.namespace, self.target.name
        if namespace and objects.namespace(obj) != namespace:
            return False
        if name and objects.name(obj) != name:
            return False
        return self.passes is None or self.passes(obj)

    def line(self, kind: str, obj: Object) -> bytes:
        """Return one event in the watcher's form."""
        if self.form.shape == "Table":
            metadata = {"resourceVersion": obj["metadata"]["resourceVersion"]}
            include = self.request.query.get("includeObject", "")
            obj = tables.table(
                self.target.resource, [obj], metadata=metadata, include=include, columns=self.first
            )
            self.first = False
        elif self.form.shape == "PartialObjectMetadata":
            obj = tables.partial(obj)
        return orjson.dumps({"type": kind, "object": obj}) + b"\n"

    def bookmark(self, annotations: dict[str, str] | None) -> bytes:
        """Return a bookmark: the version up to which everything was sent."""
        resource = self.target.resource
        metadata: Object = {"resourceVersion": str(self.api.store.version), "creationTimestamp": None}
        if annotations:
            metadata["annotations"] = annotations
        obj: Object = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
        if self.form.shape == "Table":
            obj = tables.table(resource, [], metadata=metadata, include="None", columns=self.first)
            self.first = False
        return orjson.dumps({"type": "BOOKMARK", "object": obj}) + b"\n"


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
