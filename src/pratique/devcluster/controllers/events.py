"""Write Events: a first one is created, the same again counts up.

Source: `k8s.io/client-go/tools/record`.
"""

from __future__ import annotations

import time

from pratique.devcluster.controllers.base import Api, Object, copied, name_of, namespace_of, now
from pratique.devcluster.users import UserInfo
from pratique.kube import status


class Recorder:
    """Writes the events of one component."""

    def __init__(self, api: Api, component: str, user: UserInfo, *, host: str = "") -> None:
        self._api = api
        self._user = user
        self._source = {"component": component, **({"host": host} if host else {})}
        self._known: dict[tuple[str, str, str, str], str] = {}

    async def normal(self, obj: Object, reason: str, message: str) -> None:
        """Tell that something went well."""
        await self._record(obj, "Normal", reason, message)

    async def warning(self, obj: Object, reason: str, message: str) -> None:
        """Tell that something went wrong."""
        await self._record(obj, "Warning", reason, message)

    async def _record(self, obj: Object, kind: str, reason: str, message: str) -> None:
        namespace = namespace_of(obj) or "default"
        key = (obj["metadata"]["uid"], kind, reason, message)
        known = self._api.get("events", self._known.get(key, ""), namespace) if key in self._known else None
        try:
            if known is not None:
                again = copied(known)
                again["count"] = int(again.get("count") or 1) + 1
                again["lastTimestamp"] = now()
                await self._api.update("events", again, user=self._user)
                return
            made = await self._api.create(
                "events", self._new(obj, kind, reason, message), namespace=namespace, user=self._user
            )
            self._known[key] = name_of(made)
        except status.StatusError:
            return  # as upstream: an event that cannot be written (its namespace ends) is dropped

    def _new(self, obj: Object, kind: str, reason: str, message: str) -> Object:
        moment = now()
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{name_of(obj)}.{time.time_ns():x}",
                "namespace": namespace_of(obj) or "default",
            },
            "involvedObject": {
                "kind": obj["kind"],
                "namespace": namespace_of(obj),
                "name": name_of(obj),
                "uid": obj["metadata"]["uid"],
                "apiVersion": obj["apiVersion"],
                "resourceVersion": obj["metadata"].get("resourceVersion", ""),
            },
            "reason": reason,
            "message": message,
            "source": self._source,
            "firstTimestamp": moment,
            "lastTimestamp": moment,
            "count": 1,
            "type": kind,
            "eventTime": None,
            "reportingComponent": self._source["component"],
            "reportingInstance": self._source.get("host", ""),
        }
