"""Create a CronJob's Jobs when they are due, and keep only the latest.

Source: `pkg/controller/cronjob/cronjob_controllerv2.go` of Kubernetes.
"""

from __future__ import annotations

import copy
import zoneinfo
from datetime import UTC, datetime

from pratique.devcluster.controllers import jobs
from pratique.devcluster.controllers.base import (
    Api,
    Controller,
    Object,
    copied,
    deleting,
    moment,
    name_of,
    namespace_of,
    owned_by,
    owner_reference,
    split,
    uid_of,
)
from pratique.devcluster.controllers.events import Recorder
from pratique.devcluster.validation import schedules
from pratique.kube import status

RESOURCE = "cronjobs.batch"
_LONGEST_SLEEP = 3600.0


class CronJobs(Controller):
    """The CronJob controller."""

    name = "cronjob-controller"
    watches = (RESOURCE, jobs.RESOURCE)
    kind = "CronJob"

    def __init__(self, api: Api) -> None:
        super().__init__(api)
        self._recorder = Recorder(api, self.name, self.user)

    async def sync(self, key: str) -> None:
        """Start what is due, forget old Jobs, and sleep until the next time."""
        namespace, name = split(key)
        owner = self.api.get(RESOURCE, name, namespace)
        if owner is None or deleting(owner):
            return
        own = [job for job in self.api.list(jobs.RESOURCE, namespace) if owned_by(job, owner)]
        await self._forget(owner, own)
        started = None
        if not owner["spec"].get("suspend"):
            started = await self._run_due(key, owner, own)
        await self._write_status(owner, started)

    async def _run_due(self, key: str, owner: Object, own: list[Object]) -> datetime | None:
        spec = owner["spec"]
        try:
            schedule = schedules.parse(spec["schedule"])
        except schedules.ScheduleError:
            return None
        zone = zoneinfo.ZoneInfo(spec["timeZone"]) if spec.get("timeZone") else UTC
        present = datetime.now(zone)
        last = moment((owner.get("status") or {}).get("lastScheduleTime"))
        begun = last or moment(owner["metadata"]["creationTimestamp"]) or present
        due, upcoming = None, schedule.next(begun.astimezone(zone))
        while upcoming is not None and upcoming <= present:
            due, upcoming = upcoming, schedule.next(upcoming)
        if upcoming is not None:
            self.queue.add_after(key, min(max((upcoming - present).total_seconds(), 0.1), _LONGEST_SLEEP))
        if due is None or self._too_late(spec, due, present):
            return None
        active = [job for job in own if not jobs.finished(job)]
        if active and spec.get("concurrencyPolicy") == "Forbid":
            said = "Not starting job because prior execution is running and concurrency policy is Forbid"
            await self._recorder.normal(owner, "JobAlreadyActive", said)
            return None
        if spec.get("concurrencyPolicy") == "Replace":
            for job in active:
                await self._delete(owner, job)
        await self._create(owner, due)
        return due

    def _too_late(self, spec: Object, due: datetime, present: datetime) -> bool:
        deadline = spec.get("startingDeadlineSeconds")
        return deadline is not None and (present - due).total_seconds() > int(deadline)

    async def _create(self, owner: Object, due: datetime) -> None:
        template = owner["spec"].get("jobTemplate") or {}
        metadata = copy.deepcopy(template.get("metadata") or {})
        stamp = due.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        metadata.update(
            name=f"{name_of(owner)}-{int(due.timestamp()) // 60}",
            namespace=namespace_of(owner),
            ownerReferences=[owner_reference(owner)],
            annotations={
                **(metadata.get("annotations") or {}),
                "batch.kubernetes.io/cronjob-scheduled-timestamp": stamp,
            },
        )
        job = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": metadata,
            "spec": copy.deepcopy(template.get("spec") or {}),
        }
        try:
            made = await self.api.create(jobs.RESOURCE, job, namespace=namespace_of(owner), user=self.user)
        except status.StatusError as error:
            if error.reason != "AlreadyExists":
                await self._recorder.warning(owner, "FailedCreate", f"Error creating job: {error.message}")
                raise
            return
        await self._recorder.normal(owner, "SuccessfulCreate", f"Created job {name_of(made)}")

    async def _forget(self, owner: Object, own: list[Object]) -> None:
        for kind, field, default in (
            ("Complete", "successfulJobsHistoryLimit", 3),
            ("Failed", "failedJobsHistoryLimit", 1),
        ):
            ended = [job for job in own if _has(job, kind) and not deleting(job)]
            ended.sort(key=lambda job: str((job.get("status") or {}).get("startTime", "")))
            limit = int(owner["spec"].get(field, default))
            for job in ended[: max(0, len(ended) - limit)]:
                await self._delete(owner, job)

    async def _delete(self, owner: Object, job: Object) -> None:
        await self.api.delete(
            jobs.RESOURCE,
            name_of(job),
            namespace=namespace_of(job),
            uid=uid_of(job),
            propagation="Background",
            user=self.user,
        )
        await self._recorder.normal(owner, "SuccessfulDelete", f"Deleted job {name_of(job)}")

    async def _write_status(self, owner: Object, started: datetime | None) -> None:
        current = self.api.get(RESOURCE, name_of(owner), namespace_of(owner))
        if current is None or uid_of(current) != uid_of(owner):
            return
        own = [job for job in self.api.list(jobs.RESOURCE, namespace_of(owner)) if owned_by(job, owner)]
        new = {k: v for k, v in (current.get("status") or {}).items() if k != "active"}
        # Jobs that somebody made by hand from the CronJob (`kubectl create job --from`) do not count.
        active = [_reference(job) for job in own if not jobs.finished(job) and not _manual(job)]
        if active:
            new["active"] = active
        if started is not None:
            new["lastScheduleTime"] = started.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        ends = [
            str((job.get("status") or {}).get("completionTime", "")) for job in own if _has(job, "Complete")
        ]
        latest = max([*ends, str(new.get("lastSuccessfulTime", ""))])
        if latest:
            new["lastSuccessfulTime"] = latest
        if new != (current.get("status") or {}):
            changed = copied(current)
            changed["status"] = new
            await self.api.update(RESOURCE, changed, subresource="status", user=self.user)


def _manual(job: Object) -> bool:
    return "cronjob.kubernetes.io/instantiate" in (job["metadata"].get("annotations") or {})


def _has(job: Object, kind: str) -> bool:
    items = (job.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == kind and c.get("status") == "True" for c in items)


def _reference(job: Object) -> Object:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": name_of(job),
        "namespace": namespace_of(job),
        "resourceVersion": job["metadata"]["resourceVersion"],
        "uid": uid_of(job),
    }
