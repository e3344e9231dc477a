"""`gator test`: everything in the files is judged by the policies that are among them.

In: `Sources`. Out: `Finding`s, in gator's order. Templates come first, then constraints, then every object is
judged, and so is what it would generate (gatekeeper.md 6.1). Each document is read once and forgotten: memory grows
with what is found, with the kinds that templates look up, and with the names kept for the warning of duplicates.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from pratique import codecache
from pratique.constraint import Programs, TemplateTime
from pratique.constraint.program import Sink
from pratique.errors import InputError
from pratique.offline.entries import STDIN
from pratique.offline.finding import Document, Finding
from pratique.offline.judging import Batch, Judged, Wanted, batches, judge_all
from pratique.offline.loading import Loaded, load
from pratique.offline.outside import Outside
from pratique.offline.sources import Sources

Say = Callable[[str], None]
Tick = Callable[[int], None]

# `Violation.order`
_ORDER: Final = operator.attrgetter(
    *(f"violation.{name}" for name in ("action", "message", "constraint_kind", "constraint_name"))
)
_QUIET: Final[Tick] = lambda _: None  # noqa: E731  # a default that is called


class NothingGivenError(InputError):
    """There is nothing to look at."""

    def __init__(self, flag: str = "-f") -> None:
        super().__init__(
            "no input data identified", hint=f"name files with `{flag}`, or pipe manifests to standard input"
        )


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

    `say` hears warnings, `tick` how many objects are done, `sink` what policies print, `times` how long each
    template took over an object (which is judged once more for it). With `places`, each finding's field and line
    are looked for while its object is at hand, which is much quicker than later. With `traced`, each finding tells how
    its object was judged.

    Raises the error of whatever cannot be read, with its file and line.
    """
    traces: list[str] | None = [] if traced else None
    trace = None if traces is None else traces.append
    outside = Outside(sources.external_data)
    store = codecache.opened(os.environ)
    programs = Programs(sink=sink, trace=trace, ask=outside.ask, store=store)
    loaded = load(sources, programs, outside)
    divided = list(batches(sources))
    defined: dict[tuple[str, str, str, str], str] = {}
    found: list[Finding] = []
    done = 0
    # What policies print, and how they run, is heard here only when they run here.
    wanted = Wanted(places, times is not None, traces)
    answers = judge_all(loaded, divided, wanted, alone=traced or sink is not None)
    for batch, judged in zip(divided, answers, strict=True):
        for one in judged:
            _warn_of_duplicates(one, defined, say)
            if times is not None:
                times(one.times)
            if one.rows:
                found += _findings(loaded, batch, one)
        done += len(judged)
        tick(done)
    if not done:
        raise NothingGivenError
    # gator sorts the answers of all reviews together.
    found.sort(key=_ORDER)
    return found


def _findings(loaded: Loaded, batch: Batch, judged: Judged) -> Iterator[Finding]:
    fetch = partial(batch.entry, judged.file, judged.number)
    document = Document(judged.file, judged.subject, fetch, judged.changed, judged.notes or {})
    for row in judged.rows:
        yield Finding(
            row, loaded.constraints[row.constraint_kind, row.constraint_name], document, trace=judged.trace
        )


def _warn_of_duplicates(judged: Judged, defined: dict[tuple[str, str, str, str], str], say: Say) -> None:
    version, kind, namespace, name = judged.subject
    key = (version.rpartition("/")[0], kind, namespace, name)
    before = defined.get(key)
    defined[key] = judged.file
    if before is not None:
        say(
            f'WARNING - Resource named "{name}" (from {_source(judged.file)}) is already defined in '
            f"{_source(before)}"
        )


def _source(file: str) -> str:
    return file if file == STDIN else f'file: "{file}"'
