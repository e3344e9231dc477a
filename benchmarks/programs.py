"""The programs that a benchmark stands beside, and how a program is run to be compared with one.

In: a name, or a command. Out: where the program is, or what it printed with the time and memory it took.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

BROUGHT = Path(__file__).parents[1] / ".cache" / "peers" / "bin"


class PeerError(Exception):
    """A program failed that must not fail."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run: seconds by the clock and on the processors, the largest process in megabytes."""

    output: str
    code: int
    seconds: float
    cpu: float
    megabytes: float


def find(name: str) -> str | None:
    """Return the path of a peer: on PATH, or among those that were brought for it."""
    return shutil.which(name) or shutil.which(name, path=str(BROUGHT))


def run(
    command: Sequence[str],
    *,
    core: int | None = None,
    environment: Mapping[str, str] | None = None,
    codes: tuple[int, ...] = (0,),
) -> Run:
    """Run a command, on one core if that is asked for; raises `PeerError` when its exit code is another."""
    pinned = ["taskset", "-c", str(core), *command] if core is not None else list(command)
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        began = time.perf_counter()
        process = subprocess.Popen(
            pinned,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env={**os.environ, **(environment or {})},
        )
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = code = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if code not in codes:
            raise PeerError(f"{' '.join(command)}: exit code {code}\n{errors.read()[-2000:]}")
        return Run(output.read(), code, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def last_core() -> int:
    """Return the number of the last core that this process may use."""
    return max(os.sched_getaffinity(0))
