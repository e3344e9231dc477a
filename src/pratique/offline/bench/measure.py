"""Measures reviews: every object is put to the library again and again, and each answer is timed.

In: `Sources` with templates, constraints and objects. Out: `Result`. Each review begins with the object's JSON
text, as at a webhook, and its reading is inside the time that is measured; nothing is kept between reviews
but compiled code.
"""

from __future__ import annotations

import gc
import multiprocessing
import sys
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from pratique.constraint import GATOR, ConstraintError, Library, NoEngineError, Review, TemplateTime
from pratique.errors import InputError, PratiqueError, SourceError
from pratique.kube.match import group_kind
from pratique.offline.entries import Entry
from pratique.offline.loading import CONSTRAINTS, TEMPLATES, objects
from pratique.offline.sources import Sources

ENGINE: Final = "rego"

Object = dict[str, Any]
_Read = list[tuple[Entry, Object]]


@dataclass(frozen=True, slots=True)
class Options:
    """How to measure: rounds over all objects, rounds before that, and processes at work at once."""

    iterations: int = 1000
    warmup: int = 10
    concurrency: int = 1
    stats: bool = False
    memory: bool = False


@dataclass(frozen=True, slots=True)
class Setup:
    """Nanoseconds that each step before the first review took."""

    client: int
    templates: int
    constraints: int
    data: int

    @property
    def total(self) -> int:
        """Return the sum."""
        return self.client + self.templates + self.constraints + self.data


