"""What scheduler and kubelet do with pods: bind, run or show, report, end.

A pod with an image that the settings map to a command becomes local processes; every other image is shown
Running and runs nothing. Pods of Jobs that are only shown succeed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pratique.devcluster.controllers.base import (
    Api,
    Controller,
    Object,
    controller_of,
    copied,
    deleting,
    key_of,
    name_of,
    namespace_of,
    now,
    split,
    uid_of,
)
from pratique.devcluster.controllers.events import Recorder
from pratique.devcluster.node import environment, process, scheduler, statuses
from pratique.devcluster.node.addresses import Addresses
from pratique.devcluster.node.runner import Runner
from pratique.kube import status

_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "PYTHONPATH", "VIRTUAL_ENV")
TOKEN_FOLDER = "KUBERNETES_SERVICEACCOUNT_DIR"  # noqa: S105 -- a variable's name, not a secret
_LAST_WORDS = 1.0  # seconds that processes have to end when the whole cluster ends


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the node gives to the processes that it runs."""

    node_name: str
    host: str
    server: tuple[str, int]
    ca: str
    token: Callable[[str, str], str]
    images: Mapping[str, Sequence[str]]
    folder: Path


@dataclass(slots=True)
class _Running:
    """A pod's processes."""

    uid: str
    address: str
    folder: Path
    runners: dict[str, Runner]
    told: list[tuple[str, str, str]] = field(default_factory=list)
    ending: asyncio.Task[None] | None = None


