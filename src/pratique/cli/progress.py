"""A line that says how far a long command is: after a second, and only where a person looks.

In: counts, and the share that is done. Out: a bar on standard error, which is cleared at the end.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

AFTER: Final = 1.0
WIDTH: Final = 24


@contextlib.contextmanager
def progress() -> Iterator[Callable[[int, float], None]]:
    """Yield what takes the number of objects that are done, and which share of the whole that is, from 0 to 1."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _done, _share: None
        return
    began = time.monotonic()
    line: Any = None

    def tick(done: int, share: float) -> None:
        nonlocal line
        if line is None and time.monotonic() - began < AFTER:
            return
        if line is None:
            line = _line()
            line.start()
        line.update(shown(done, share, time.monotonic() - began))

    try:
        yield tick
    finally:
        if line is not None:
            line.stop()


def shown(done: int, share: float, seconds: float) -> str:
    """Return the line after so many seconds: a bar, the share, how many objects, how fast, and how long to go."""
    filled = round(WIDTH * share)
    left = f", {seconds * (1 - share) / share:.0f} s left" if 0 < share < 1 else ""
    bar = "█" * filled + "░" * (WIDTH - filled)
    return f"{bar} {share:4.0%}  {done:,} objects, {done / seconds:,.0f} a second{left}"


def _line() -> Any:
    # Nothing of this is imported for the many runs that take less than a second.
    from rich.console import Console
    from rich.status import Status

    return Status("", console=Console(stderr=True), spinner="line")