@dataclass(frozen=True, slots=True)
class Latencies:
    """Nanoseconds of one review."""

    min: int = 0
    max: int = 0
    mean: int = 0
    p50: int = 0
    p95: int = 0
    p99: int = 0

    @classmethod
    def of(cls, taken: Sequence[int]) -> Latencies:
        """Summarise; a percentile between two values is interpolated."""
        found = sorted(taken)
        if not found:
            return cls()
        middle = [_percentile(found, percent) for percent in (50, 95, 99)]
        return cls(found[0], found[-1], sum(found) // len(found), *middle)


@dataclass(frozen=True, slots=True)
class Memory:
    """What a review allocates: blocks that its answer holds, and bytes at its peak, on average.

    Go counts every allocation; CPython can only say how much more was in use. The totals are these figures
    times the reviews, for the shape's sake.
    """

    allocs: int
    bytes: int
    total_allocs: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Result:
    """One benchmark; durations are nanoseconds."""

    templates: int
    constraints: int
    objects: int
    iterations: int
    concurrency: int
    setup: Setup
    total: int
    latencies: Latencies
    violations: int
    reviews_per_second: float
    memory: Memory | None = None
    stats: tuple[TemplateTime, ...] = field(default=(), repr=False)
    skipped_templates: tuple[str, ...] = ()
    skipped_constraints: tuple[str, ...] = ()
    engine: str = ENGINE


def run(sources: Sources, options: Options) -> Result:
    """Measure; raises the error of whatever cannot be read or is missing."""
    found = list(objects(sources))
    if not found:
        raise InputError("no input data identified", hint="name templates, constraints and objects with `-f`")
    groups: dict[str, _Read] = {TEMPLATES: [], CONSTRAINTS: [], "": []}
    for entry, one in found:
        group = group_kind(one)[0]
        groups[group if group in groups else ""].append((entry, one))
    for group, name in ((TEMPLATES, "ConstraintTemplates"), (CONSTRAINTS, "Constraints"), ("", "objects")):
        if not groups[group]:
            what = f"no {name} found in input" if group else "no objects to review found in input"
            raise InputError(what, hint="name every file and folder that is needed with `-f`")
    return _measured(groups, options)


def _measured(groups: dict[str, _Read], options: Options) -> Result:
    began = time.perf_counter_ns()
    library = Library()
    client = time.perf_counter_ns() - began
    began = time.perf_counter_ns()
    skipped = _put_templates(library, groups[TEMPLATES])
    templates = time.perf_counter_ns() - began
    began = time.perf_counter_ns()
    left_out = _put_constraints(library, groups[CONSTRAINTS])
    constraints = time.perf_counter_ns() - began
    began = time.perf_counter_ns()
    for entry, one in groups[""]:
        try:
            library.put_inventory(one)
        except InputError as error:
            raise SourceError(error.message, entry.locate("metadata"), hint=error.hint) from error
    setup = Setup(client, templates, constraints, time.perf_counter_ns() - began)
    texts = [orjson.dumps(one) for _, one in groups[""]]
    for _ in range(options.warmup):
        _round(library, texts)
    # What is set up stays: the collector need not look at it again in the middle of a review.
    gc.collect()
    gc.freeze()
    memory = _memory(library, texts, options.iterations) if options.memory else None
    began = time.perf_counter_ns()
    taken, violations = _reviews(library, texts, options)
    total = time.perf_counter_ns() - began
    gc.unfreeze()
    return Result(
        templates=len(groups[TEMPLATES]) - len(skipped),
        constraints=len(groups[CONSTRAINTS]) - len(left_out),
        objects=len(texts),
        iterations=options.iterations,
        concurrency=options.concurrency,
        setup=setup,
        total=total,
        latencies=Latencies.of(taken),
        violations=violations,
        reviews_per_second=len(texts) * options.iterations / (total / 1e9),
        memory=memory,
        stats=_stats(library, texts) if options.stats else (),
        skipped_templates=tuple(skipped),
        skipped_constraints=tuple(left_out),
    )


def _put_templates(library: Library, found: _Read) -> list[str]:
    """Add templates and return the names of those that no engine of ours can run."""
    skipped = []
    for entry, one in found:
        try:
            library.put_template(one, document=entry.places())
        except NoEngineError:
            skipped.append(str((one.get("metadata") or {}).get("name") or ""))
    if len(skipped) == len(found):
        raise InputError(
            f"no templates compatible with {ENGINE} engine (all {len(found)} templates skipped)",
            hint="give the templates Rego: those with CEL alone cannot be run yet",
        )
    return skipped


def _put_constraints(library: Library, found: _Read) -> list[str]:
    """Add constraints and return the names of those whose template is not there."""
    known = {template.kind for template in library.templates()}
    skipped = []
    for entry, one in found:
        if one["kind"] not in known:
            skipped.append(str((one.get("metadata") or {}).get("name") or ""))
            continue
        try:
            library.put_constraint(one)
        except ConstraintError as error:
            raise SourceError(error.message, entry.locate(), hint=error.hint) from error
    if len(skipped) == len(found):
        raise InputError(
            f"no constraints loaded (all {len(found)} constraints skipped due to missing templates)",
            hint="name the files of their templates too",
        )
    return skipped


def _ask(library: Library, text: bytes) -> int:
    return len(library.review(Review.from_object(orjson.loads(text), show_namespace=False), GATOR))


def _round(library: Library, texts: Sequence[bytes]) -> tuple[list[int], int]:
    """Review each object once: nanoseconds of each review, and how many violations there were."""
    taken, violations = [], 0
    clock = time.perf_counter_ns
    for text in texts:
        began = clock()
        violations += _ask(library, text)
        taken.append(clock() - began)
    return taken, violations


def _reviews(library: Library, texts: Sequence[bytes], options: Options) -> tuple[list[int], int]:
    if options.concurrency == 1:
        return _rounds(library, texts, options.iterations)
    # Python judges on one core a process; replicas of the webhook are processes too.
    context = multiprocessing.get_context("fork")
    share, more = divmod(options.iterations, options.concurrency)
    workers = []
    for number in range(options.concurrency):
        ours, theirs = context.Pipe(duplex=False)
        given = (theirs, library, texts, share + (number < more))
        worker = context.Process(target=_send_rounds, args=given, daemon=True)
        worker.start()
        theirs.close()
        workers.append((worker, ours))
    taken: list[int] = []
    violations = 0
    for worker, ours in workers:
        try:
            some, count = ours.recv()
        except EOFError:
            raise PratiqueError("a process that measures has ended early") from None
        taken += some
        violations += count
        worker.join()
    return taken, violations


def _rounds(library: Library, texts: Sequence[bytes], rounds: int) -> tuple[list[int], int]:
    taken: list[int] = []
    violations = 0
    for _ in range(rounds):
        some, count = _round(library, texts)
        taken += some
        violations += count
    return taken, violations


def _send_rounds(pipe: Any, library: Library, texts: Sequence[bytes], rounds: int) -> None:
    pipe.send(_rounds(library, texts, rounds))


def _memory(library: Library, texts: Sequence[bytes], iterations: int) -> Memory:
    """Return what a review needs, measured in a round of its own, for tracing slows everything down."""
    blocks = peak = 0
    tracemalloc.start()
    try:
        for text in texts:
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            held = sys.getallocatedblocks()
            found = orjson.loads(text)
            answer = library.review(Review.from_object(found, show_namespace=False), GATOR)
            blocks += max(0, sys.getallocatedblocks() - held)
            peak += tracemalloc.get_traced_memory()[1] - before
            del found, answer
    finally:
        tracemalloc.stop()
    reviews = len(texts) * iterations
    allocs, size = blocks // len(texts), peak // len(texts)
    return Memory(allocs, size, allocs * reviews, size * reviews)


def _stats(library: Library, texts: Sequence[bytes]) -> tuple[TemplateTime, ...]:
    return tuple(
        one
        for text in texts
        for one in library.times(Review.from_object(orjson.loads(text), show_namespace=False), GATOR)
    )


def _percentile(found: Sequence[int], percent: int) -> int:
    rank = percent / 100 * (len(found) - 1)
    lower = int(rank)
    if lower + 1 >= len(found):
        return found[-1]
    weight = rank - lower
    return int(found[lower] * (1 - weight) + found[lower + 1] * weight)
