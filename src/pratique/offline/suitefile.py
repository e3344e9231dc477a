"""Suite files: read as `gator verify` reads them, and held to the types that it wants (gatekeeper.md 6.2).

In: a file. Out: plain data with yaml.v3's scalars (`yes` and `no` are text, a date is a time), and tests in which
every field that gator knows has its type. A wrong type says where it stands and what is wanted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

import yaml
from yaml import cyaml

from pratique.errors import InputError, Location, SourceError
from pratique.kube import scalars
from pratique.offline.entries import read_text

GROUP: Final = "test.gatekeeper.sh"
Object = dict[str, Any]
Path = tuple[str | int, ...]

# Aliases may repeat what they name, but not multiply a small file into a huge value.
MAX_VALUES: Final = 200_000

_STR: Final = "tag:yaml.org,2002:str"
_PLAIN: Final = "plain"
_TYPES: Final = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("bool", "int", "float", "null", "timestamp")
)
_MERGE: Final = "<<"
_INT32: Final = range(-(1 << 31), 1 << 31)
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}(?:$|[Tt ])")
_BOOLEANS: Final = {
    text: text.lower() == "true" for text in ("true", "True", "TRUE", "false", "False", "FALSE")
}


Plain = Callable[[str], Any]


class _Reader(cyaml.CParser):  # type: ignore[name-defined,misc]  # the stubs lack libyaml's parser
    """libyaml's parser, composing nodes whose tag says whether a scalar was written without quotes."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        return _PLAIN if isinstance(implicit, tuple) and implicit[0] else _STR

    def descend_resolver(self, parent: Any, index: Any) -> None:
        pass

    def ascend_resolver(self) -> None:
        pass


class Places:
    """Where the values of one file stand, by their path."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self._lines = text.split("\n")
        self._nodes: dict[Path, Any] = {}

    def put(self, path: Path, node: Any) -> None:
        """Keep where a value stands; raises `SourceError` when there are too many."""
        if len(self._nodes) > MAX_VALUES:
            raise SourceError("aliases multiply this document beyond reason", self.of(node.start_mark))
        self._nodes[path] = node

    def at(self, path: Path) -> Location:
        """Return where a value stands, or what is around it."""
        while path not in self._nodes:
            path = path[:-1]
        return self.of(self._nodes[path].start_mark)

    def value(self, path: Path) -> Any:
        """Return the value at a path as Kubernetes reads it: to it, `yes` is true, and a date is text."""
        return _build(self._nodes[path], path, self, (), scalars.plain)

    def of(self, mark: Any) -> Location:
        """Return the place of one of libyaml's marks."""
        line = self._lines[mark.line] if mark.line < len(self._lines) else ""
        return Location(self._file, mark.line + 1, mark.column + 1, line)


def read(path: str) -> Any:
    """Return the first document of a file, None when it has none; raises what `read_placed` raises."""
    return read_placed(path)[0]


def read_placed(path: str) -> tuple[Any, Places]:
    """Return the first document of a file, and where its values stand.

    Raises `InputError` when it cannot be read or is no YAML, and `SourceError` when it is no mapping.
    """
    text = read_text(path)
    places = Places(path, text)
    try:
        node = _first(text)
        found = None if node is None else _build(node, (), places, (), _plain)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise InputError(f"{path}{line}: not YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise InputError(f"{path}: not YAML: {str(error).splitlines()[0]}") from None
    except RecursionError:
        raise InputError(f"{path}: nested too deeply") from None
    if found is not None and not isinstance(found, dict):
        raise SourceError(
            "a mapping is wanted here, as every Kubernetes object is one",
            Location(path, node.start_mark.line + 1, 1),
        )
    return found, places


def _first(text: str) -> Any:
    reader = _Reader(text)
    try:
        return reader.get_node() if reader.check_node() else None
    finally:
        reader.dispose()


def _build(node: Any, path: Path, places: Places, around: tuple[int, ...], plain: Plain) -> Any:
    """Return the value of a node that stands inside the nodes `around`; `plain` reads scalars without quotes."""
    places.put(path, node)
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, places, plain)
    if id(node) in around:
        raise SourceError("an anchor contains itself", places.of(node.start_mark))
    inside = (*around, id(node))
    if isinstance(node, yaml.SequenceNode):
        return [_build(item, (*path, index), places, inside, plain) for index, item in enumerate(node.value)]
    found: Object = {}
    merged: Object = {}
    for key, item in node.value:
        if key.value == _MERGE and key.tag == _PLAIN:
            for source in item.value if isinstance(item, yaml.SequenceNode) else [item]:
                part = _build(source, path, places, inside, plain)
                if not isinstance(part, dict):
                    raise SourceError(
                        "`<<` takes a mapping, or a list of mappings", places.of(item.start_mark)
                    )
                merged = part | merged
            continue
        name = _key(key, places, top=not path)
        if name in found:
            raise SourceError(
                f"`{name}` stands here twice", places.of(key.start_mark), hint="keep one of them"
            )
        found[name] = _build(item, (*path, name), places, inside, plain)
    return merged | found


def _key(node: Any, places: Places, *, top: bool) -> str:
    value = _scalar(node, places, _plain) if isinstance(node, yaml.ScalarNode) else node
    if isinstance(value, str):
        return value
    if top and isinstance(node, yaml.ScalarNode):
        return str(node.value)
    raise SourceError("a key must be text", places.of(node.start_mark), hint="put it in quotes")


