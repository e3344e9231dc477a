"""One document of a file: its text and its place.

In: texts. Out: `Entry`s, which parse their document when asked: each time anew, so that nothing is shared between
two judgements and memory stays flat. It knows nothing of policies.
"""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pratique.errors import InputError, Location, PratiqueError
from pratique.kube import objects, yaml

STDIN: Final = "stdin"

# A line that begins with `---` always begins a document (YAML 1.2, 9.1.2), also inside block scalars.
_MARK = re.compile(r"^---(?=\s|$)", re.MULTILINE)
# Files that were joined keep their byte order marks.
_BOM = re.compile(r"^\ufeff|(?<=\n---\n)\ufeff")
# What is asked of a file at a time.
_AT_ONCE: Final = 1 << 16
_SPACE = re.compile(r"\s*")
_STEP = re.compile(r"\[(?:(\d+)|'([^']*)')\]|([^.\[\]]+)")


@dataclass(frozen=True, slots=True)
class Origin:
    """The object that a document was made from: its file, and the kind and name that its maker gave it since."""

    file: str
    kind: str
    name: str

    def locator(self) -> Callable[[str], Location]:
        """Return a function to where a field stands in the original: the file's first line if it is not there."""
        try:
            entries = [entry for entry in split(self.file, read_text(self.file)) if self._likeness(entry)]
        except PratiqueError:
            entries = []
        if not entries:
            return lambda _: Location(self.file, 1, 1)
        return max(entries, key=self._likeness).locator()

    def _likeness(self, entry: Entry) -> int:
        """Return how much of the name was there before prefixes and suffixes came, 0 for another kind."""
        try:
            found = entry.read()
        except PratiqueError:
            return 0
        if not isinstance(found, dict) or found.get("kind") != self.kind:
            return 0
        name = objects.name(found)
        return 2 + len(name) if name == self.name else 1 + len(name) * (name in self.name)


@dataclass(frozen=True, slots=True)
class Entry:
    """One document of a file: `offset` is how many lines stand before it."""

    file: str
    offset: int
    text: str = field(repr=False)
    origin: Origin | None = field(default=None, repr=False)

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

    def places(self) -> Places:
        """Return where everything in the document stands, without parsing it yet."""
        return Places(self)

    def locate(self, path: str = "") -> Location:
        """Return where a field such as `spec.containers[0].image` stands, or its nearest parent."""
        return self.locator()(path)

    def locator(self) -> Callable[[str], Location]:
        """Return a function from a field's path to its place; many questions then cost one parse."""
        if self.origin is not None:
            return self.origin.locator()
        found = yaml.load(self.text, file=self.file)
        if not found:
            return lambda _: Location(self.file, self.offset + 1, 1)
        return lambda path: self._shifted(found[0].location(steps(path)))

    def _shifted(self, place: Location) -> Location:
        return replace(place, line=place.line + self.offset)


class Places:
    """Where everything in a document stands: it is parsed for that when somebody asks first, which is rare."""

    __slots__ = ("_document", "_entry")

    def __init__(self, entry: Entry) -> None:
        """Know the document's text."""
        self._entry = entry
        self._document: yaml.Document | None = None

    def location(self, path: yaml.Path = ()) -> Location:
        """Return where the value at a path stands; where its nearest parent stands, if it is missing."""
        return self._read().location(path)

    def inside(self, path: yaml.Path, line: int, column: int) -> Location:
        """Return where a line and column inside a text value stand in the file."""
        return self._read().inside(path, line, column)

    def _read(self) -> yaml.Document:
        if self._document is None:
            self._document = self._entry.document()
        return self._document


def steps(path: str) -> tuple[str | int, ...]:
    """Return the steps of a field path as `constraint` writes it."""
    return tuple(int(index) if index else quoted or name for index, quoted, name in _STEP.findall(path))


def split(name: str, text: str) -> Iterator[Entry]:
    """Yield the documents of a text, unparsed; JSON may follow JSON without a mark between them."""
    if text[:1].isalpha() and "---" not in text:
        # Almost every file: one document, and no JSON.
        yield Entry(name, 0, text)
        return
    if "\ufeff" in text:
        text = _BOM.sub("", text)
    if text.lstrip()[:1] == "{" and (stream := list(_json_stream(name, text))):
        yield from stream
        return
    marks = [match.start() for match in _MARK.finditer(text)] if "---" in text else []
    bounds = [0, *marks, len(text)]
    offset = 0
    for start, end in itertools.pairwise(bounds):
        part = text[start:end]
        if part.strip(" \t\r\n") not in ("", "---"):  # other blanks are a text, to YAML
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
        return as_text(name, _content(name))
    except OSError as error:
        raise InputError(f"`{name}` cannot be read: {error.strerror}") from None


def _content(name: str) -> bytes:
    """Return a file's content. Most files are small, and opening them as Python does costs twice as much."""
    file = os.open(name, os.O_RDONLY)
    try:
        content = os.read(file, _AT_ONCE)
        while part := os.read(file, _AT_ONCE):
            content += part
    finally:
        os.close(file)
    return content


def as_text(name: str, content: bytes) -> str:
    """Return the text of a file's content; raises `InputError` when it is none."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"`{name}` is not UTF-8: byte {error.start + 1} cannot be read") from None
