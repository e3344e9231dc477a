"""The continuous audit: everything that exists and that a constraint could match is judged as it changes.

In: watches of all kinds that constraints name, the cluster's policies. Out: `Records`, and for each kind
how many objects there are, when they were last listed and what went wrong. An object is judged when it
changes; all of a kind when a constraint on it changes; everything at each interval. Knows nothing of the
service.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pratique.agent import logs
from pratique.agent.cluster import Cluster, PolicyChange, kinds_of
from pratique.agent.metrics import ACTIONS, Metrics
from pratique.agent.records import ObjectKey, Records
from pratique.client.informer import Change, Informer, Selection
from pratique.client.kube import KubeClient, Object
from pratique.client.providers import Providers
from pratique.client.resources import Discovery, Resource
from pratique.constraint import Review, Violation, expansion
from pratique.constraint.expansion import Expander
from pratique.errors import PratiqueError
from pratique.kube.providers import UnansweredError

POINT = "audit.gatekeeper.sh"
# Changes come in bursts (a template, its constraint, three assignments): one listing answers them all.
GATHER_SECONDS = 0.05
# How many kinds are listed at the same time, so that a start does not flood the API server.
CONCURRENT_LISTS = 8
# A namespace's or the inventory's changes may make any verdict old. Judging everything again for them
# takes at most a tenth of the time.
DUTY = 10


# What a template's text has in it that reads what changed.
_LOOKED_UP = {"inventory": "inventory", "external": "external_data"}
_Verdict = tuple[list[tuple[str, str]], list[Violation]]


@dataclass(slots=True)
class _Watch:
    informer: Informer
    task: asyncio.Task[None]
    waiting: dict[str, dict[str, Object]] = field(default_factory=dict)


def now_text() -> str:
    """Return this moment as RFC 3339 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Audit:
    """Judges what exists; `run` it as a task while this process is the leader."""

    def __init__(
        self,
        client: KubeClient,
        cluster: Cluster,
        records: Records,
        *,
        metrics: Metrics,
        chunk_size: int = 500,
        expander: Expander | None = None,
        providers: Providers | None = None,
    ) -> None:
        """Judge with an `expander` also what objects would generate, asking `providers`."""
        self.records = records
        self.last_run = ""
        self.on_sweep: list[Callable[[], None]] = []
        self._client = client
        self._cluster = cluster
        self._metrics = metrics
        self._chunk = chunk_size
        self._expander = expander or Expander()
        self._providers = providers or Providers()
        self._watches: dict[Resource, _Watch] = {}
        self._discovery: Discovery | None = None
        self._pending: dict[PolicyChange, None] = {}
        self._changed = asyncio.Event()
        self._tasks: asyncio.TaskGroup | None = None
        self._parents: frozenset[tuple[str, str]] = frozenset()
        self._sweep_took = 0.0
        self._adjusted = False
        self._gate = asyncio.Semaphore(CONCURRENT_LISTS)
        cluster.listen(self._policy_changed)

    @property
    def complete(self) -> bool:
        """Whether every kind was listed (or failed) and judged since the start."""
        return (
            self._adjusted
            and not self._pending
            and all(
                watch.informer.synced.is_set() or watch.informer.error for watch in self._watches.values()
            )
        )

    def coverage(self) -> list[Object]:
        """Return for each kind: objects, when it was last listed, and what went wrong."""
        rows = [
            {
                "group": resource.group,
                "version": resource.version,
                "kind": resource.kind,
                "objects": len(watch.informer.versions),
                "lastListed": _stamp(watch.informer.last_listed),
                "error": watch.informer.error,
            }
            for resource, watch in self._watches.items()
        ]
        for group_version in self._discovery.failed if self._discovery else ():
            group, _, version = group_version.rpartition("/")
            error = "its API server does not answer, so its kinds are unknown"
            rows.append(
                {
                    "group": group,
                    "version": version,
                    "kind": "*",
                    "objects": 0,
                    "lastListed": "",
                    "error": error,
                }
            )
        return sorted(rows, key=lambda row: (row["group"], row["kind"]))

    async def run(self, interval: float) -> None:
        """Watch and judge until cancelled; every `interval` seconds (0: never) everything again."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            self._pending[PolicyChange("served")] = None
            self._changed.set()
            tasks.create_task(self._follow_policies())
            if interval:
                tasks.create_task(self._sweep(interval))

    # ── when to judge ────────────────────────────────────────────────────────────────────────────

    def _policy_changed(self, change: PolicyChange) -> None:
        if change.what == "removed":
            self.records.drop_constraint(change.constraint)
        elif change.what == "namespace":
            self._namespace_came(change.constraint[1])
        self._pending[change] = None
        self._changed.set()

    async def _follow_policies(self) -> None:
        later: set[frozenset[tuple[str, str]] | None] = set()
        quiet_until = 0.0
        while True:
            # What happens all the time has to wait for its turn; a new policy has not.
            wait = max(0.0, quiet_until - time.monotonic()) if later else None
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._changed.clear()
            changes, self._pending = self._pending, {}
            try:
                await self._adjust(fresh=any(change.what == "served" for change in changes))
            except PratiqueError as error:
                logs.warning("the audit cannot see what the cluster serves", reason=error.message)
                self._pending = changes | self._pending
                await asyncio.sleep(1)
                self._changed.set()
                continue
            self._adjusted = True
            at_once = [self._with_parents(change.kinds) for change in changes if change.what == "constraint"]
            later |= {pairs for change in changes for pairs in self._in_turn(change)}
            due = time.monotonic() >= quiet_until
            self._settle_later(changes)
            for resource, watch in self._watches.items():
                if any(_concerned(resource, pairs) for pairs in (*at_once, *(later if due else ()))):
                    watch.informer.resync()
            if later and due:
                later = set()
                quiet_until = time.monotonic() + max(1.0, DUTY * self._sweep_took)

    def _settle_later(self, changes: Iterable[PolicyChange]) -> None:
        """Call constraints judged when all that they could match was, for there may be nothing."""
        assert self._tasks is not None
        known = self._cluster.constraints
        new = {change.constraint for change in changes if change.what == "constraint"}
        if any(change.what == "served" for change in changes):
            new |= set(known)
        for constraint in new & set(known):
            kinds = self._with_parents(kinds_of(known[constraint].obj))
            watches = {
                resource: watch.informer.lists
                for resource, watch in self._watches.items()
                if _concerned(resource, kinds)
            }
            self._tasks.create_task(self._settle(constraint, watches))

    async def _settle(self, constraint: tuple[str, str], lists: Mapping[Resource, int]) -> None:
        await self._listed(lists)
        watches = [self._watches[resource] for resource in lists if resource in self._watches]
        if constraint in self._cluster.constraints and not any(one.informer.error for one in watches):
            self.records.settle(constraint)

    async def _listed(self, lists: Mapping[Resource, int]) -> None:
        """Wait until kinds are listed once more, each having been so many times; one that fails is not waited for."""
        while any(
            watch.informer.lists == lists[resource] and not watch.informer.error
            for resource, watch in self._watches.items()
            if resource in lists
        ):
            await asyncio.sleep(0.05)

    def _in_turn(self, change: PolicyChange) -> list[frozenset[tuple[str, str]] | None]:
        """Return the kinds whose objects a change of the surroundings may concern; None is every kind."""
        if change.what == "exclusions":
            return [None]
        if change.what == "expansion":
            # Also those that generate nothing any more: their old verdicts must go.
            before, self._parents = self._parents, frozenset(self._expander.parents({("*", "*")}))
            return [before | self._parents]
        known = self._cluster.constraints
        if change.what == "namespace":
            return [
                kinds_of(one.obj)
                for one in known.values()
                if "namespaceSelector" in ((one.obj.get("spec") or {}).get("match") or {})
            ]
        if change.what in _LOOKED_UP:
            word = _LOOKED_UP[change.what]
            looking = {
                name
                for name, template in self._cluster.templates.items()
                if word in str((template.obj.get("spec") or {}).get("targets"))
            }
            return [kinds_of(one.obj) for (kind, _), one in known.items() if kind.lower() in looking]
        return []

    def _with_parents(self, pairs: frozenset[tuple[str, str]] | None) -> frozenset[tuple[str, str]] | None:
        """Return kinds and those that generate them: a verdict on a Pod is also one on its Deployment."""
        return None if pairs is None else pairs | self._expander.parents(pairs)

    async def _sweep(self, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            await self.sweep()

    async def sweep(self) -> None:
        """List and judge everything again, wait for the end, and tell `on_sweep`."""
        started, began = time.time(), time.monotonic()
        self._metrics.audit_started.set(started)
        before = {resource: watch.informer.lists for resource, watch in self._watches.items()}
        for watch in self._watches.values():
            watch.informer.resync()
        await self._listed(before)
        self._sweep_took = time.monotonic() - began
        self.last_run = _stamp(started)
        self._metrics.audit_ended.set(time.time())
        self._metrics.audit_seconds.observe(self._sweep_took)
        self.count()
        logs.info(
            "audit finished",
            process="audit",
            event_type="audit_finished",
            kinds=len(self._watches),
            records=len(self.records.open),
            seconds=round(self._sweep_took, 3),
        )
        for told in self.on_sweep:
            told()

    def count(self) -> None:
        """Bring the gauges of violations up to date."""
        counts = dict.fromkeys(ACTIONS, 0)
        for record in self.records.open.values():
            counts[record.action if record.action in counts else "unrecognized"] += 1
        for action, count in counts.items():
            self._metrics.violations.labels(action).set(count)
        self._metrics.open_records.set(len(self.records.open))

    # ── what to watch ────────────────────────────────────────────────────────────────────────────

    async def _adjust(self, *, fresh: bool) -> None:
        """Watch exactly the kinds that a constraint could match and that the cluster serves."""
        self._discovery = await self._client.discover(fresh=fresh or self._discovery is None)
        pairs = self._cluster.library.match_kinds()
        pairs |= self._expander.parents(pairs)
        wanted = {
            resource
            for resource in self._discovery.preferred()
            if {"list", "watch"} <= resource.verbs and _concerned(resource, pairs)
        }
        for resource in set(self._watches) - wanted:
            self._watches.pop(resource).task.cancel()
            self.records.drop_kind(resource.group, resource.kind)
        for resource in sorted(wanted - set(self._watches), key=lambda one: one.full_name):
            self._start(resource)
        self._metrics.intended.set(len(wanted))
        self._metrics.watched.set(len(self._watches))

    def _start(self, resource: Resource) -> None:
        assert self._tasks is not None

        def judge(change: Change, obj: Object) -> None:
            self._judge(resource, change, obj)

        informer = Informer(
            self._client,
            resource,
            handler=judge,
            selection=Selection(page_size=self._chunk),
            gate=self._gate,
        )
        self._watches[resource] = _Watch(informer, self._tasks.create_task(informer.run()))

    # ── judging ──────────────────────────────────────────────────────────────────────────────────

    def _judge(self, resource: Resource, change: Change, obj: Object) -> None:
        meta = obj["metadata"]
        name, space = meta["name"], meta.get("namespace", "")
        subject: ObjectKey = (resource.group, resource.version, resource.kind, space, name)
        is_namespace = resource.kind == "Namespace" and not resource.group
        if change == "deleted" or self._cluster.exclusions.excluded("audit", name if is_namespace else space):
            self.records.drop(subject)
            return
        namespace = self._cluster.namespaces.get(space) if space else None
        if space and namespace is None:
            # Its namespace is told by another watch, a moment later.
            self._watches[resource].waiting.setdefault(space, {})[name] = obj
            return
        review = Review.from_object(obj, namespace=namespace, source="Original")
        try:
            self._put(subject, meta, self._providers.attempt(lambda: self._verdict(review)))
        except UnansweredError:
            assert self._tasks is not None  # only informers of the group call this
            self._tasks.create_task(self._judge_later(resource, subject, meta, review))

    async def _judge_later(
        self, resource: Resource, subject: ObjectKey, meta: Object, review: Review
    ) -> None:
        """Judge an object when providers have answered; unless it is another one by then."""
        try:
            verdict = await self._providers.complete(lambda: self._verdict(review))
        except PratiqueError as error:
            logs.warning("an object could not be judged", name=meta["name"], reason=error.message)
            return
        watch = self._watches.get(resource)
        key = f"{meta.get('namespace', '')}/{meta['name']}"
        if watch is not None and watch.informer.versions.get(key) == meta.get("resourceVersion", ""):
            self._put(subject, meta, verdict)

    def _put(self, subject: ObjectKey, meta: Object, verdict: _Verdict) -> None:
        matched, violations = verdict
        self.records.put(
            subject, uid=meta.get("uid", ""), matched=matched, violations=violations, now=now_text()
        )

    def _verdict(self, review: Review) -> _Verdict:
        # Gatekeeper drops all that is known of an object that cannot be expanded (gatekeeper.md 1.11).
        return expansion.judge(self._cluster.library, self._expander, review, point=POINT, anyway=True)

    def _namespace_came(self, name: str) -> None:
        for resource, watch in self._watches.items():
            for obj in watch.waiting.pop(name, {}).values():
                if f"{name}/{obj['metadata']['name']}" in watch.informer.versions:
                    self._judge(resource, "added", obj)


def _concerned(resource: Resource, pairs: set[tuple[str, str]] | frozenset[tuple[str, str]] | None) -> bool:
    return pairs is None or any(
        group in ("*", resource.group) and kind in ("*", resource.kind) for group, kind in pairs
    )


def _stamp(seconds: float) -> str:
    if not seconds:
        return ""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
