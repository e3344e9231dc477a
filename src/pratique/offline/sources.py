"""Where manifests come from: files, folders, globs and standard input, one document at a time.

In: names as a person writes them. Out: `Entry`s, which hold the text of one document and its place, and parse
it when asked: each time anew, so that nothing is shared between two judgements and memory stays flat. It
knows nothing of policies.
"""

from __future__ import annotations

import glob
import itertools
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from pratique.errors import InputError, Location, NotFoundError
from pratique.kube import yaml

EXTENSIONS: Final = (".yaml", ".yml", ".json")
STDIN: Final = "stdin"

# A line that begins with `---` always begins a document (YAML 1.2, 9.1.2), also inside block scalars.
_MARK = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_SPACE = re.compile(r"\s*")
_STEP = re.compile(r"\[(?:(\d+)|'([^']*)')\]|([^.\[\]]+)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One document of a file: `offset` is how many lines stand before it."""

    file: str
    offset: int
    text: str = field(repr=False)

    def read(self) -> Any:
        """Parse the document; None when it is empty.  Raises `SourceError` with its place in the file."""
        try:
            values = yaml.read(self.text, file=self.file)
        except yaml.YamlError as error:
            raise yaml.YamlError(error.message, self._shifted(error.location), hint=error.hint) from None
        return values[0] if values else None

    def document(self) -> yaml.Document:
        """Parse the document with the places of its values, as the whole file counts lines."""
        return yaml.load("\n" * self.offset + self.text, file=self.file)[0]

    def locate(self, path: str = "") -> Location:
        """Return where a field such as `spec.containers[0].image` stands, or its nearest parent."""
        found = yaml.load(self.text, file=self.file)
        if not found:
            return Location(self.file, self.offset + 1, 1)
        return self._shifted(found[0].location(steps(path)))

    def _shifted(self, place: Location) -> Location:
        return replace(place, line=place.line + self.offset)


def steps(path: str) -> tuple[str | int, ...]:
    """Return the steps of a field path as `constraint` writes it."""
    return tuple(int(index) if index else quoted or name for index, quoted, name in _STEP.findall(path))


@dataclass(frozen=True, slots=True)
class Sources:
    """The files that were named, in the order in which they are read, and what standard input said."""

    files: tuple[str, ...]
    piped: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, names: Sequence[str], piped: str | None = None) -> Sources:
        """Find the files behind names.

        Raises `NotFoundError` and `InputError`.
        """
        return cls(tuple(name for given in names for name in _files(given)), piped)

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield each file's name and text, standard input last."""
        for name in self.files:
            yield name, read_text(name)
        if self.piped:
            yield STDIN, self.piped


def split(name: str, text: str) -> Iterator[Entry]:
    """Yield the documents of a text, unparsed; JSON may follow JSON without a mark between them."""
    text = text.removeprefix("\ufeff")
    if text.lstrip()[:1] == "{" and (stream := list(_json_stream(name, text))):
        yield from stream
        return
    marks = [match.start() for match in _MARK.finditer(text)] if "---" in text else []
    bounds = [0, *marks, len(text)]
    offset = 0
    for start, end in itertools.pairwise(bounds):
        part = text[start:end]
        if part.strip() not in ("", "---"):
            yield Entry(name, offset, part)
        offset += part.count("\n")


def _json_stream(name: str, text: str) -> Iterator[Entry]:
    """Yield the values of a text that is nothing but JSON values, and nothing for any other text."""
    decoder = json.JSONDecoder()
    found: list[Entry] = []
    start = _SPACE.match(text, 0).end()  # type: ignore[union-attr]  # it matches the empty text
    offset = text.count("\n", 0, start)
    while start < len(text):
        try:
            _, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            return
        found.append(Entry(name, offset, text[start:end]))
        following = _SPACE.match(text, end).end()  # type: ignore[union-attr]
        offset += text.count("\n", start, following)
        start = following
    # One value needs no splitting, and its columns are those of the text.
    if len(found) > 1:
        yield from found


def read_text(name: str) -> str:
    """Return a file's text; raises `InputError` when it cannot be read."""
    try:
        return Path(name).read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"`{name}` is not UTF-8: byte {error.start + 1} cannot be read") from None
    except OSError as error:
        raise InputError(f"`{name}` cannot be read: {error.strerror}") from None


def _files(given: str) -> Iterable[str]:
    if os.path.isdir(given):
        return _walk(given)
    if os.path.exists(given):
        if not given.endswith(EXTENSIONS):
            raise InputError(f"`{given}` must be one of {', '.join(EXTENSIONS)}", hint="rename the file")
        return (given,)
    if glob.has_magic(given):
        found = sorted(glob.glob(given, recursive=True))
        if found:
            return [name for one in found for name in _matched(one)]
        raise NotFoundError(f"no file matches `{given}`")
    raise NotFoundError(f"there is no file or folder `{given}`")


def _matched(name: str) -> Iterable[str]:
    if os.path.isdir(name):
        return _walk(name)
    return (name,) if name.endswith(EXTENSIONS) else ()


def _walk(folder: str) -> Iterator[str]:
    """Yield the files below a folder in the order of Go's `filepath.Walk`: names sorted, folders in line."""
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if os.path.isdir(path) and not os.path.islink(path):
            yield from _walk(path)
        elif path.endswith(EXTENSIONS):
            yield path
