"""`gator test`: everything in the files is judged by the policies that are among them.

In: `Sources`. Out: `Finding`s, in gator's order. Templates come first, then constraints, then every object is
judged, and so is what it would generate (gatekeeper.md 6.1). Each document is read once and forgotten: memory grows
with the kinds that templates look up, and with the names kept for the warning of duplicates; `check` keeps what is
found too.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterator, Sequence
from sys import intern
from typing import Final, NamedTuple

from pratique import codecache
from pratique.constraint import Programs, TemplateTime
from pratique.constraint.program import Sink, Trace
from pratique.errors import InputError
from pratique.offline import judging, telling
from pratique.offline.entries import STDIN
from pratique.offline.finding import Finding, Subject
from pratique.offline.judging import Batch, Wanted, batches, judge_all
from pratique.offline.loading import Loaded, load
from pratique.offline.ordering import Ordered
from pratique.offline.outside import Outside
from pratique.offline.sources import Sources
from pratique.offline.telling import Asking

Say = Callable[[str], None]
# Hears how many objects are done, and which share of the files and documents that is.
Tick = Callable[[int, float], None]

# `Violation.order`
_ORDER: Final = operator.attrgetter(
    *(f"violation.{name}" for name in ("action", "message", "constraint_kind", "constraint_name"))
)
_ALL: Final = Asking()
_QUIET: Final[Tick] = lambda _done, _share: None  # noqa: E731  # a default that is called


class NothingGivenError(InputError):
    """There is nothing to look at."""

    def __init__(self, flag: str = "-f") -> None:
        super().__init__(
            "no input data identified", hint=f"name files with `{flag}`, or pipe manifests to standard input"
        )


class Texts(NamedTuple):
    """All texts in order, some at a time; whether something is denied, how many findings are accepted, warnings.

    `first` is what stands in the place of the first text, where a format writes that in another way.
    """

    texts: Iterator[Sequence[str]]
    denied: bool
    accepted: int
    warnings: list[str]
    first: str = ""


def check(
    sources: Sources,
    *,
    say: Say,
    tick: Tick = _QUIET,
    sink: Sink | None = None,
    traced: bool = False,
    times: Callable[[Sequence[TemplateTime]], None] | None = None,
    places: bool = False,
) -> list[Finding]:
    """Judge everything that the sources hold.

    `say` hears warnings, `tick` how far it is, `sink` what policies print, `times` how long each
    template took over an object (which is judged once more for it). With `places`, each finding's field and line
    are looked for while its object is at hand, which is much quicker than later. With `traced`, each finding tells how
    its object was judged.

    Raises the error of whatever cannot be read, with its file and line.
    """
    traces: list[str] | None = [] if traced else None
    loaded = _loaded(sources, sink, None if traces is None else traces.append)
    divided = list(batches(sources))
    # What policies print, and how they run, is heard here only when they run here.
    wanted = Wanted(places, times is not None, traces)
    seen = _Seen(say, tick, divided)
    found: list[Finding] = []
    answers = judge_all(
        divided, lambda batch: judging.judge(loaded, batch, wanted), alone=traced or sink is not None
    )
    for batch, judged in zip(divided, answers, strict=True):
        seen.take([(one.file, one.subject) for one in judged])
        for one in judged:
            if times is not None:
                times(one.times)
            if one.rows:
                found += judging.findings(loaded, batch, one)
    seen.end()
    # gator sorts the answers of all reviews together.
    found.sort(key=_ORDER)
    return found


def texts(
    sources: Sources, asking: Asking = _ALL, *, say: Say, tick: Tick = _QUIET, sink: Sink | None = None
) -> Texts:
    """Judge everything that the sources hold: the texts of one of gator's formats.

    Memory does not grow with what is found. Raises the error of whatever cannot be read, with its file and line.
    """
    loaded = _loaded(sources, sink, None)
    divided = list(batches(sources))
    seen = _Seen(say, tick, divided)
    ordered = Ordered()
    denied, accepted = False, 0
    warnings: list[tuple[str, str]] = []
    first: tuple[str, str] | None = None
    for told in judge_all(divided, lambda batch: telling.tell(loaded, asking, batch), alone=sink is not None):
        seen.take(told.objects)
        ordered.add(told.texts)
        denied |= told.denied
        accepted += told.accepted
        warnings += told.warnings
        if told.first is not None and (first is None or told.first[0] < first[0]):
            first = told.first
    seen.end()
    warnings.sort(key=operator.itemgetter(0))
    told_of = [text for _, text in warnings]
    return Texts(ordered.blocks(), denied, accepted, told_of, first[1] if first else "")


def _loaded(sources: Sources, sink: Sink | None, trace: Trace | None) -> Loaded:
    outside = Outside(sources.external_data)
    store = codecache.opened(os.environ)
    return load(sources, Programs(sink=sink, trace=trace, ask=outside.ask, store=store), outside)


class _Seen:
    """The objects so far: how many, and what they are called, for the warning of those that are defined twice."""

    def __init__(self, say: Say, tick: Tick, divided: Sequence[Batch]) -> None:
        self._say = say
        self._tick = tick
        self._left = [batch.size for batch in reversed(divided)]
        self._whole = sum(self._left)
        self._done = 0
        self._files: dict[tuple[str, str, str, str], str] = {}
        self._count = 0

    def take(self, objects: Sequence[tuple[str, Subject]]) -> None:
        """Count those of the next batch, and warn."""
        for file, (version, kind, namespace, name) in objects:
            # All that is kept of an object: its name; groups, kinds, namespaces and files are few, each kept once.
            key = (intern(version.rpartition("/")[0]), intern(kind), intern(namespace), name)
            before = self._files.get(key)
            self._files[key] = intern(file)
            if before is not None:
                self._say(
                    f'WARNING - Resource named "{name}" (from {_source(file)}) is already defined in '
                    f"{_source(before)}"
                )
        self._count += len(objects)
        self._done += self._left.pop()
        self._tick(self._count, self._done / self._whole)

    def end(self) -> None:
        """Raise `NothingGivenError` when there were none."""
        if not self._count:
            raise NothingGivenError


def _source(file: str) -> str:
    return file if file == STDIN else f'file: "{file}"'
