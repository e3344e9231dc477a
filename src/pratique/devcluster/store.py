"""Where the cluster's objects live: dictionaries in memory, kept in SQLite, watched by many.

In come finished objects (nothing here admits, validates or defaults: that is `api.Api`), out go the same
objects, change events and resource versions. One counter gives every change its resource version. Objects
that the store hands out are shared: nobody may change them; who wants another object builds a new one.

A watcher that fell behind the ring of remembered changes is told so (410) and lists again.
"""

from __future__ import annotations

import asyncio
import sqlite3
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from pratique.errors import ConflictError
from pratique.kube import status

Object = dict[str, Any]
Change = str  # ADDED, MODIFIED or DELETED
Subscriber = Callable[[Change, str, Object], None]

SCHEMA = 1
"""The version of the file's tables; a change of them raises it and migrates what is older, after a backup."""
HISTORY = 4096
"""How many changes of one resource are remembered for watchers that come back."""


@dataclass(frozen=True, slots=True)
class Event:
    """One change: the object after it (before it, when deleted), and the object that it replaced."""

    version: int
    change: Change
    object: Object
    previous: Object | None


@dataclass(slots=True)
class _Bucket:
    objects: dict[str, Object] = field(default_factory=dict)
    order: list[str] | None = None
    history: deque[Event] = field(default_factory=deque)
    floor: int = 0
    watchers: list[Watch] = field(default_factory=list)


class Watch:
    """An open stream of one resource's changes; iterate it, and close it in the end."""

    def __init__(self, bucket: _Bucket) -> None:
        self._bucket = bucket
        self._pending: deque[Event] = deque()
        self._wake = asyncio.Event()
        self.closed = False
        bucket.watchers.append(self)

    def push(self, event: Event) -> None:
        """Add a change and wake the reader."""
        self._pending.append(event)
        self._wake.set()

    async def next(self, timeout: float | None = None) -> Event | None:
        """Return the next change, or None when the time is up or the store has closed."""
        if not self._pending and not self.closed:
            self._wake.clear()
            try:
                async with asyncio.timeout(timeout):
                    await self._wake.wait()
            except TimeoutError:
                return None
        return self._pending.popleft() if self._pending else None

    def close(self) -> None:
        """Stop receiving changes."""
        self.closed = True
        self._wake.set()
        if self in self._bucket.watchers:
            self._bucket.watchers.remove(self)


def key_of(namespace: str, name: str) -> str:
    """Return an object's key within its bucket; keys sort as etcd's do."""
    return f"{namespace}/{name}" if namespace else name


