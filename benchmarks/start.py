"""What compiled policies cost beside time: memory, and a start with everything compiled before.

In: cases of a library. Out: KiB that one policy keeps, and the seconds in which a fresh process has its programs.
"""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

from benchmarks.library import Case
from pratique import rego


def figures(chosen: list[Case]) -> dict[str, Any]:
    """Return the figures by name."""
    return {"memory_kib": _memory(chosen)}


def _memory(chosen: list[Case]) -> float:
    """Return the KiB that one policy of each template keeps, on average, specialised to a first case."""
    firsts = list({case.sources: case for case in chosen}.values())
    kept: list[rego.Policy] = []
    _compile(firsts[0])
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept = [_compile(case) for case in firsts]
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return (after - before) / len(kept) / 1024


def _compile(case: Case) -> rego.Policy:
    return rego.compile(
        case.sources, entrypoints=[case.entrypoint], constants={"input.parameters": case.parameters}
    )


def show(total: dict[str, Any]) -> None:
    """Print the figures for a person."""
    print(f"a compiled policy keeps {total['memory_kib']:.0f} KiB on average")
