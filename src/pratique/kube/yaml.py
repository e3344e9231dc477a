"""YAML as `kubectl` reads it, with a line and a column for every value.

In: text. Out: plain dicts, lists and scalars, or `Document`s that also know where each path stands. The
scalars are go-yaml's (`scalars.py`), not PyYAML's, and a key is always text. Values alone are read by
`plainyaml` where it can, and otherwise, as all places and all errors, by libyaml. It knows nothing of Kubernetes
objects.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import yaml
from yaml import cyaml

from pratique.errors import Location, SourceError
from pratique.kube import plainyaml
from pratique.kube.scalars import plain

Path = Sequence[str | int]

MAX_DEPTH: Final = 200
# Aliases may repeat what they name, but not multiply a small file into a huge value.
MAX_ALIASED: Final = 200_000

_MERGE: Final = "<<"
_SURROGATES = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_PLAIN: Final = "plain"
_TEXT: Final = "text"
_TAG: Final = "tag:yaml.org,2002:"


class YamlError(SourceError):
    """The text is not YAML, or not what Kubernetes makes of YAML."""


class _Reader(cyaml.CParser):  # type: ignore[name-defined,misc]  # the stubs lack libyaml's parser
    """libyaml's parser, composing nodes whose tag only says how a scalar was written."""

    file = ""
    depth = 0

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        # Scalars come with a pair, lists and mappings with one flag.
        return _PLAIN if isinstance(implicit, tuple) and implicit[0] else _TEXT

    def descend_resolver(self, parent: Any, index: Any) -> None:
        """Count the depth, since the composer recurses; paths resolve no tags here."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            mark = parent.start_mark
            raise YamlError(
                f"nested deeper than {MAX_DEPTH} levels", Location(self.file, mark.line + 1, mark.column + 1)
            )

    def ascend_resolver(self) -> None:
        """Count the depth back."""
        self.depth -= 1


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a YAML text: its value, and where everything in it stands."""

    value: Any
    file: str
    line: int
    index: int = 0
    _root: Any = field(default=None, repr=False)
    _lines: tuple[str, ...] = field(default=(), repr=False)

    def location(self, path: Path = ()) -> Location:
        """Return where the value at a path stands; where its nearest parent stands, if it is missing."""
        node = self._root
        for step in path:
            found = _child(node, step)
            if found is None:
                break
            node = found
        return self._at(node)

    def key_location(self, path: Path) -> Location:
        """Return where the key of the value at a path stands."""
        node = self._root
        for step in path[:-1]:
            node = _child(node, step)
        if isinstance(node, yaml.MappingNode):
            for key, _ in node.value:
                if _key(key, self.file) == path[-1]:
                    return self._at(key, width=len(str(path[-1])))
        return self.location(path)

    def inside(self, path: Path, line: int, column: int) -> Location:
        """Return where a line and column inside a text value stand in this file.

        Exact for block scalars (`|`) and for one-line plain or quoted ones; otherwise where the value begins.
        """
        node = self._root
        for step in path:
            node = _child(node, step)
            if node is None:
                return self.location(path)
        if not isinstance(node, yaml.ScalarNode):
            return self._at(node)
        start_line, start_column = node.start_mark.line, node.start_mark.column
        if node.style == "|":
            row = start_line + line
            indent = self._indent(start_line + 1, node.end_mark.line)
            return self._place(row, indent + column - 1)
        if line == 1 and node.style != ">" and node.end_mark.line == start_line:
            return self._place(start_line, start_column + column - (0 if node.style else 1))
        return self._at(node)

    def _indent(self, first: int, last: int) -> int:
        for row in range(first, min(last + 1, len(self._lines))):
            stripped = self._lines[row].lstrip(" ")
            if stripped:
                return len(self._lines[row]) - len(stripped)
        return 0

    def _at(self, node: Any, *, width: int = 1) -> Location:
        if node is None:
            return Location(self.file, self.line, 1)
        return self._place(node.start_mark.line, node.start_mark.column, width=width)

    def _place(self, row: int, column: int, *, width: int = 1) -> Location:
        text = self._lines[row] if 0 <= row < len(self._lines) else ""
        return Location(self.file, row + 1, column + 1, text, width)