class Store:
    """All buckets, the counter and the file behind them."""

    def __init__(self, path: Path | None = None) -> None:
        self._buckets: dict[str, _Bucket] = {}
        self._subscribers: list[Subscriber] = []
        self.version = 1
        self._database: sqlite3.Connection | None = None
        if path is not None:
            self._open(path)

    def _open(self, path: Path) -> None:
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        schema = database.execute("PRAGMA user_version").fetchone()[0]
        if schema > SCHEMA:
            database.close()
            raise ConflictError(
                f"`{path}` was written by a newer version of pratique (schema `{schema}`)",
                hint="install that version again, or start with another PRATIQUE_HOME",
            )
        if schema != SCHEMA:
            database.execute(f"PRAGMA user_version = {SCHEMA}")
        database.execute("PRAGMA journal_mode=WAL")
        # A power cut may lose the last moment of a development cluster; a killed process loses nothing.
        database.execute("PRAGMA synchronous=NORMAL")
        database.execute("CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT)")
        database.execute(
            "CREATE TABLE IF NOT EXISTS objects (resource TEXT, key TEXT, version INTEGER, body BLOB,"
            " PRIMARY KEY (resource, key)) WITHOUT ROWID"
        )
        row = database.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()
        self.version = int(row[0]) if row else 1
        for resource, key, body in database.execute("SELECT resource, key, body FROM objects"):
            self._bucket(resource).objects[key] = orjson.loads(body)
        for bucket in self._buckets.values():
            bucket.floor = self.version
        self._database = database

    def end_watches(self) -> None:
        """End all open watches."""
        for bucket in self._buckets.values():
            for watch in list(bucket.watchers):
                watch.close()

    def close(self) -> None:
        """End all watches and close the file."""
        self.end_watches()
        if self._database is not None:
            self._database.close()
            self._database = None

    def _bucket(self, resource: str) -> _Bucket:
        bucket = self._buckets.get(resource)
        if bucket is None:
            bucket = self._buckets[resource] = _Bucket(floor=self.version)
        return bucket

    def get(self, resource: str, name: str, namespace: str = "") -> Object | None:
        """Return one object, or None."""
        return self._bucket(resource).objects.get(key_of(namespace, name))

    def list(self, resource: str, namespace: str = "") -> list[Object]:
        """Return a resource's objects, of one namespace or of all, in the order of their keys."""
        return [item for _, item in self.items(resource, namespace)]

    def items(self, resource: str, namespace: str = "", *, after: str = "") -> Iterator[tuple[str, Object]]:
        """Yield keys and objects in order, from the one after the given key on."""
        bucket = self._bucket(resource)
        order = bucket.order
        if order is None:
            order = bucket.order = sorted(bucket.objects)
        start = bisect_right(order, after) if after else 0
        prefix = f"{namespace}/"
        objects = bucket.objects
        if not namespace:
            return ((key, objects[key]) for key in order[start:])
        return ((key, objects[key]) for key in order[start:] if key.startswith(prefix))

    def count(self, resource: str) -> int:
        """Return how many objects of a resource there are."""
        return len(self._bucket(resource).objects)

    def put(self, resource: str, obj: Object) -> Object:
        """Keep a finished object under a new resource version, and tell everyone; return what was kept."""
        bucket = self._bucket(resource)
        metadata = obj["metadata"]
        key = key_of(metadata.get("namespace", ""), metadata["name"])
        self.version += 1
        metadata["resourceVersion"] = str(self.version)
        previous = bucket.objects.get(key)
        if previous is None:
            bucket.order = None
        bucket.objects[key] = obj
        self._save(resource, key, orjson.dumps(obj))
        self._announce(
            bucket, resource, Event(self.version, "MODIFIED" if previous else "ADDED", obj, previous)
        )
        return obj

    def remove(self, resource: str, name: str, namespace: str = "", *, last: Object | None = None) -> Object:
        """Forget an object and tell everyone; `last` is its final state if that was never stored."""
        bucket = self._bucket(resource)
        key = key_of(namespace, name)
        previous = bucket.objects.pop(key)
        bucket.order = None
        self.version += 1
        final = dict(last if last is not None else previous)
        final["metadata"] = {**final["metadata"], "resourceVersion": str(self.version)}
        self._save(resource, key, None)
        self._announce(bucket, resource, Event(self.version, "DELETED", final, previous))
        return final

    def _save(self, resource: str, key: str, body: bytes | None) -> None:
        database = self._database
        if database is None:
            return
        database.execute("BEGIN")
        if body is None:
            database.execute("DELETE FROM objects WHERE resource = ? AND key = ?", (resource, key))
        else:
            database.execute(
                "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?)", (resource, key, self.version, body)
            )
        database.execute("INSERT OR REPLACE INTO meta VALUES ('version', ?)", (str(self.version),))
        database.execute("COMMIT")

    def _announce(self, bucket: _Bucket, resource: str, event: Event) -> None:
        bucket.history.append(event)
        if len(bucket.history) > HISTORY:
            bucket.floor = bucket.history.popleft().version
        for watch in bucket.watchers:
            watch.push(event)
        for subscriber in list(self._subscribers):
            subscriber(event.change, resource, event.object)

    def drop(self, resource: str) -> None:
        """Forget a resource and end its watches: its definition is gone."""
        bucket = self._buckets.pop(resource, None)
        if bucket is not None:
            for watch in list(bucket.watchers):
                watch.close()

    def watch(self, resource: str, since: int) -> Watch:
        """Open a stream of the changes after a resource version; 410 if that is too long ago."""
        bucket = self._bucket(resource)
        if since < bucket.floor:
            raise status.gone(f"too old resource version: {since} ({bucket.floor})")
        watch = Watch(bucket)
        for event in bucket.history:
            if event.version > since:
                watch.push(event)
        return watch

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call back after each change of any resource; return what ends that."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)
