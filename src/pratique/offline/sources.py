"""Where manifests come from: files, folders, globs, charts, kustomizations and standard input.

In: names as a person writes them. Out: `Entry`s, a document at a time, in the order in which gator reads. It knows
nothing of policies.
"""

from __future__ import annotations

import glob
import operator
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from pratique.errors import InputError, NotFoundError
from pratique.offline.entries import STDIN, Entry, read_text, split
from pratique.offline.outside import Connect
from pratique.offline.rendered import Rendered, Renderer

_NAME: Final = operator.attrgetter("name")
EXTENSIONS: Final = (".yaml", ".yml", ".json")

# A file, what a tool made of a folder, or documents from elsewhere.
Part = str | Rendered | tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Sources:
    """What was named, in the order in which it is read, and what standard input said.

    `external_data` is how the Providers among it are asked, if they are.
    """

    parts: tuple[Part, ...]
    piped: str | None = field(default=None, repr=False)
    external_data: Connect | None = field(default=None, repr=False)

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        piped: str | None = None,
        *,
        renderer: Renderer | None = None,
        more: Iterable[Entry] = (),
        external_data: Connect | None = None,
        besides: Iterable[str] = (),
    ) -> Sources:
        """Find the files behind names; charts and kustomizations among the folders are rendered once.

        Without a renderer they are read as gator reads any folder. `more` are documents from elsewhere, `besides`
        files that are no manifests though they may lie in a folder that is named.

        Raises `NotFoundError`, `InputError`, and what a renderer raises.
        """
        left = {os.path.realpath(path) for path in besides}
        parts = [
            part
            for given in names
            for part in _parts(given, renderer)
            if not (left and isinstance(part, str) and os.path.realpath(part) in left)
        ]
        return cls((*parts, tuple(more)), piped, external_data)

    @property
    def files(self) -> tuple[str, ...]:
        """Return the files, without what was rendered."""
        return tuple(part for part in self.parts if isinstance(part, str))

    def entries(self, words: Sequence[str] = ()) -> Iterator[Entry]:
        """Yield every document, standard input last; with `words`, only those whose text has one of them."""
        wanted = re.compile("|".join(map(re.escape, words)))
        for part in self.parts:
            if not isinstance(part, str):
                yield from self.of_part(part)
            elif wanted.search(text := read_text(part)):
                yield from _documents(part, text, wanted)
        if self.piped:
            yield from _documents(STDIN, self.piped, wanted)

    @staticmethod
    def of_part(part: Part) -> Iterable[Entry]:
        """Return the documents of one part."""
        if isinstance(part, str):
            return split(part, read_text(part))
        return part.entries if isinstance(part, Rendered) else part


def _documents(name: str, text: str, wanted: re.Pattern[str]) -> Iterator[Entry]:
    return (entry for entry in split(name, text) if wanted.search(entry.text))


def _parts(given: str, renderer: Renderer | None) -> Iterable[Part]:
    if os.path.isdir(given):
        return _tops(list(_walk(given, renderer)))
    if os.path.exists(given):
        if not given.endswith(EXTENSIONS):
            raise InputError(f"`{given}` must be one of {', '.join(EXTENSIONS)}", hint="rename the file")
        return (given,)
    if glob.has_magic(given):
        found = sorted(glob.glob(given, recursive=True))
        if found:
            return [part for one in found for part in _matched(one, renderer)]
        raise NotFoundError(f"no file matches `{given}`")
    raise NotFoundError(f"there is no file or folder `{given}`")


def _matched(name: str, renderer: Renderer | None) -> Iterable[Part]:
    if os.path.isdir(name):
        return _tops(list(_walk(name, renderer)))
    return (name,) if name.endswith(EXTENSIONS) else ()


def _tops(parts: list[Part]) -> list[Part]:
    """Return the parts without the bases that others among them are made of: nobody applies those alone."""
    used = {path for part in parts if isinstance(part, Rendered) for path in part.uses}
    return [
        part for part in parts if not isinstance(part, Rendered) or os.path.realpath(part.folder) not in used
    ]


def _walk(folder: str, renderer: Renderer | None) -> Iterator[Part]:
    """Yield the files below a folder in the order of Go's `filepath.Walk`: names sorted, folders in line."""
    with os.scandir(folder) as listed:
        found = sorted(listed, key=_NAME)
    if renderer is not None:
        made = renderer.render(folder, [each.name for each in found])
        if made is not None:
            yield made
            return
    for each in found:
        if each.is_dir(follow_symlinks=False):
            yield from _walk(each.path, renderer)
        elif each.name.endswith(EXTENSIONS):
            # Whoever remembers where an object came from remembers this very text.
            yield sys.intern(each.path)
