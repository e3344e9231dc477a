"""Judges documents, some at a time, here or in other processes, and always with the same answer.

In: what is loaded, and `Batch`es of documents. Out: for each document what it is called and what was found, as plain
values that travel between processes. INVARIANT: answers come in the order of the documents, and an error is that of
the first document that has one, however many processes there are.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, Final, NamedTuple, TypeVar

from pratique.constraint import GATOR, Review, TemplateTime, Violation, validation
from pratique.constraint.expansion import GENERATED, imply
from pratique.errors import InputError, PratiqueError
from pratique.kube import objects as names
from pratique.kube.match import group_kind
from pratique.offline.entries import STDIN, Entry, read_text, split
from pratique.offline.finding import PREFIX, Document, Finding, Row, Subject
from pratique.offline.loading import CONSTRAINTS, Loaded, object_of
from pratique.offline.sources import Sources

# So much is handed to a process at once; fewer documents are judged sooner than processes are made.
FILES: Final = 100
LARGE: Final = 1 << 18  # bytes: a larger file is divided by documents
WORTH: Final = 500  # documents, or files
AHEAD: Final = 4  # batches a process


class Wanted(NamedTuple):
    """What is asked beside the violations: their fields and lines, and how long each template takes.

    `traces` is where the programs put how they evaluate, when that is asked for.
    """

    places: bool = False
    times: bool = False
    traces: list[str] | None = None

    def trace(self) -> str | None:
        """Return how everything since the last time was evaluated, as gator heads it."""
        if self.traces is None:
            return None
        text = "".join(f"\n\nDRIVER Rego:\n\n{trace}" for trace in self.traces)
        self.traces.clear()
        return text


class Judged(NamedTuple):
    """One object: where its document stands in its batch, what it is called, what mutators made of it, its rows.

    `notes` are its annotations that concern findings, `times` what `Wanted` asks for.
    """

    file: str
    number: int
    subject: Subject
    changed: dict[str, Any] | None = None
    rows: Sequence[Row] = ()
    notes: Mapping[str, Any] | None = None
    times: Sequence[TemplateTime] = ()
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Documents that are judged together: those of some files, or some that are at hand."""

    files: tuple[str, ...] = ()
    listed: tuple[Entry, ...] = field(default=(), repr=False)

    def entries(self) -> Iterator[tuple[int, Entry]]:
        """Yield each document with its number in its file, or in the list."""
        yield from enumerate(self.listed)
        for file in self.files:
            yield from enumerate(split(file, read_text(file)))

    def entry(self, file: str, number: int) -> Entry:
        """Find a document again; raises `InputError` when its file has been changed since."""
        found = self.listed[number] if self.listed else _nth(split(file, read_text(file)), number)
        if found is None:
            raise InputError(f"`{file}` was changed while it was read")
        return found

    @property
    def size(self) -> int:
        """Return about how many documents there are."""
        return len(self.listed) + len(self.files)


Answer = TypeVar("Answer")
Act = Callable[[Batch], Answer]


def _nth(entries: Iterator[Entry], number: int) -> Entry | None:
    return next(islice(entries, number, None), None)


def batches(sources: Sources) -> Iterator[Batch]:
    """Divide sources into batches, in their order."""
    files: list[str] = []
    for part in sources.parts:
        if isinstance(part, str) and not _large(part):
            files.append(part)
            if len(files) == FILES:
                yield Batch(tuple(files))
                files = []
            continue
        if files:
            yield Batch(tuple(files))
            files = []
        yield from _divided(sources.of_part(part))
    if files:
        yield Batch(tuple(files))
    if sources.piped:
        yield from _divided(split(STDIN, sources.piped))


def _large(file: str) -> bool:
    try:
        return os.stat(file).st_size > LARGE
    except OSError:
        return False


def _divided(entries: Iterable[Entry]) -> Iterator[Batch]:
    left = iter(entries)
    while listed := tuple(islice(left, FILES)):
        yield Batch((), listed)


def judge(loaded: Loaded, batch: Batch, wanted: Wanted) -> list[Judged]:
    """Judge the documents of a batch.

    Raises the error of the first document that cannot be read or judged.
    """
    done = []
    for number, entry in batch.entries():
        found = object_of(entry)
        if found is not None:
            done.append(judge_one(loaded, number, entry, found, wanted))
    return done


def subject_of(found: dict[str, Any]) -> Subject:
    """Return what an object is called."""
    return Subject(found["apiVersion"], found["kind"], names.namespace(found), names.name(found))


