"""What admission is told about a request, and what it may ask of the cluster. No behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from pratique.devcluster.users import UserInfo

Object = dict[str, Any]


@dataclass(slots=True)
class Attributes:
    """One request on its way to the store; mutating admission changes `object`, all may add `warnings`.

    `kind`, `version` and `resource` are those of the request. `object` is None on DELETE, `old_object` on
    CREATE. `options` is the CreateOptions, UpdateOptions or DeleteOptions of the request.
    """

    operation: str
    group: str
    version: str
    resource: str
    subresource: str
    kind: tuple[str, str, str]
    namespace: str
    name: str
    object: Object | None
    old_object: Object | None
    options: Object
    user: UserInfo
    dry_run: bool = False
    warnings: list[str] = field(default_factory=list)

    @property
    def group_resource(self) -> str:
        """Return `deployments.apps` or `pods`."""
        return f"{self.resource}.{self.group}" if self.group else self.resource


class Cluster(Protocol):
    """The part of the API that admission reads; `resource` is `pods` or `deployments.apps`."""

    def get(self, resource: str, name: str, namespace: str = "") -> Object | None:
        """Return a stored object (shared: never to be changed), or None."""

    def list(self, resource: str, namespace: str = "") -> list[Object]:
        """Return stored objects of all namespaces, or of one."""
