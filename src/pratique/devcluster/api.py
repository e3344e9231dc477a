"""The API server inside its own process: what controllers, the node and admission call.

Every write here takes the whole path (`writes`, `deletes`): typed, defaulted, admitted, validated, stored.
Objects that come out are shared and must not be changed. Knows no HTTP.
"""

from __future__ import annotations

from typing import Any

from pratique.devcluster.admission import Chain
from pratique.devcluster.custom.definitions import Definitions
from pratique.devcluster.deletes import DeleteOptions, Deletes
from pratique.devcluster.kinds import Kinds
from pratique.devcluster.registry import Registry, Resource
from pratique.devcluster.store import Store, Subscriber
from pratique.devcluster.users import API_SERVER, UserInfo
from pratique.devcluster.writes import Change, Context, Target, Writes
from pratique.kube import objects, status

Object = dict[str, Any]


class Api:
    """One cluster's API; `resource` is a key such as `pods` or `deployments.apps`."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.registry = Registry()
        self.kinds = Kinds(self.registry)
        self.chain = Chain(self, versions=self.versions)
        self.writes = Writes(store, self.kinds, self.chain)
        self.deletes = Deletes(store, self.kinds, self.chain)
        self.definitions = Definitions(self)

    async def close(self) -> None:
        """Close what admission holds open."""
        await self.chain.close()

    def versions(self, key: str) -> list[str]:
        """Return all versions in which a resource is served."""
        return [resource.version for resource in self.registry.served() if resource.key == key]

    def resource(self, key: str) -> Resource:
        """Return a resource by its key, in its storage version; 404 if it is not served."""
        resource = self.registry.by_key(key)
        if resource is None:
            raise status.no_such_path()
        return resource

    def resources(self) -> list[Resource]:
        """Return all resources whose objects are stored."""
        return self.registry.stored()

    def get(self, resource: str, name: str, namespace: str = "") -> Object | None:
        """Return a stored object, or None."""
        return self.store.get(resource, name, namespace)

    def list(self, resource: str, namespace: str = "") -> list[Object]:
        """Return stored objects of all namespaces, or of one."""
        return self.store.list(resource, namespace)

    def subscribe(self, callback: Subscriber) -> None:
        """Call back after each change."""
        self.store.subscribe(callback)

    async def create(
        self, resource: str, obj: Object, *, namespace: str = "", user: UserInfo = API_SERVER
    ) -> Object:
        """Create an object."""
        found = self.resource(resource)
        target = Target(found, namespace or objects.namespace(obj))
        return await self.writes.create(target, obj, _context(user))

    async def update(
        self, resource: str, obj: Object, *, subresource: str = "", user: UserInfo = API_SERVER
    ) -> Object:
        """Replace an object, or a subresource of it."""
        found = self.resource(resource)
        target = Target(found, objects.namespace(obj), objects.name(obj), subresource)
        change = Change(lambda old: obj, replaces=True)
        return await self.writes.update(target, change, _context(user))

    async def delete(
        self,
        resource: str,
        name: str,
        *,
        namespace: str = "",
        uid: str = "",
        propagation: str = "",
        grace: int | None = None,
        user: UserInfo = API_SERVER,
    ) -> None:
        """Delete an object."""
        target = Target(self.resource(resource), namespace, name)
        wire: Object = {"propagationPolicy": propagation} if propagation else {}
        options = DeleteOptions(grace=grace, propagation=propagation, uid=uid)
        await self.deletes.delete(target, options, _context(user, wire))


def _context(user: UserInfo, options: Object | None = None) -> Context:
    manager = user.username.rsplit(":", 1)[-1]
    return Context(user=user, manager=manager, options=options or {})