def judge_one(loaded: Loaded, number: int, entry: Entry, found: dict[str, Any], wanted: Wanted) -> Judged:
    """Judge the object of a document; raises `SourceError` when it cannot be mutated or expanded."""
    library, generator = loaded.library, loaded.generator
    subject = subject_of(found)
    changed: dict[str, Any] | None = None
    if group_kind(found)[0] == CONSTRAINTS:
        # gator judges a constraint with the defaults that loading it filled in.
        found = changed = dict(loaded.constraints[validation.key(found)].object)
    # gator asks with an empty Namespace about cluster-scoped objects, which `scope` then sees (6.1).
    namespace = generator.namespace_of(found)
    review = Review.from_object(found, namespace=namespace, show_namespace=False)
    violations = library.review(review, GATOR)
    times = library.times(review, GATOR) if wanted.times else ()
    if not violations and generator.idle:
        return Judged(entry.file, number, subject, times=times, trace=wanted.trace())
    mutated, resultants = generator.expand(entry, found)
    rows = _rows(entry, violations, places=wanted.places)
    for resultant in resultants:
        review = Review.from_object(
            resultant.object, namespace=namespace, source=GENERATED, show_namespace=False
        )
        rows += _rows(
            entry, imply(library.review(review, GATOR), resultant), places=wanted.places, found=True
        )
    if mutated is not found and mutated != found:
        changed = mutated
    annotations = names.metadata(mutated).get("annotations")
    notes = _notes(annotations) if isinstance(annotations, dict) else None
    return Judged(entry.file, number, subject, changed, rows, notes, times, wanted.trace())


def _notes(annotations: dict[str, Any]) -> dict[str, Any] | None:
    return {key: text for key, text in annotations.items() if key.startswith(PREFIX)} or None


def _rows(entry: Entry, violations: Sequence[Violation], *, places: bool, found: bool = False) -> list[Row]:
    """Return violations as rows; `found` asks for paths that could not be looked for later."""
    locate = entry.locator() if places and violations else None
    rows = []
    for one in violations:
        path = one.field if places or found else None
        at = locate(path or "") if locate else None
        rows.append(
            Row(
                one.constraint_kind,
                one.constraint_name,
                one.message,
                one.action,
                one.details,
                one.error,
                one.actions,
                one.enforcement_action,
                path,
                None if at is None else (at.file, at.line, at.column, at.text, at.width),
            )
        )
    return rows


def findings(loaded: Loaded, batch: Batch, judged: Judged) -> Iterator[Finding]:
    """Yield what was found about an object."""
    fetch = partial(batch.entry, judged.file, judged.number)
    document = Document(judged.file, judged.subject, fetch, judged.changed, judged.notes or {})
    for row in judged.rows:
        constraint = loaded.constraints[row.constraint_kind, row.constraint_name]
        yield Finding(row, constraint, document, trace=judged.trace)


def judge_all(divided: Sequence[Batch], act: Act[Answer], *, alone: bool = False) -> Iterator[Answer]:
    """Yield what each batch comes to by `act`, in order; `alone` keeps everything in this process."""
    cores = 1 if alone or not hasattr(os, "sched_getaffinity") else len(os.sched_getaffinity(0))
    if cores < 2 or len(divided) < 2 or sum(batch.size for batch in divided) < WORTH:
        for batch in divided:
            yield act(batch)
        return
    _share(_Work(divided, act))
    # What is loaded stays as it is: the collector must not copy it into each process by touching it.
    gc.freeze()
    try:
        yield from _judge_elsewhere(divided, act, cores)
    finally:
        gc.unfreeze()
        _share(None)


def _judge_elsewhere(divided: Sequence[Batch], act: Act[Answer], cores: int) -> Iterator[Answer]:
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(min(cores, len(divided)), mp_context=context) as pool:
        waiting: deque[Future[Any]] = deque()
        numbers = iter(range(len(divided)))
        try:
            for batch in divided:
                # Not all at once: answers must not pile up while they are taken in.
                for number in islice(numbers, AHEAD * cores - len(waiting)):
                    waiting.append(pool.submit(_judge_shared, number))
                found = _result(waiting.popleft())
                # What failed elsewhere is judged here, so that the error is the one that a single process gives.
                yield act(batch) if found is None else found
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _result(future: Future[Any]) -> Any:
    try:
        return future.result()
    except BrokenProcessPool:
        return None


class _Work(NamedTuple):
    divided: Sequence[Batch]
    act: Act[Any]


# What a forked process finds when it begins; nothing of it can travel otherwise, compiled code least of all.
_work: list[_Work] = []


def _share(work: _Work | None) -> None:
    _work[:] = [] if work is None else [work]


def _judge_shared(number: int) -> Any:
    (work,) = _work
    try:
        return work.act(work.divided[number])
    except PratiqueError:
        return None
