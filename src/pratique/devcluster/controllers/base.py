"""What all controllers share: the API as they use it, one worker each, small facts about objects.

A controller names the resources that wake it (`watches`), turns a change into keys (`keys_for`, usually
`namespace/name` of its own kind) and makes the world fit in `sync`. The store is read at each sync, so there
are no caches to wait for.
"""

from __future__ import annotations

import asyncio
import copy
import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar, Protocol

from pratique.devcluster.controllers.queue import Queue
from pratique.devcluster.users import UserInfo
from pratique.kube import selectors, status

Object = dict[str, Any]
Subscriber = Callable[[str, str, Object], None]
log = logging.getLogger(__name__)


class Api(Protocol):
    """The API server as it is used inside its own process; every write goes through admission."""

    def get(self, resource: str, name: str, namespace: str = "") -> Object | None:
        """Return a stored object (shared: never to be changed), or None."""

    def list(self, resource: str, namespace: str = "") -> list[Object]:
        """Return stored objects of all namespaces, or of one."""

    async def create(self, resource: str, obj: Object, *, namespace: str = "", user: UserInfo) -> Object:
        """Create an object."""

    async def update(self, resource: str, obj: Object, *, subresource: str = "", user: UserInfo) -> Object:
        """Replace an object, or a subresource of it."""

    async def delete(
        self,
        resource: str,
        name: str,
        *,
        namespace: str = "",
        uid: str = "",
        propagation: str = "",
        grace: int | None = None,
        user: UserInfo,
    ) -> None:
        """Delete an object."""

    def subscribe(self, callback: Subscriber) -> None:
        """Call back after each change."""

    def resources(self) -> Sequence[Any]:
        """Return all resources whose objects are stored."""


def service_account(name: str) -> UserInfo:
    """Return a controller's identity."""
    groups = ("system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated")
    return UserInfo(f"system:serviceaccount:kube-system:{name}", groups, "", {})


class Controller:
    """One control loop. Subclasses set `name`, `watches` and `kind`, and write `sync`.

    The first that a controller watches is its own resource, whose kind is `kind`; the others wake it for their owners.
    """

    name: ClassVar[str]
    watches: ClassVar[tuple[str, ...]]
    kind: ClassVar[str] = ""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.user = service_account(self.name)
        self.queue = Queue()
        self._task: asyncio.Task[None] | None = None

    def keys_for(self, change: str, resource: str, obj: Object) -> Iterable[str]:
        """Return the keys that a change concerns: the object itself, or the one that controls it."""
        if resource == self.watches[0]:
            return [key_of(obj)]
        owner = controller_of(obj)
        if owner is None or owner.get("kind") != self.kind:
            return []
        return [f"{namespace_of(obj)}/{owner['name']}"]

    async def sync(self, key: str) -> None:
        """Make the world fit for one key."""
        raise NotImplementedError

    def notice(self, change: str, resource: str, obj: Object) -> None:
        """Queue what a change concerns."""
        if resource in self.watches:
            for key in self.keys_for(change, resource, obj):
                self.queue.add(key)

    def start(self) -> None:
        """Look at everything that exists, then work until stopped."""
        for resource in self.watches:
            for obj in self.api.list(resource):
                self.notice("ADDED", resource, obj)
        self._task = asyncio.get_running_loop().create_task(self._work(), name=self.name)

    async def stop(self) -> None:
        """End the worker."""
        self.queue.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            key = await self.queue.get()
            try:
                await self.sync(key)
            except asyncio.CancelledError:
                raise
            except status.StatusError as error:
                if error.code not in (404, 409):  # gone, or changed meanwhile: the next change tells
                    log.debug("%s: %s: %s", self.name, key, error)
                self.queue.failed(key)
            except Exception:
                log.exception("%s: %s", self.name, key)
                self.queue.failed(key)
            else:
                self.queue.forget(key)


def key_of(obj: Object) -> str:
    """Return `namespace/name`, or the name alone of a cluster-scoped object."""
    metadata = obj["metadata"]
    namespace = metadata.get("namespace", "")
    return f"{namespace}/{metadata['name']}" if namespace else str(metadata["name"])


def split(key: str) -> tuple[str, str]:
    """Return namespace and name of a key."""
    namespace, _, name = key.rpartition("/")
    return namespace, name


def name_of(obj: Object) -> str:
    """Return an object's name."""
    return str(obj["metadata"]["name"])


def namespace_of(obj: Object) -> str:
    """Return an object's namespace, empty for a cluster-scoped one."""
    return str(obj["metadata"].get("namespace", ""))


def uid_of(obj: Object) -> str:
    """Return an object's UID."""
    return str(obj["metadata"]["uid"])


def deleting(obj: Object) -> bool:
    """Tell whether an object is on its way out."""
    return bool(obj["metadata"].get("deletionTimestamp"))


def controller_of(obj: Object) -> Object | None:
    """Return the owner reference of the object's controller, if it has one."""
    owners = obj["metadata"].get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), None)


def owner_reference(owner: Object) -> Object:
    """Return the reference by which a controller owns what it makes."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name_of(owner),
        "uid": uid_of(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def owned_by(obj: Object, owner: Object) -> bool:
    """Tell whether `owner` controls an object."""
    reference = controller_of(obj)
    return reference is not None and reference.get("uid") == uid_of(owner)


def selects(selector: Object | None, obj: Object) -> bool:
    """Tell whether a label selector selects an object."""
    labels = obj["metadata"].get("labels") or {}
    return bool(selectors.compile_selector(selector or {})(labels))


def now() -> str:
    """Return the present time as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def now_micro() -> str:
    """Return the present time with microseconds, as leases and event series have it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(text: object) -> datetime | None:
    """Return the moment that a time stamp names."""
    return datetime.fromisoformat(text) if isinstance(text, str) and text else None


def condition(obj: Object, kind: str) -> Object | None:
    """Return an object's condition of a type."""
    found = (obj.get("status") or {}).get("conditions") or ()
    return next((item for item in found if item.get("type") == kind), None)


def copied(obj: Object) -> Object:
    """Return an object of one's own that may be changed."""
    return copy.deepcopy(obj)