def load(text: str, *, file: str = "<input>") -> list[Document]:
    """Read every document of a text that is not empty, with the places of its values."""
    lines = tuple(text.split("\n"))
    return [
        Document(value, file, node.start_mark.line + 1, index, node, lines)
        for index, (value, node) in enumerate(_read(text, file))
        if value is not None
    ]


def read(text: str, *, file: str = "<input>") -> list[Any]:
    """Read the values of every document of a text that is not empty."""
    quickly = plainyaml.read(text)
    if quickly is not plainyaml.UNREAD:
        return [quickly]
    return [value for value, _ in _read(text, file) if value is not None]


def read_one(text: str, *, file: str = "<input>") -> Any:
    """Read a text that holds exactly one document."""
    values = read(text, file=file)
    if len(values) != 1:
        raise YamlError(f"{len(values)} documents, where one is wanted", Location(file, 1, 1))
    return values[0]


def _read(text: str, file: str) -> list[tuple[Any, Any]]:
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise YamlError("a zero byte is not allowed in YAML", Location(file, line, 1))
    if "\\u" in text and text.lstrip("-. \t\r\n").startswith("{"):
        # JSON writes a character beyond 16 bits as two escapes, which are none in YAML.
        text = _SURROGATES.sub(_joined, text)
    found = []
    try:
        reader = _Reader(text)
        reader.file = file
        try:
            while reader.check_node():
                node = reader.get_node()
                found.append((_Builder(file).build(node, 0), node))
        finally:
            reader.dispose()
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, text, file) from None
    except (yaml.YAMLError, UnicodeError) as error:
        reason = str(getattr(error, "reason", "") or error).splitlines()[0]
        raise YamlError(f"not YAML: {reason}", Location(file, 1, 1)) from None
    return found


def _joined(match: re.Match[str]) -> str:
    high, low = int(match[2], 16), int(match[3], 16)
    return match[1] + chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def _syntax_error(error: yaml.MarkedYAMLError, text: str, file: str) -> YamlError:
    mark = error.problem_mark or error.context_mark
    row, column = (mark.line, mark.column) if mark else (0, 0)
    lines = text.split("\n")
    line = lines[row] if row < len(lines) else ""
    reason = str(error.problem or error.context or "unreadable")
    message = f"not YAML: {reason}"
    if "nesting depth" in reason:
        # libyaml's own limit, met by lists in brackets before ours is.
        message = f"nested deeper than {MAX_DEPTH} levels"
    hint = "indent with spaces, not tabs" if "\t" in line[: column + 1] else ""
    return YamlError(message, Location(file, row + 1, column + 1, line), hint=hint)


