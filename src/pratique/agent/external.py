"""The cluster's Providers: taken in for policies and mutators to ask, and told of in their status.

In: a watch of Providers. Out: a `client.providers.Providers` that knows them, and this pod's status entry of
each. Knows neither webhook nor audit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pratique.agent import logs, status
from pratique.agent.metrics import Metrics
from pratique.agent.status import now_text
from pratique.client import resources
from pratique.client.informer import Change, Informer
from pratique.client.kube import KubeClient, Object
from pratique.client.providers import Providers
from pratique.client.resources import Resource
from pratique.kube.providers import ProviderError


@dataclass(slots=True)
class _Known:
    obj: Object
    errors: list[Object] = field(default_factory=list)
    changed: str = ""
    """When the errors last became others; never, where there were none from the start."""
    since: str = field(default_factory=now_text)


class ExternalData:
    """Follows Providers; `run` it as a task."""

    def __init__(self, client: KubeClient, providers: Providers, *, metrics: Metrics) -> None:
        self.providers = providers
        self._metrics = metrics
        self._known: dict[str, _Known] = {}
        self._touched: list[Callable[[tuple[Resource, str]], None]] = []
        self._listeners: list[Callable[[], None]] = []
        self._informer = Informer(client, resources.PROVIDERS, handler=self._met)

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` at each change that may make verdicts old."""
        self._listeners.append(listener)

    def on_status(self, touched: Callable[[tuple[Resource, str]], None]) -> None:
        """Call `touched` when a Provider was taken in."""
        self._touched.append(touched)

    def entry(self, resource: Resource, name: str) -> tuple[Object, Object] | None:
        """Return a Provider, and what a pod's entry of its status says; None when it is gone."""
        known = self._known.get(name)
        if known is None:
            return None
        meta = known.obj["metadata"]
        entry: Object = {
            "providerUID": meta.get("uid", ""),
            "observedGeneration": meta.get("generation", 1),
        }
        entry |= status.flag("active", not known.errors)
        entry |= {"lastTransitionTime": known.changed} if known.changed else {}
        entry |= {"errors": known.errors} if known.errors else {"lastCacheUpdateTime": known.since}
        return known.obj, entry

    def unready(self) -> list[str]:
        """Return what has not been taken in yet since the start; a kind that is not served is not waited for."""
        informer = self._informer
        return [] if informer.synced.is_set() or informer.error else [informer.resource.full_name]

    async def run(self) -> None:
        """Follow the cluster until cancelled."""
        try:
            await self._informer.run()
        finally:
            await self.providers.close()

    def _met(self, change: Change, obj: Object) -> None:
        name = obj["metadata"]["name"]
        known = self._known.get(name)
        if change == "deleted":
            self._known.pop(name, None)
            self.providers.remove(name)
        elif known is not None and known.obj.get("spec") == obj.get("spec"):
            known.obj = obj
            return
        else:
            errors = self._put(obj)
            before = [error["message"] for error in known.errors] if known else []
            changed = known.changed if known else ""
            if [error["message"] for error in errors] != before:
                changed = now_text()
            self._known[name] = _Known(obj, errors, changed)
        for touched in self._touched:
            touched((resources.PROVIDERS, name))
        self._metrics.providers_counted(["error" if one.errors else "active" for one in self._known.values()])
        for listener in self._listeners:
            listener()

    def _put(self, obj: Object) -> list[Object]:
        name = obj["metadata"]["name"]
        try:
            self.providers.put(obj)
        except ProviderError as error:
            # What stood there before must not be asked in the name of a text that says something else.
            self.providers.remove(name)
            self._metrics.provider_failed()
            logs.warning("a provider is not in force", name=name, reason=error.render())
            at = now_text()
            return [
                {"type": "UpsertCache", "message": error.message, "retryable": True, "errorTimestamp": at}
            ]
        return []
