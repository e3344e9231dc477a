"""The order of admission: built-in plugins, webhooks, and once more what the webhooks' changes call for."""

from __future__ import annotations

import copy
from collections.abc import Callable

from pratique.devcluster.admission import match, plugins
from pratique.devcluster.admission.attributes import Attributes, Cluster
from pratique.devcluster.admission.webhooks import Rounds, Webhooks


def _no_versions(_resource: str) -> list[str]:
    return []


class Chain:
    """Admission of one cluster; `versions` names all versions in which a resource is served."""

    def __init__(self, cluster: Cluster, *, versions: Callable[[str], list[str]] = _no_versions) -> None:
        self._cluster = cluster
        self._webhooks = Webhooks(cluster, versions)

    async def close(self) -> None:
        """Close the connections to webhooks."""
        await self._webhooks.close()

    async def mutate(self, attributes: Attributes) -> None:
        """Complete the object, and let mutating webhooks change it."""
        plugins.mutate(attributes, self._cluster)
        if attributes.group_resource not in match.EXEMPT:
            await self._webhook_rounds(attributes)
        plugins.allocate(attributes, self._cluster)

    async def _webhook_rounds(self, attributes: Attributes) -> None:
        rounds = Rounds()
        await self._webhooks.mutate(attributes, rounds)
        if not rounds.changed:
            return
        made = copy.deepcopy(attributes.object)
        plugins.mutate(attributes, self._cluster)
        if attributes.object != made:
            rounds.object_changed()
        rounds.second = True
        await self._webhooks.mutate(attributes, rounds)

    async def validate(self, attributes: Attributes) -> None:
        """Refuse what plugins or validating webhooks refuse."""
        plugins.validate(attributes, self._cluster)
        if attributes.group_resource not in match.EXEMPT:
            await self._webhooks.validate(attributes)
        plugins.count(attributes, self._cluster)
