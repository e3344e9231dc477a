"""One local process that stands for a container: started, its output kept, ended.

Output lines go to a file with the time in front of each, as a container runtime keeps them
(`<time> <line>`), and the file of the run before is kept beside it for `kubectl logs --previous`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import functools
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_SET_PARENT_DEATH_SIGNAL = 1  # prctl(2)


def _die_with_parent(parent: int) -> None:
    # A process must not outlive a cluster that was killed: it would keep the ports of the one that is started
    # next. There is nothing left to say goodbye to, so it dies at once. Linux only; elsewhere there is no prctl.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:  # it died before we asked to be told
            os._exit(1)


@dataclass(frozen=True, slots=True)
class Command:
    """What to run."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    folder: Path


class Process:
    """A running process and the file of its output."""

    def __init__(self, child: asyncio.subprocess.Process, log: Path) -> None:
        self._child = child
        self._reader = asyncio.get_running_loop().create_task(self._keep_output(log))

    @classmethod
    async def start(cls, command: Command, log: Path) -> Process:
        """Start it; raises OSError when the program cannot be run."""
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists():
            log.replace(previous(log))
        log.touch()
        command.folder.mkdir(parents=True, exist_ok=True)
        child = await asyncio.create_subprocess_exec(
            *command.arguments,
            cwd=command.folder,
            env=dict(command.environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=functools.partial(_die_with_parent, os.getpid()),
            limit=1 << 20,
        )
        return cls(child, log)

    async def wait(self) -> int:
        """Wait for its end and return its exit status as a container runtime gives it: 128 + signal."""
        code = await self._child.wait()
        await asyncio.shield(self._reader)
        return 128 - code if code < 0 else code

    async def stop(self, grace: float) -> None:
        """Ask it to end, and kill it when it does not in time."""
        self._signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(grace):
                await asyncio.shield(self._child.wait())
        except TimeoutError:
            self._signal(signal.SIGKILL)
            await self._child.wait()
        await self._reader

    def _signal(self, number: signal.Signals) -> None:
        if self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, number)  # its children too: it leads a session of its own

    async def _keep_output(self, log: Path) -> None:
        assert self._child.stdout is not None
        with log.open("ab", buffering=0) as file:
            while True:
                try:
                    line = await self._child.stdout.readuntil(b"\n")
                except asyncio.IncompleteReadError as error:
                    line = error.partial
                except asyncio.LimitOverrunError as error:
                    line = await self._child.stdout.read(error.consumed)
                if not line:
                    return
                file.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z ".encode() + line)


def previous(log: Path) -> Path:
    """Return where the output of the run before is kept."""
    return log.with_suffix(".previous.log")


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What `kubectl logs` asks for."""

    follow: bool = False
    tail: int | None = None
    since: float | None = None
    timestamps: bool = False
    limit: int | None = None


async def read_log(log: Path, options: LogOptions, *, ended: asyncio.Event) -> AsyncIterator[bytes]:
    """Yield a log's content, and with `follow` what comes until the container ends."""
    if not log.exists():
        return
    # The file is kept open: a deleted pod's last words are read although its folder is gone.
    with log.open("rb") as file:
        lines = file.read().splitlines(keepends=True)
        if options.since is not None:
            oldest = datetime.now(UTC).timestamp() - options.since
            lines = [line for line in lines if _time(line) >= oldest]
        if options.tail is not None:
            lines = lines[-options.tail :] if options.tail > 0 else []
        left = options.limit
        while True:
            chunk = b"".join(_shown(line, options) for line in lines)
            if left is not None:
                chunk = chunk[:left]
                left -= len(chunk)
            if chunk:
                yield chunk
            if not options.follow or left == 0:
                return
            finished = ended.is_set()
            lines = file.readlines()
            if not lines and finished:
                return
            if not lines:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.2):
                        await ended.wait()


def _time(line: bytes) -> float:
    try:
        return datetime.fromisoformat(line[:26].decode() + "+00:00").timestamp()
    except ValueError:
        return 0.0


def _shown(line: bytes, options: LogOptions) -> bytes:
    return line if options.timestamps else line.partition(b" ")[2]
