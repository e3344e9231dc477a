"""A line that says how far a long command is: after a second, and only where a person looks.

In: counts. Out: text on standard error, which is cleared at the end.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

AFTER: Final = 1.0


@contextlib.contextmanager
def progress() -> Iterator[Callable[[int], None]]:
    """Yield what takes the number of objects that are done."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _: None
        return
    began = time.monotonic()
    line: Any = None

    def tick(done: int) -> None:
        nonlocal line
        if line is None and time.monotonic() - began < AFTER:
            return
        if line is None:
            line = _line()
            line.start()
        line.update(f"{done} objects, {done / (time.monotonic() - began):.0f} a second")

    try:
        yield tick
    finally:
        if line is not None:
            line.stop()


def _line() -> Any:
    # Nothing of this is imported for the many runs that take less than a second.
    from rich.console import Console
    from rich.status import Status

    return Status("", console=Console(stderr=True), spinner="line")
