"""Run one container of a pod as a local process: start, probe, start again, end.

The runner reports each change by calling `changed`; it knows no API and no store.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pratique.devcluster.controllers.base import now
from pratique.devcluster.node import probes, statuses
from pratique.devcluster.node.environment import MissingError
from pratique.devcluster.node.process import Command, Process

Object = dict[str, Any]

FIRST_BACK_OFF = 1.0
SECOND_BACK_OFF = 10.0
LONGEST_BACK_OFF = 300.0
_RESET_AFTER = 600.0
_EAGER_PERIOD = 0.1


class Runner:
    """One container's process and its state."""

    def __init__(
        self,
        container: Object,
        *,
        policy: str,
        command: Callable[[], Command],
        log: Path,
        address: str,
        changed: Callable[[str, str, str], None],
    ) -> None:
        self.state = statuses.Container(container["name"], container.get("image", ""))
        self.log = log
        self.ended = asyncio.Event()
        self._container = container
        self._policy = policy
        self._command = command
        self._address = address
        self._changed = changed
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to run."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self, grace: float) -> None:
        """End the process, politely first."""
        process, self._process = self._process, None
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if process is not None:
            await process.stop(grace)
        self.ended.set()

    async def _run(self) -> None:
        pause = 0.0
        while True:
            since, begun = now(), asyncio.get_running_loop().time()
            code = await self._once(since)
            if code is None:  # could not even start: try again without counting a restart
                await asyncio.sleep(1.0)
                continue
            self.state.ready = self.state.started = False
            ended = statuses.terminated(code, since)
            self.state.state = ended
            if self._policy == "Never" or (self._policy == "OnFailure" and code == 0):
                self.ended.set()
                self._changed("", "", "")
                return
            if asyncio.get_running_loop().time() - begun > _RESET_AFTER:
                pause = 0.0
            pause = FIRST_BACK_OFF if not pause else min(max(pause * 2, SECOND_BACK_OFF), LONGEST_BACK_OFF)
            self.state.last = ended
            if pause >= SECOND_BACK_OFF:
                name = self._container["name"]
                said = f"back-off {pause:.0f}s restarting failed container={name}"
                self.state.state = statuses.waiting("CrashLoopBackOff", said)
                told = f"Back-off restarting failed container {name}"
                self._changed("Warning", "BackOff", told)
            else:
                self._changed("", "", "")
            await asyncio.sleep(pause)
            self.state.restarts += 1

    async def _once(self, since: str) -> int | None:
        try:
            process = await Process.start(self._command(), self.log)
        except MissingError as error:
            self._waits("CreateContainerConfigError", str(error))
            return None
        except OSError as error:
            self._waits("RunContainerError", f"{error.filename or ''}: {error.strerror}")
            return None
        self._process = process
        self.ended = asyncio.Event()
        self.state.state = statuses.running(since)
        self.state.started = True
        self.state.ready = not self._container.get("readinessProbe")
        self._changed("Normal", "Started", f"Started container {self._container['name']}")
        watching = [asyncio.create_task(watch) for watch in (self._readiness(), self._liveness(process))]
        try:
            code = await process.wait()
            self.ended.set()
            return code
        finally:
            for watch in watching:
                watch.cancel()
            await asyncio.gather(*watching, return_exceptions=True)

    def _waits(self, reason: str, message: str) -> None:
        state = statuses.waiting(reason, message)
        if self.state.state != state:
            self.state.state = state
            self._changed("Warning", "Failed", f"Error: {message}")

    async def _readiness(self) -> None:
        probe = self._container.get("readinessProbe")
        if not probe:
            return
        await asyncio.sleep(float(probe.get("initialDelaySeconds") or 0))
        good = bad = 0
        while True:
            problem = await probes.check(probe, self._container, self._address)
            good, bad = (0, bad + 1) if problem else (good + 1, 0)
            if not self.state.ready and good >= int(probe.get("successThreshold") or 1):
                self.state.ready = True
                self._changed("", "", "")
            elif self.state.ready and bad >= int(probe.get("failureThreshold") or 3):
                self.state.ready = False
                self._changed("Warning", "Unhealthy", f"Readiness probe failed: {problem}")
            # While it is not ready we look often: nobody should wait for a period to pass.
            period = float(probe.get("periodSeconds") or 10)
            await asyncio.sleep(period if self.state.ready else min(period, _EAGER_PERIOD))

    async def _liveness(self, process: Process) -> None:
        probe = self._container.get("livenessProbe")
        if not probe:
            return
        await asyncio.sleep(float(probe.get("initialDelaySeconds") or 0))
        bad = 0
        while True:
            await asyncio.sleep(float(probe.get("periodSeconds") or 10))
            problem = await probes.check(probe, self._container, self._address)
            bad = bad + 1 if problem else 0
            if bad >= int(probe.get("failureThreshold") or 3):
                told = f"Container {self._container['name']} failed liveness probe, will be restarted"
                self._changed("Normal", "Killing", told)
                with contextlib.suppress(asyncio.CancelledError):
                    await process.stop(30)
                return
