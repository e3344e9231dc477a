"""Texts in the order of their keys, however many: some in memory, the others in a temporary file.

In: bytes of `pack`, each with keys and texts in order. Out: all texts in the order of their keys, a block at a time;
those with equal keys in the order in which they came. INVARIANT: what is kept in memory does not grow with what comes,
beyond `limit` bytes and one block of each run in the file.
"""

from __future__ import annotations

import marshal
import tempfile
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import IO, Final

from pratique.errors import UnavailableError

LIMIT: Final = 1 << 23
# Bytes that are written, and read again, at a time.
_BLOCK: Final = 1 << 17

# Keys and their texts, side by side.
Texts = tuple[list[str], list[str]]


def key(*parts: str) -> str:
    """Return one text that is ordered as its parts are, one after the other.

    >>> key("a", "b") < key("a\\0", "a") < key("a\\1") < key("ab")
    True
    """
    return "\0".join(map(escaped, parts))


def escaped(part: str) -> str:
    """Return a part of a key, without the sign that stands between parts."""
    if "\0" in part or "\1" in part:
        return part.replace("\1", "\1\2").replace("\0", "\1\1")
    return part


def pack(keys: Sequence[str], texts: Sequence[str]) -> bytes:
    """Return texts in the order of their keys, for `Ordered.add` of this or another process."""
    return marshal.dumps(_in_order(keys, texts), 2)


def _in_order(keys: Sequence[str], texts: Sequence[str]) -> Texts:
    # Sorting numbers by what they stand for makes no pairs.
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return [keys[number] for number in order], [texts[number] for number in order]


class Ordered:
    """Takes what `pack` made, and gives back the texts of all in order, once."""

    def __init__(self, limit: int | None = None) -> None:
        """Hold `limit` bytes in memory, `LIMIT` without one, and what is more in a file without a name."""
        self._limit = LIMIT if limit is None else limit
        self._held: list[bytes] = []
        self._size = 0
        self._file: IO[bytes] | None = None
        # Of each run in the file, where its blocks begin and how long they are.
        self._runs: list[list[tuple[int, int]]] = []

    def add(self, packed: bytes) -> None:
        """Take some texts; raises `UnavailableError` when there is no room for them."""
        self._held.append(packed)
        self._size += len(packed)
        if self._size > self._limit:
            self._spill()

    def blocks(self) -> Iterator[list[str]]:
        """Yield all texts in order, some at a time; raises `UnavailableError`."""
        try:
            if not self._runs:
                yield self._taken()[1]
                return
            self._spill()
            yield from _merged([self._blocks(run) for run in self._runs])
        finally:
            if self._file is not None:
                self._file.close()

    def _taken(self) -> Texts:
        """Return what is held, in order, and hold it no longer."""
        keys: list[str] = []
        texts: list[str] = []
        self._held.reverse()
        while self._held:
            more = marshal.loads(self._held.pop())  # noqa: S302  # what `pack` made, of this process or its own
            keys += more[0]
            texts += more[1]
        self._size = 0
        return _in_order(keys, texts)

    def _spill(self) -> None:
        """Write what is held to the file, as one run more."""
        size = self._size
        keys, texts = self._taken()
        step = max(1, _BLOCK * len(keys) // max(1, size))
        run = []
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="pratique-")  # noqa: SIM115  # `blocks` closes it
            for start in range(0, len(keys), step):
                end = start + step
                packed = marshal.dumps((keys[start:end], texts[start:end]), 2)
                run.append((self._file.tell(), len(packed)))
                self._file.write(packed)
        except OSError as error:
            raise UnavailableError(
                f"what was found cannot be kept in a temporary file: {error.strerror}",
                hint="name a folder with more room in `TMPDIR`",
            ) from None
        self._runs.append(run)

    def _blocks(self, run: list[tuple[int, int]]) -> Iterator[Texts]:
        for start, size in run:
            if self._file is not None:
                self._file.seek(start)
                yield marshal.loads(self._file.read(size))  # noqa: S302  # written above, to a file without a name


def _merged(runs: list[Iterator[Texts]]) -> Iterator[list[str]]:
    """Yield the texts of runs in order: each time all that no run can have anything before."""
    waiting: list[tuple[Iterator[Texts], Texts]] = [
        (run, first) for run in runs if (first := next(run, None)) is not None
    ]
    while waiting:
        # The first of the blocks that end earliest is taken whole. A run before it may have the same key, not later.
        number = min(range(len(waiting)), key=lambda each: waiting[each][1][0][-1])
        bound = waiting[number][1][0][-1]
        keys: list[str] = []
        texts: list[str] = []
        left = []
        for position, (run, (own, said)) in enumerate(waiting):
            cut = (bisect_right if position <= number else bisect_left)(own, bound)
            keys += own[:cut]
            texts += said[:cut]
            rest = (own[cut:], said[cut:]) if cut < len(own) else next(run, None)
            if rest is not None:
                left.append((run, rest))
        waiting = left
        yield _in_order(keys, texts)[1]
