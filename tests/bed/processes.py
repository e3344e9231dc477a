"""Programs that a bed runs: started with their output in a file, waited for, and ended by their own id.

In: a command. Out: a process that ends with the bed, even when the bed's own process is killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

LIMIT = 120  # seconds for a start on a busy machine
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)


def free_port() -> int:
    """Return a port of loopback that nothing listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def until(condition: Callable[[], object], what: str, *, limit: float = LIMIT) -> None:
    """Wait until a condition holds; an `OSError` (nobody listens yet) counts as no."""
    end = time.monotonic() + limit
    while True:
        with contextlib.suppress(OSError):
            if condition():
                return
        if time.monotonic() > end:
            raise TimeoutError(f"waited {limit:.0f} s in vain: {what}")
        time.sleep(0.05)


class Program:
    """One running program; `stop` ends it."""

    def __init__(
        self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**os.environ, **(environment or {})},
                cwd=log.parent,
                preexec_fn=_die_with_parent,
            )

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        """Wait until a condition holds; raises with the program's last words when it ends before."""

        def holds() -> bool:
            if self._process.poll() is not None:
                raise RuntimeError(f"{what}: ended with {self._process.returncode}\n{self.last_words()}")
            return bool(condition())

        try:
            until(holds, what)
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.last_words()}") from None

    def last_words(self) -> str:
        """Return the end of what the program wrote."""
        return self.log.read_text(errors="replace")[-3000:]

    def stop(self) -> None:
        """End the program, first kindly."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
