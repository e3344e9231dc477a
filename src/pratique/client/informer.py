"""A reflector: tells a handler about every object of one kind, and about each change, for ever.

In: a client, a resource, selectors, a handler (a plain function). Out: calls of the handler in the
server's order. It lists in chunks, watches from there with bookmarks, lists again when the server has
forgotten (410) or when `resync` asks, and backs off with jitter. It remembers each object's key and
version, and whatever `keep` returns; nothing else. A `gate` shared by many bounds how many list at once.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, Literal

from pratique.client.kube import PAGE, ExpiredError, KubeClient, Object
from pratique.client.resources import Resource
from pratique.errors import PratiqueError

Change = Literal["added", "modified", "deleted", "seen"]
"""`seen`: a relist that `resync` asked for found the object as it was."""

Handler = Callable[[Change, Object], None]

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 30.0


def key_of(obj: Object) -> str:
    """Return `namespace/name`; the namespace of a cluster's own object is empty."""
    meta = obj["metadata"]
    return f"{meta.get('namespace', '')}/{meta['name']}"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects of a kind an informer asks for, and how many at a time."""

    namespace: str = ""
    label_selector: str = ""
    field_selector: str = ""
    page_size: int = PAGE


class Informer:
    """Keeps a handler informed about one resource; `run` it as a task and cancel that to stop."""

    def __init__(
        self,
        client: KubeClient,
        resource: Resource,
        *,
        handler: Handler,
        selection: Selection | None = None,
        keep: Callable[[Object], Any] | None = None,
        gate: asyncio.Semaphore | None = None,
    ) -> None:
        self.resource = resource
        self.versions: dict[str, str] = {}
        self.kept: dict[str, Any] = {}
        self.synced = asyncio.Event()
        self.error = ""
        self.last_listed = 0.0
        self.lists = 0
        self._client = client
        self._handler = handler
        selection = selection or Selection()
        self._size = selection.page_size
        self._selection = {
            "namespace": selection.namespace,
            "label_selector": selection.label_selector,
            "field_selector": selection.field_selector,
        }
        self._keep = keep
        self._gate = gate or asyncio.Semaphore(1)
        self._version = ""
        self._again = asyncio.Event()
        self._awake = asyncio.Event()

    def get(self, name: str, *, namespace: str = "") -> Any:
        """Return what `keep` made of one object, or None."""
        return self.kept.get(f"{namespace}/{name}")

    def resync(self) -> None:
        """List everything again and hand every object to the handler, changed or not."""
        self._again.set()

    def wake(self) -> None:
        """Try at once what a pause after an error would try later."""
        self._awake.set()

    async def run(self) -> None:
        """List and watch until cancelled."""
        pause = FIRST_PAUSE
        while True:
            try:
                async with self._gate:
                    version = await self._list()
                pause = FIRST_PAUSE
                await self._watch_from(version)
            except ExpiredError:
                continue
            except PratiqueError as error:
                self.error = error.message
                pause = await self._rest(pause)

    async def _rest(self, pause: float) -> float:
        self._awake.clear()
        with suppress(TimeoutError):
            # Jitter is what keeps a fleet from returning as one (no secret depends on it).
            async with asyncio.timeout(pause * random.uniform(0.5, 1.5)):  # noqa: S311
                await self._awake.wait()
        return min(LONGEST_PAUSE, pause * 2)

    async def _list(self) -> str:
        """List everything, tell what differs from what we knew, and return the list's version."""
        all_of_it = self._again.is_set()
        self._again.clear()
        gone = set(self.versions)
        version = ""
        async with aclosing(self._client.pages(self.resource, size=self._size, **self._selection)) as pages:
            async for items, list_version in pages:
                version = version or list_version
                for item in items:
                    gone.discard(key_of(item))
                    self._met(item, "seen" if all_of_it else None)
                await asyncio.sleep(0)
        for key in gone:
            namespace, _, name = key.partition("/")
            self._lost(
                key,
                {
                    "apiVersion": self.resource.api_version,
                    "kind": self.resource.kind,
                    "metadata": {"name": name} | ({"namespace": namespace} if namespace else {}),
                },
            )
        self.error = ""
        self.last_listed = time.time()
        self.lists += 1
        self.synced.set()
        return version

    async def _watch_from(self, version: str) -> None:
        """Watch until the server forgets `version` or a resync is asked for."""
        pause = FIRST_PAUSE
        while not self._again.is_set():
            started = time.monotonic()
            watching = asyncio.ensure_future(self._watch(version))
            asking = asyncio.ensure_future(self._again.wait())
            try:
                await asyncio.wait({watching, asking}, return_when=asyncio.FIRST_COMPLETED)
                if not watching.done():
                    return
                version = watching.result()
                self.error = ""
            except ExpiredError:
                raise
            except PratiqueError as error:
                self.error = error.message
                version = self._version or version
            finally:
                asking.cancel()
                watching.cancel()
                with suppress(asyncio.CancelledError, PratiqueError):
                    await watching
            # A server that ends every watch at once must not be asked in a tight loop.
            pause = await self._rest(pause) if time.monotonic() - started < 1 else FIRST_PAUSE

    async def _watch(self, version: str) -> str:
        self._version = version
        seconds = 300 + random.randrange(120)  # noqa: S311 (spreads reconnects)
        async with aclosing(
            self._client.watch(
                self.resource, resource_version=version, timeout_seconds=seconds, **self._selection
            )
        ) as events:
            async for kind, obj in events:
                self._version = obj["metadata"].get("resourceVersion") or self._version
                if kind == "DELETED":
                    self._lost(key_of(obj), obj)
                elif kind != "BOOKMARK":
                    self._met(obj, None)
        return self._version

    def _met(self, obj: Object, unchanged: Change | None) -> None:
        key = key_of(obj)
        version = obj["metadata"].get("resourceVersion", "")
        known = self.versions.get(key)
        if known == version and unchanged is None:
            return
        self.versions[key] = version
        if self._keep is not None:
            self.kept[key] = self._keep(obj)
        if known == version and unchanged:
            self._handler(unchanged, obj)
        else:
            self._handler("added" if known is None else "modified", obj)

    def _lost(self, key: str, obj: Object) -> None:
        self.versions.pop(key, None)
        self.kept.pop(key, None)
        self._handler("deleted", obj)
