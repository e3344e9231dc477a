"""The controllers of the embedded cluster: what kube-controller-manager does, as tasks in this process.

`Controllers(api, settings, ca=...)` starts one worker for each control loop; all read the store through the
API and write through admission like everybody else. They know no policies and no HTTP.
"""

from __future__ import annotations

import asyncio
from typing import Any

from pratique.devcluster.controllers.base import Api, Controller, Object
from pratique.devcluster.controllers.budgets import DisruptionBudgets, ResourceQuotas
from pratique.devcluster.controllers.cronjobs import CronJobs
from pratique.devcluster.controllers.daemonsets import DaemonSets
from pratique.devcluster.controllers.deployments import Deployments
from pratique.devcluster.controllers.endpoints import Endpoints
from pratique.devcluster.controllers.garbage import GarbageCollector
from pratique.devcluster.controllers.jobs import Jobs
from pratique.devcluster.controllers.namespaces import NamespaceContents, NamespaceDeletion
from pratique.devcluster.controllers.replicasets import ReplicaSets
from pratique.devcluster.controllers.roles import AggregatedRoles
from pratique.devcluster.controllers.statefulsets import StatefulSets

__all__ = ["Controllers"]


class Controllers:
    """All control loops of one cluster."""

    def __init__(self, api: Api, settings: Any, *, ca: str) -> None:
        self._api = api
        self._all: list[Controller] = [
            NamespaceContents(api, ca),
            NamespaceDeletion(api),
            GarbageCollector(api),
            Deployments(api),
            ReplicaSets(api),
            StatefulSets(api),
            DaemonSets(api),
            Jobs(api),
            CronJobs(api),
            DisruptionBudgets(api),
            ResourceQuotas(api),
            Endpoints(api),
            AggregatedRoles(api),
        ]
        self._started = False

    async def start(self) -> None:
        """Start all loops; each looks at everything that exists first."""
        self._api.subscribe(self._notice)
        for controller in self._all:
            controller.start()
        self._started = True

    async def stop(self) -> None:
        """Stop all loops."""
        self._started = False
        await asyncio.gather(*(controller.stop() for controller in self._all))

    def _notice(self, change: str, resource: str, obj: Object) -> None:
        if self._started:
            for controller in self._all:
                controller.notice(change, resource, obj)
