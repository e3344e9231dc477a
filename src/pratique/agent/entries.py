"""One pod's entry in `status.byPod` of mutators, ExpansionTemplates, Providers and the Config.

In: keys of objects that something is to be said of, and what. Out: patches of the status subresource, one
at a time, only where they say something new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pratique.agent import status
from pratique.agent.queue import WorkQueue
from pratique.client.kube import KubeClient, Object
from pratique.client.resources import Resource

Key = tuple[Resource, str]
Say = Callable[[Key], tuple[Object, Object] | None]
"""Returns an object as last seen and what its entry says, or None when it is gone."""


class Entries:
    """Writes this pod's entries; `run` it as a task."""

    def __init__(self, client: KubeClient, *, pod: str, operations: Iterable[str]) -> None:
        self._client = client
        self._own: Object = {"id": pod, "operations": sorted(operations)}
        self._pods: set[str] | None = None
        self._said: dict[Key, Say] = {}
        self._queue: WorkQueue[Key] = WorkQueue(self._write, name="status", gather=status.GATHER_SECONDS)

    def follow(self, on_status: Callable[[Callable[[Key], None]], None], say: Say) -> None:
        """Write what `say` says of each key that `on_status` names."""

        def touched(key: Key) -> None:
            self._said[key] = say
            self._queue.add(key)

        on_status(touched)

    def keep(self, pods: set[str]) -> None:
        """Take the entries of all pods but these out of every status."""
        self._pods = pods
        for key in self._said:
            self._queue.add(key)

    async def run(self) -> None:
        """Write until cancelled."""
        await self._queue.run()

    async def _write(self, key: Key) -> None:
        said = self._said[key](key)
        if said is None:
            del self._said[key]
            return
        current, entry = said

        def wanted(found: Object) -> Object:
            return {"byPod": status.by_pod(found, self._own | entry, pods=self._pods)}

        if not await status.write(self._client, key[0], current, wanted):
            self._queue.add(key)
