"""Policies and data from paths, as OPA loads them: files, folders, globs, `prefix:path`, things to ignore.

Comes in: what a person named. Goes out: sources of Rego, and one document of data; a file that is none of the two
is refused where it was named itself, and passed over in a folder.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pratique.errors import InputError
from pratique.rego import Source, Version, parse_number

_DOCUMENTS = (".json", ".yaml", ".yml")
_BUNDLED = ("data.json", "data.yaml", "data.yml")


@dataclass(slots=True)
class Loaded:
    """What paths hold: policies, and base data."""

    sources: list[Source] = field(default_factory=list)
    data: dict[str, Any] = field(default_factory=dict)

    def add(self, other: Loaded) -> None:
        """Take in what other paths hold."""
        self.sources += other.sources
        _merge(self.data, (), other.data, Path("bundle"))


def load(
    paths: Iterable[str], version: Version, *, ignore: Sequence[str] = (), bundle: bool = False
) -> Loaded:
    """Read policies and data; in a bundle, data lies only in files called `data`. Raises InputError."""
    found = Loaded()
    for named in paths:
        prefix, path = _split(named)
        for file in _files(path, ignore):
            below = prefix if file == path else (*prefix, *file.parent.relative_to(path).parts)
            if file.suffix == ".rego":
                found.sources.append(Source(str(file), text_of(file), version))
            elif file.suffix in _DOCUMENTS and not (bundle and file.name not in _BUNDLED):
                _merge(found.data, below, document(file), file)
            elif file == path:
                raise InputError(
                    f"`{file}` is neither a policy nor data", hint="name a .rego, .json or .yaml file"
                )
    return found


def files(paths: Iterable[str], *, ignore: Sequence[str] = ()) -> Iterator[Path]:
    """Yield every file that paths name or hold. Raises InputError."""
    for named in paths:
        yield from _files(Path(named), ignore)


def policies(paths: Iterable[str], version: Version, *, ignore: Sequence[str] = ()) -> list[Source]:
    """Read policies alone: the `.rego` files that paths hold."""
    return [
        Source(str(file), text_of(file), version)
        for file in files(paths, ignore=ignore)
        if file.suffix == ".rego"
    ]


def expanded(paths: Iterable[str]) -> list[str]:
    """Return the paths with patterns (`*`, `?`, `[`, `**`) replaced by what they match; a shell may not have."""
    found = []
    for named in paths:
        if Path(named).exists() or not any(char in named for char in "*?["):
            found.append(named)
            continue
        base = Path("/") if named.startswith("/") else Path()
        matches = sorted(map(str, base.glob(named.lstrip("/"))))
        if not matches:
            raise InputError(f"no file matches `{named}`", hint="check the pattern, or name a folder")
        found += matches
    return found


def _split(named: str) -> tuple[tuple[str, ...], Path]:
    # `a.b:path` puts a document below `data.a.b`, as OPA's loader has it.
    head, colon, rest = named.partition(":")
    if colon and not Path(named).exists() and "/" not in head and rest:
        return tuple(head.split(".")), Path(rest)
    return (), Path(named)


def _files(path: Path, ignore: Sequence[str]) -> Iterator[Path]:
    if not path.exists():
        raise InputError(f"`{path}` does not exist", hint="name a file or a folder that exists")
    if not path.is_dir():
        yield path
        return
    for each in sorted(path.iterdir()):
        if any(fnmatchcase(each.name, pattern) for pattern in ignore):
            continue
        yield from _files(each, ignore)


def _merge(data: dict[str, Any], below: tuple[str, ...], found: Any, file: Path) -> None:
    for name in below:
        data = data.setdefault(name, {})
    if not isinstance(found, dict):
        raise InputError(f"`{file}` holds no object", hint="data has names at its top level")
    for name, value in found.items():
        if isinstance(value, dict) and isinstance(data.get(name), dict):
            _merge(data[name], (), value, file)
        elif name in data:
            raise InputError(f"`{file}` gives `{name}` a second value", hint="keep one of the two")
        else:
            data[name] = value


def schemas(named: str | None) -> dict[tuple[str, ...], Any] | None:
    """Return JSON schemas by name: a file's is the input's, those of a folder are named by their paths in it.

    Raises InputError.
    """
    if not named:
        return None
    path = Path(named)
    if not path.is_dir():
        return {(): document(path)}
    found = sorted(each for each in path.rglob("*") if each.is_file())
    return {each.relative_to(path).with_suffix("").parts: document(each) for each in found}


def text_of(path: Path) -> str:
    """Return a file's text; `-` is standard input. Raises InputError."""
    try:
        return sys.stdin.read() if str(path) == "-" else path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"`{path}` cannot be read: {error}", hint="name a text file that exists") from error


def document(path: Path) -> Any:
    """Return what a JSON or YAML file holds, numbers with their digits. Raises InputError."""
    from pratique.kube import yaml

    text = text_of(path)
    try:
        return json.loads(text, parse_float=parse_number, parse_int=parse_number)
    except ValueError as error:
        if path.suffix == ".json":
            raise InputError(
                f"`{path}` is not JSON that can be read: {error}", hint="check the text with a JSON formatter"
            ) from error
    documents = yaml.read(text, file=str(path))
    return documents[0] if documents else None