class _Builder:
    """Turns one document's nodes to values; aliases are built anew each time, so no value is shared."""

    __slots__ = ("_built", "_file", "_open", "_seen")

    def __init__(self, file: str) -> None:
        self._file = file
        self._seen: set[int] = set()
        self._open: set[int] = set()
        self._built = 0

    def build(self, node: Any, depth: int) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node, self._file)
        self._enter(node, depth)
        value: Any
        if isinstance(node, yaml.SequenceNode):
            value = [self.build(item, depth + 1) for item in node.value]
        else:
            value = self._mapping(node, depth)
        self._open.discard(id(node))
        return value

    def _mapping(self, node: Any, depth: int) -> dict[str, Any]:
        value: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, item in node.value:
            if key.value == _MERGE and key.tag == _PLAIN:
                for source in item.value if isinstance(item, yaml.SequenceNode) else [item]:
                    found = self.build(source, depth + 1)
                    if not isinstance(found, dict):
                        raise self._error("`<<` takes a mapping, or a list of mappings", item)
                    for name, part in found.items():
                        merged.setdefault(name, part)
            else:
                value[_key(key, self._file)] = self.build(item, depth + 1)
        return {**merged, **value} if merged else value

    def _enter(self, node: Any, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise self._error(f"nested deeper than {MAX_DEPTH} levels", node)
        mark = id(node)
        if mark in self._seen:
            if mark in self._open:
                raise self._error("an anchor contains itself", node)
            self._built += len(node.value)
            if self._built > MAX_ALIASED:
                raise self._error("aliases multiply this document beyond reason", node)
        self._seen.add(mark)
        self._open.add(mark)

    def _error(self, message: str, node: Any) -> YamlError:
        return YamlError(message, Location(self._file, node.start_mark.line + 1, node.start_mark.column + 1))


def _child(node: Any, step: str | int) -> Any:
    if isinstance(node, yaml.MappingNode):
        found = None
        for key, value in node.value:
            if key.value == step or _key(key, "") == step:
                found = value  # the last of two equal keys wins, as in the value
        return found
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and 0 <= step < len(node.value):
        return node.value[step]
    return None


def _key(node: Any, file: str) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise YamlError(
            "a key must be text", Location(file, node.start_mark.line + 1, node.start_mark.column + 1)
        )
    value = _scalar(node, file)
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        raise YamlError(
            "a key must be text, and this one is null",
            Location(file, node.start_mark.line + 1, node.start_mark.column + 1),
            hint='put the key in quotes: `"null": ...`',
        )
    return str(value)


def _scalar(node: Any, file: str) -> Any:
    tag = node.tag
    if tag == _TEXT:
        return node.value
    try:
        if tag == _PLAIN:
            return plain(node.value)
        return _tagged(tag, node.value)
    except ValueError as error:
        raise YamlError(
            str(error), Location(file, node.start_mark.line + 1, node.start_mark.column + 1)
        ) from None


def _tagged(tag: str, text: str) -> Any:
    kind = tag.removeprefix(_TAG)
    if kind == tag or kind == "str":
        return text
    if kind == "binary":
        try:
            return base64.b64decode(text).decode("utf-8", "replace")
        except binascii.Error:
            raise ValueError("`!!binary` is not Base64") from None
    value = plain(text)
    if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        return value
    wanted = {"bool": bool, "int": int, "float": float, "null": type(None)}.get(kind)
    if wanted is not None and type(value) is not wanted:
        raise ValueError(f"`{text}` is no {kind}")
    return value if wanted is not None else text


class _Writer(yaml.CSafeDumper):
    """Writes block style, long texts as `|`, and quotes whatever would be read as something else."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(writer: Any, text: str) -> Any:
    if "\n" in text and not re.search(r"[ \t]\n|^\s|[\x00-\x08\x0b-\x1f\x7f\ufeff]", text):
        return writer.represent_scalar(f"{_TAG}str", text, style="|")
    return writer.represent_scalar(f"{_TAG}str", text, style='"' if _ambiguous(text) else None)


def _ambiguous(text: str) -> bool:
    try:
        return plain(text) is not text
    except ValueError:
        return True


_Writer.add_representer(str, _represent_text)
_Writer.add_representer(tuple, lambda writer, value: writer.represent_list(list(value)))


def dump(value: Any, *, sort: bool = False, width: int = 4096) -> str:
    """Write one value as a YAML document that every YAML reader reads back the same.

    With `sort` and a `width` of 80, it is laid out as Go's `sigs.k8s.io/yaml` does.
    """
    return yaml.dump(
        value, Dumper=_Writer, sort_keys=sort, default_flow_style=False, allow_unicode=True, width=width
    )


def dump_all(values: Iterable[Any]) -> str:
    """Write several values as one text, with `---` between them."""
    return "---\n".join(dump(value) for value in values)
