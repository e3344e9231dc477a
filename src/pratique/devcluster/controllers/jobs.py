"""Run a Job's pods until enough of them succeeded or too many failed.

Source: `pkg/controller/job/job_controller.go` of Kubernetes.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from pratique.devcluster.controllers import conditions, pods
from pratique.devcluster.controllers.base import (
    Api,
    Controller,
    Object,
    copied,
    deleting,
    moment,
    name_of,
    namespace_of,
    now,
    split,
    uid_of,
)
from pratique.devcluster.controllers.events import Recorder
from pratique.kube import status

RESOURCE = "jobs.batch"
_DONE = "Reached expected number of succeeded pods"


class Jobs(Controller):
    """The Job controller."""

    name = "job-controller"
    watches = (RESOURCE, "pods")
    kind = "Job"

    def __init__(self, api: Api) -> None:
        super().__init__(api)
        self._recorder = Recorder(api, self.name, self.user)
        self._pods = pods.PodControl(api, self.user, self._recorder)

    async def sync(self, key: str) -> None:
        """Start and stop pods, then write down what there is."""
        namespace, name = split(key)
        job = self.api.get(RESOURCE, name, namespace)
        if job is None or deleting(job):
            return
        if finished(job):
            await self._after_the_end(key, job)
            return
        await self._pods.adopt(job, job["spec"].get("selector"))
        failure: status.StatusError | None = None
        try:
            await self._step(job)
        except status.StatusError as error:
            failure = error
        await self._write_status(job)
        if failure is not None:
            raise failure

    async def _after_the_end(self, key: str, job: Object) -> None:
        ttl = job["spec"].get("ttlSecondsAfterFinished")
        if ttl is None:
            return
        ends = [
            moment(c.get("lastTransitionTime")) for c in (job.get("status") or {}).get("conditions") or ()
        ]
        last = max((end for end in ends if end is not None), default=datetime.now(UTC))
        left = int(ttl) - (datetime.now(UTC) - last).total_seconds()
        if left > 0:
            self.queue.add_after(key, left)
            return
        await self.api.delete(
            RESOURCE,
            name_of(job),
            namespace=namespace_of(job),
            uid=uid_of(job),
            propagation="Foreground",
            user=self.user,
        )

    async def _step(self, job: Object) -> None:
        spec = job["spec"]
        found = self._pods.claim(job, None)
        active = [pod for pod in found if pods.active(pod)]
        if spec.get("suspend"):
            await asyncio.gather(*(self._pods.delete(job, pod) for pod in active))
            return
        succeeded = sum(pods.phase(pod) == "Succeeded" for pod in found)
        if _verdict(job, found) is not None:
            await asyncio.gather(*(self._pods.delete(job, pod) for pod in active))
            return
        wanted = int(spec.get("parallelism", 1))
        if spec.get("completions") is not None:
            wanted = min(wanted, int(spec["completions"]) - succeeded)
        elif succeeded:
            wanted = len(active)
        if wanted > len(active):
            await self._start(job, found, wanted - len(active))
        for pod in sorted(active, key=pods.deletion_order)[: max(0, len(active) - wanted)]:
            await self._pods.delete(job, pod)

    async def _start(self, job: Object, found: list[Object], count: int) -> None:
        template = job["spec"]["template"]
        if job["spec"].get("completionMode") != "Indexed":
            await self._pods.create_many(job, template, count)
            return
        taken = {_index(pod) for pod in found if pods.phase(pod) != "Failed"}
        free = [at for at in range(int(job["spec"].get("completions") or 0)) if str(at) not in taken]
        for index in free[:count]:
            await self._pods.create(job, _indexed(template, job, index))

    async def _write_status(self, job: Object) -> None:
        current = self.api.get(RESOURCE, name_of(job), namespace_of(job))
        if current is None or uid_of(current) != uid_of(job):
            return
        old = current.get("status") or {}
        found = self._pods.claim(job, None)
        active = [pod for pod in found if pods.active(pod)]
        suspended = bool(job["spec"].get("suspend"))
        failed = [pod for pod in found if pods.phase(pod) == "Failed"]
        counts = {
            "active": len(active),
            "succeeded": sum(pods.phase(pod) == "Succeeded" for pod in found),
            "failed": len(failed),
        }
        verdict = _verdict(job, found)
        new: Object = {
            **{name: count for name, count in counts.items() if count},
            "ready": sum(map(pods.ready, active)),
            "terminating": sum(deleting(pod) and not _over(pod) for pod in found),
            "uncountedTerminatedPods": {},
        }
        if old.get("startTime") and not suspended:
            new["startTime"] = old["startTime"]
        elif not suspended:
            new["startTime"] = now()
        items = await self._conditions(current, suspended)
        if verdict is not None and not active:
            items = _ending(items, *verdict)
            if verdict[0] == "Complete":
                new["completionTime"] = now()
        if items:
            new["conditions"] = items
        if suspended and not old and not found:
            new = {"conditions": items} if items else {}
        if new != old:
            changed = copied(current)
            changed["status"] = new
            await self.api.update(RESOURCE, changed, subresource="status", user=self.user)
            await self._tell_the_end(job, verdict if not active else None)

    async def _conditions(self, job: Object, suspended: bool) -> list[Object]:
        items = list((job.get("status") or {}).get("conditions") or ())
        present = conditions.find(items, "Suspended")
        if suspended and (present is None or present.get("status") != "True"):
            await self._recorder.normal(job, "Suspended", "Job suspended")
            return conditions.put(items, _condition("Suspended", "True", "JobSuspended", "Job suspended"))
        if not suspended and present is not None and present.get("status") == "True":
            await self._recorder.normal(job, "Resumed", "Job resumed")
            return conditions.put(items, _condition("Suspended", "False", "JobResumed", "Job resumed"))
        return items

    async def _tell_the_end(self, job: Object, verdict: tuple[str, str, str] | None) -> None:
        if verdict is None:
            return
        kind, reason, message = verdict
        if kind == "Complete":
            await self._recorder.normal(job, "Completed", "Job completed")
        else:
            await self._recorder.warning(job, reason, message)


def _verdict(job: Object, found: list[Object]) -> tuple[str, str, str] | None:
    """Return how the Job ends, with reason and message; None while it goes on."""
    spec = job["spec"]
    failed = sum(pods.phase(pod) == "Failed" for pod in found)
    restarts = sum(
        c.get("restartCount", 0)
        for pod in found
        for c in (pod.get("status") or {}).get("containerStatuses") or ()
    )
    if failed + restarts > int(spec.get("backoffLimit", 6)):
        return "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    begun = moment((job.get("status") or {}).get("startTime"))
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and begun is not None:
        seconds = (datetime.now(UTC) - begun).total_seconds()
        if seconds >= int(deadline):
            return "Failed", "DeadlineExceeded", "Job was active longer than specified deadline"
    succeeded = sum(pods.phase(pod) == "Succeeded" for pod in found)
    active = sum(pods.active(pod) for pod in found)
    wanted = spec.get("completions")
    done = succeeded >= int(wanted) if wanted is not None else succeeded > 0 and active == 0
    return ("Complete", "CompletionsReached", _DONE) if done else None


def _condition(kind: str, value: str, reason: str, message: str) -> Object:
    return {**conditions.build(kind, value, reason, message), "lastProbeTime": now()}


def _ending(items: list[Object], kind: str, reason: str, message: str) -> list[Object]:
    before = "SuccessCriteriaMet" if kind == "Complete" else "FailureTarget"
    for each in (before, kind):
        items = conditions.put(items, _condition(each, "True", reason, message))
    return items


def finished(job: Object) -> bool:
    """Tell whether a Job has ended, well or not."""
    items = (job.get("status") or {}).get("conditions") or ()
    return any(c.get("type") in ("Complete", "Failed") and c.get("status") == "True" for c in items)


def _over(pod: Object) -> bool:
    return pods.phase(pod) in ("Succeeded", "Failed")


_INDEX = "batch.kubernetes.io/job-completion-index"


def _index(pod: Object) -> str:
    return str((pod["metadata"].get("annotations") or {}).get(_INDEX, ""))


def _indexed(template: Object, job: Object, index: int) -> Object:
    made = copied(template)
    metadata = made.setdefault("metadata", {})
    for part in ("annotations", "labels"):
        metadata[part] = {**(metadata.get(part) or {}), _INDEX: str(index)}
    made["spec"]["hostname"] = f"{name_of(job)}-{index}"
    variable = {
        "name": "JOB_COMPLETION_INDEX",
        "valueFrom": {"fieldRef": {"fieldPath": f"metadata.labels['{_INDEX}']"}},
    }
    for container in made["spec"].get("containers") or ():
        container["env"] = [*(container.get("env") or ()), dict(variable)]
    return made
