"""Recursion: a rule that needs its own answer is refused.

Comes in: for each rule the references that it reads. The graph is that of rules, functions too; a reference with
unknown parts reads every rule that it could reach.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pratique.rego.check.world import World
from pratique.rego.errors import RECURSION_ERROR
from pratique.rego.nodes import Path, Term
from pratique.rego.source import Span


def check_recursion(
    world: World, reads: Mapping[Path, Iterable[tuple[Term, ...]]], spans: Mapping[Path, Span]
) -> dict[Path, list[Path]]:
    """Note every cycle of rules; return what each rule reads."""
    edges: dict[Path, list[Path]] = {}
    for path, refs in reads.items():
        found: dict[Path, None] = {}
        for parts in refs:
            found.update(dict.fromkeys(world.reached(parts)))
        edges[path] = list(found)
    for cycle in _cycles(edges):
        name = ".".join(cycle[0])
        shown = " -> ".join([".".join(path) for path in [*cycle, cycle[0]]])
        world.refuse(
            f"rule {name} is recursive: {shown}",
            spans[cycle[0]],
            code=RECURSION_ERROR,
            hint="Rego has no recursion: use `walk`, `graph.reachable`, or a comprehension",
        )
    return edges


def _cycles(edges: Mapping[Path, list[Path]]) -> list[list[Path]]:
    """Return one cycle for each rule that a depth-first walk finds on its own path, each rule told once."""
    done: set[Path] = set()
    told: set[Path] = set()
    found: list[list[Path]] = []
    for start in edges:
        if start in done:
            continue
        trail: list[Path] = [start]
        position = {start: 0}
        waiting = [iter(edges[start])]
        while waiting:
            following = next(waiting[-1], None)
            if following is None:
                waiting.pop()
                last = trail.pop()
                del position[last]
                done.add(last)
                continue
            if following in position:
                cycle = trail[position[following] :]
                if not told & set(cycle):
                    found.append(cycle)
                told |= set(cycle)
            elif following not in done and following in edges:
                position[following] = len(trail)
                trail.append(following)
                waiting.append(iter(edges[following]))
    return found