class Kubelet(Controller):
    """The control loop of the node; keys are pods."""

    name = "kubelet"
    watches = ("pods", "nodes")

    def __init__(self, api: Api, surroundings: Surroundings) -> None:
        super().__init__(api)
        self._around = surroundings
        self._recorder = Recorder(api, "kubelet", self.user, host=surroundings.node_name)
        self._scheduler = Recorder(api, "default-scheduler", self.user)
        self._addresses = Addresses()
        self._pods: dict[str, _Running] = {}

    def keys_for(self, change: str, resource: str, obj: Object) -> Iterable[str]:
        """Return the pod; after a change of the node, those that wait for one."""
        if resource == "pods":
            return [key_of(obj)]
        return [key_of(p) for p in self.api.list("pods") if not (p.get("spec") or {}).get("nodeName")]

    async def take_up(self) -> None:
        """Start the processes of pods that an earlier run left, and show at once that they are not ready yet.

        What the store says of them is the state before that run ended; nobody may take it for the present one.
        """
        for pod in self.api.list("pods"):
            if self._mapped(pod) and not deleting(pod):
                with contextlib.suppress(status.StatusError):  # the loop tries again
                    await self.sync(key_of(pod))

    async def stop(self) -> None:
        """End the loop and all processes."""
        await super().stop()
        # No request will come any more, so there is nothing that they would have to wait for.
        await asyncio.gather(*(self._end(key, _LAST_WORDS) for key in list(self._pods)))

    async def sync(self, key: str) -> None:
        """Take a pod one step further."""
        namespace, name = split(key)
        pod = self.api.get("pods", name, namespace)
        running = self._pods.get(key)
        if pod is None or (running is not None and running.uid != uid_of(pod)):
            self._release(key)
            if pod is None:
                return
        spec = pod["spec"]
        if not spec.get("nodeName"):
            await self._schedule(pod)
        elif spec["nodeName"] != self._around.node_name:
            return
        elif deleting(pod):
            await self._delete(key, pod)
        elif self._mapped(pod):
            await self._run(key, pod)
        else:
            await self._show(pod)

    def _mapped(self, pod: Object) -> bool:
        return any(c.get("image") in self._around.images for c in pod["spec"].get("containers") or ())

    # -- the scheduler's part

    async def _schedule(self, pod: Object) -> None:
        node = self.api.get("nodes", self._around.node_name)
        if node is None or deleting(pod) or pod["spec"].get("schedulingGates"):
            return
        problem = scheduler.refusal(pod, node)
        if problem is None:
            changed = copied(pod)
            changed["spec"]["nodeName"] = self._around.node_name
            await self.api.update("pods", changed, subresource="binding", user=self.user)
            return
        said = f"0/1 nodes are available: 1 {problem}."
        found = (pod.get("status") or {}).get("conditions") or ()
        if any(c.get("type") == "PodScheduled" and c.get("message") == said for c in found):
            return
        changed = copied(pod)
        kept = [c for c in found if c.get("type") != "PodScheduled"]
        condition = {
            "type": "PodScheduled",
            "status": "False",
            "lastProbeTime": None,
            "lastTransitionTime": now(),
            "reason": "Unschedulable",
            "message": said,
        }
        changed["status"]["conditions"] = [*kept, condition]
        await self.api.update("pods", changed, subresource="status", user=self.user)
        await self._scheduler.warning(pod, "FailedScheduling", said)

    # -- pods that are only shown

    async def _show(self, pod: Object) -> None:
        old = pod.get("status") or {}
        if old.get("phase") in ("Succeeded", "Failed"):
            return
        known = {c["name"]: c for c in old.get("containerStatuses") or ()}
        done = old.get("phase") == "Running" and (controller_of(pod) or {}).get("kind") == "Job"
        containers = []
        for container in pod["spec"].get("containers") or ():
            before = known.get(container["name"], {}).get("state", {}).get("running", {})
            since = before.get("startedAt") or now()
            state = statuses.terminated(0, since) if done else statuses.running(since)
            containers.append(
                statuses.Container(
                    container["name"], container.get("image", ""), state, {}, not done, not done
                )
            )
        address = old.get("podIP") or self._addresses.shown()
        await self._report(pod, statuses.build(pod, containers, address=address, host=self._around.host))

    async def _report(self, pod: Object, new: Object) -> None:
        current = self.api.get("pods", name_of(pod), namespace_of(pod))
        if current is None or uid_of(current) != uid_of(pod) or (current.get("status") or {}) == new:
            return
        changed = copied(current)
        changed["status"] = new
        await self.api.update("pods", changed, subresource="status", user=self.user)

    # -- pods that are processes

    async def _run(self, key: str, pod: Object) -> None:
        running = self._pods.get(key)
        if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            return
        if running is None:
            running = self._pods[key] = self._launch(key, pod)
        containers = []
        for container in pod["spec"].get("containers") or ():
            runner = running.runners.get(container["name"])
            shown = statuses.Container(
                container["name"], container.get("image", ""), statuses.running(), {}, True, True
            )
            containers.append(runner.state if runner is not None else shown)
        new = statuses.build(pod, containers, address=running.address, host=self._around.host)
        await self._report(pod, new)
        told, running.told = running.told, []
        for kind, reason, message in told:
            tell = self._recorder.warning if kind == "Warning" else self._recorder.normal
            await tell(pod, reason, message)

    def _launch(self, key: str, pod: Object) -> _Running:
        old = pod.get("status") or {}
        address = self._addresses.take(uid_of(pod), str(old.get("podIP", "")))
        running = _Running(uid_of(pod), address, self._around.folder / uid_of(pod), {})
        known = {c["name"]: c for c in old.get("containerStatuses") or ()}
        for container in pod["spec"].get("containers") or ():
            if container.get("image") not in self._around.images:
                continue

            def changed(kind: str, reason: str, message: str) -> None:
                if reason:
                    running.told.append((kind, reason, message))
                self.queue.add(key)

            runner = Runner(
                container,
                policy=str(pod["spec"].get("restartPolicy", "Always")),
                command=self._command(pod, container, running),
                log=running.folder / f"{container['name']}.log",
                address=address,
                changed=changed,
            )
            before = known.get(container["name"])
            if before is not None and before.get("state", {}).get("running"):
                # The cluster was down meanwhile: its processes ended with it.
                runner.state.restarts = int(before.get("restartCount", 0)) + 1
                runner.state.last = statuses.terminated(0, before["state"]["running"]["startedAt"])
            running.runners[container["name"]] = runner
            runner.start()
        return running

    def _command(self, pod: Object, container: Object, running: _Running) -> Callable[[], process.Command]:
        def build() -> process.Command:
            account = self._account_folder(pod, running.folder)
            live = copied(pod)
            live.setdefault("status", {}).update(
                podIP=running.address, podIPs=[{"ip": running.address}], hostIP=self._around.host
            )
            host, port = self._around.server
            declared = environment.variables(container, live, self.api)
            given = {name: os.environ[name] for name in _INHERITED if name in os.environ}
            given |= {
                "HOSTNAME": name_of(pod),
                "KUBERNETES_SERVICE_HOST": host,
                "KUBERNETES_SERVICE_PORT": str(port),
                TOKEN_FOLDER: str(account),
                **declared,
            }
            arguments = [environment.expand(str(a), declared) for a in container.get("args") or ()]
            mapped = [*self._around.images[container["image"]]]
            if mapped and mapped[0] == "python":
                mapped[0] = sys.executable
            return process.Command([*mapped, *arguments], given, running.folder / "work")

        return build

    def _account_folder(self, pod: Object, folder: Path) -> Path:
        account, namespace = str(pod["spec"].get("serviceAccountName") or "default"), namespace_of(pod)
        target = folder / "serviceaccount"
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        texts = {"token": self._around.token(namespace, account), "ca.crt": self._around.ca}
        for name, text in {**texts, "namespace": namespace}.items():
            path = target / name
            path.touch(mode=0o600)
            path.write_text(text)
        return target

    async def _delete(self, key: str, pod: Object) -> None:
        running = self._pods.get(key)
        if running is None:
            await self._remove(pod)
        elif running.ending is None:
            grace = float(pod["metadata"].get("deletionGracePeriodSeconds") or 0)
            running.ending = asyncio.create_task(self._end_and_remove(key, pod, max(grace, 1.0)))

    async def _end_and_remove(self, key: str, pod: Object, grace: float) -> None:
        names = ", ".join(self._pods[key].runners)
        await self._recorder.normal(pod, "Killing", f"Stopping container {names}")
        await self._end(key, grace)
        self.queue.add(key)

    async def _remove(self, pod: Object) -> None:
        if (pod["metadata"].get("deletionGracePeriodSeconds") or 0) == 0 and pod["metadata"].get(
            "finalizers"
        ):
            return
        await self.api.delete(
            "pods", name_of(pod), namespace=namespace_of(pod), uid=uid_of(pod), grace=0, user=self.user
        )

    def _release(self, key: str) -> None:
        """End the processes of a pod that was taken away without asking."""
        running = self._pods.get(key)
        if running is not None and running.ending is None:
            running.ending = asyncio.create_task(self._end(key, 1.0))

    async def _end(self, key: str, grace: float) -> None:
        running = self._pods.get(key)
        if running is None:
            return
        await asyncio.gather(*(runner.stop(grace) for runner in running.runners.values()))
        self._addresses.free(running.uid)
        self._pods.pop(key, None)
        pod = self.api.get("pods", *reversed(split(key)))
        if pod is None or deleting(pod):
            shutil.rmtree(running.folder, ignore_errors=True)

    # -- logs

    async def logs(
        self, pod: Object, container: str, options: process.LogOptions, *, earlier: bool
    ) -> AsyncIterator[bytes]:
        """Return a container's output; what is only shown has none."""
        running = self._pods.get(key_of(pod))
        folder = self._around.folder / uid_of(pod)
        log = folder / f"{container}.log"
        runner = running.runners.get(container) if running is not None else None
        if earlier:
            log = process.previous(log)
            if not log.exists():
                where = f'"{container}" in pod "{name_of(pod)}"'
                raise status.bad_request(f"previous terminated container {where} not found")
        if not (pod["spec"].get("nodeName") and (pod.get("status") or {}).get("containerStatuses")):
            said = "ContainerCreating" if pod["spec"].get("nodeName") else "PodScheduled"
            raise status.bad_request(
                f'container "{container}" in pod "{name_of(pod)}" is waiting to start: {said}'
            )
        ended = runner.ended if runner is not None else asyncio.Event()
        if runner is None and (pod.get("status") or {}).get("phase") != "Running":
            ended.set()
        return process.read_log(log, options, ended=ended)