def _scalar(node: Any, places: Places, plain: Plain) -> Any:
    if node.tag != _PLAIN and node.tag not in _TYPES:
        return node.value
    try:
        return plain(node.value)
    except ValueError as error:
        raise SourceError(str(error), places.of(node.start_mark), hint="put it in quotes") from None


def _plain(text: str) -> Any:
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if isinstance(scalars.CONSTANTS.get(text), bool):
        return text
    return scalars.plain(text) if (time := _time(text)) is None else time


def _time(text: str) -> str | None:
    """Return a time as JSON has it, None for any other text: yaml.v3 reads `2020-01-02` as one."""
    if not _DATE.match(text):
        return None
    try:
        found = datetime.fromisoformat(text) if ":" in text else datetime.strptime(text, "%Y-%m-%d")
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).isoformat().replace("+00:00", "Z")


def checked(found: Object, places: Places) -> Object:
    """Return a suite, each field under the name that gator gives it and with its type; nulls are left out.

    Raises `SourceError` for the first value of a wrong type.
    """
    return _fields(found, (), _SUITE, places)


Check = Callable[[Any, Path, Places], Any]


def _fields(value: Any, path: Path, known: Mapping[str, Check], places: Places) -> Object:
    if value is None:
        return {}
    if not isinstance(value, dict):
        _refuse(value, path, places, "an object")
    found: Object = {}
    # Go takes a key for a field whatever its case, the last one that it meets, and it writes them sorted.
    for key in sorted(value):
        name = key if key in known else _FOLDED.get(key.lower(), key)
        check = known.get(name)
        item = value[key]
        if check is not None and (item is not None or check is _any):
            found[name] = check(item, (*path, key), places)
    return found


def _text(value: Any, path: Path, places: Places) -> Any:
    return value if isinstance(value, str) else _refuse(value, path, places, "text", "put it in quotes")


def _flag(value: Any, path: Path, places: Places) -> Any:
    return (
        value if isinstance(value, bool) else _refuse(value, path, places, "true or false", "without quotes")
    )


def _whole(value: Any, path: Path, places: Places) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return _refuse(value, path, places, "a whole number")


def _count(value: Any, path: Path, places: Places) -> Any:
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool) and value in _INT32):
        return value
    return _refuse(value, path, places, "yes, no or a whole number")


def _any(value: Any, path: Path, places: Places) -> Any:
    return places.value(path)


def _list(check: Check) -> Check:
    def checked(value: Any, path: Path, places: Places) -> Any:
        if not isinstance(value, list):
            _refuse(value, path, places, "a list")
        return [check(item, (*path, index), places) for index, item in enumerate(value)]

    return checked


def _object(known: Mapping[str, Check], *, wanted: bool = False) -> Check:
    def checked(value: Any, path: Path, places: Places) -> Any:
        if value is None and wanted:
            _refuse(value, path, places, "an object")
        return _fields(value, path, known, places)

    return checked


def _map(value: Any, path: Path, places: Places) -> Any:
    if not isinstance(value, dict):
        _refuse(value, path, places, "an object")
    return {key: _text("" if item is None else item, (*path, key), places) for key, item in value.items()}


def _file(value: Any, path: Path, places: Places) -> Any:
    return "" if value is None else _text(value, path, places)


def _refuse(value: Any, path: Path, places: Places, wanted: str, hint: str = "") -> NoReturn:
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
    shown = (
        "an object" if isinstance(value, dict) else "a list" if isinstance(value, list) else json.dumps(value)
    )
    raise SourceError(
        f"`{where}` must be {wanted}, not {shown}",
        places.at(path),
        hint="" if isinstance(value, (dict, list)) else hint,
    )


_ASSERTION: Final[dict[str, Check]] = {
    "violations": _count,
    "message": _text,
    # What follows is about mutation, and ours.
    **dict.fromkeys(("path", "exists", "mutated", "error"), _text),
    "value": _any,
}
_CASE: Final[dict[str, Check]] = {
    **dict.fromkeys(("name", "object"), _text),
    "inventory": _list(_file),
    "assertions": _list(_object(_ASSERTION)),
    "skip": _flag,
    **dict.fromkeys(("expected", "operation", "username"), _text),
    "externalData": _any,
}
_TEST: Final[dict[str, Check]] = {
    **dict.fromkeys(("name", "template", "constraint", "expansion"), _text),
    "cases": _list(_object(_CASE, wanted=True)),
    **dict.fromkeys(("invalid", "skip"), _flag),
    "mutators": _list(_text),
}
# gator takes the fields of an object's metadata at the top of a suite, where nobody writes them.
_SUITE: Final[dict[str, Check]] = {
    "tests": _list(_object(_TEST)),
    "skip": _flag,
    **dict.fromkeys(("name", "generateName", "namespace", "selfLink", "uid", "resourceVersion"), _text),
    **dict.fromkeys(("generation", "deletionGracePeriodSeconds"), _whole),
    **dict.fromkeys(("labels", "annotations"), _map),
    "finalizers": _list(_file),
}
_FOLDED: Final = {name.lower(): name for known in (_SUITE, _TEST, _CASE, _ASSERTION) for name in known}
