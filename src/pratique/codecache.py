"""A folder that keeps compiled policies between one start and the next: a mapping of keys to bytes.

In: the folder's path. Out: `Folder`, a mutable mapping with a file for each key. What is read here is run as code, so
the folder must belong to this user, and nobody else may write to it: it is made with mode 0700, and one that is
anybody else's is not used at all. Files are written whole or not at all; processes may share the folder. A cache is
never a reason to fail: what cannot be read or written counts as not there.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Final

# When there are more files than this, the half that is oldest goes.
_MOST: Final = 4000
# So many engines keep their folders: the one at work, and those before it to which somebody may go back.
_ENGINES: Final = 4
_FOLDER: Final = re.compile(r"rego-[0-9a-f]{16}")


class Folder(MutableMapping[str, bytes]):
    """The mapping; keys are hexadecimal digests and words of letters, digits and `-`."""

    def __init__(self, path: Path) -> None:
        """Make the folder if need be.

        Raises OSError when it cannot be made, or is not ours alone.
        """
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _ours(path.lstat(), path)
        self._path = path
        self._prune()

    def __getitem__(self, name: str) -> bytes:
        try:
            # A link is not followed: it would lead out of the folder that is known to be ours.
            handle = os.open(self._file(name), os.O_RDONLY | os.O_NOFOLLOW)
        except OSError:
            raise KeyError(name) from None
        with os.fdopen(handle, "rb") as file:
            try:
                _ours(os.fstat(file.fileno()), self._file(name))
                return file.read()
            except OSError:
                raise KeyError(name) from None

    def __setitem__(self, name: str, value: bytes) -> None:
        temporary = ""
        try:
            handle, temporary = tempfile.mkstemp(dir=self._path, prefix=".")
            with os.fdopen(handle, "wb") as file:
                file.write(value)
            Path(temporary).replace(self._file(name))
        except OSError:
            with suppress(OSError):
                Path(temporary).unlink()

    def __delitem__(self, name: str) -> None:
        try:
            self._file(name).unlink()
        except OSError:
            raise KeyError(name) from None

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._file(name).is_file()

    def __iter__(self) -> Iterator[str]:
        return iter([each.name for each in self._path.iterdir() if not each.name.startswith(".")])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _file(self, name: str) -> Path:
        if not name.replace("-", "").isalnum():
            raise ValueError(f"`{name}` is no key of a cache")
        return self._path / name

    def _prune(self) -> None:
        files = list(self._path.iterdir())
        if len(files) <= _MOST:
            return
        with suppress(OSError):
            for file in sorted(files, key=lambda each: each.stat().st_mtime)[: len(files) // 2]:
                file.unlink()


def _ours(found: os.stat_result, path: Path) -> None:
    if (
        found.st_uid != os.geteuid()
        or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        or stat.S_ISLNK(found.st_mode)
    ):
        raise PermissionError(f"{path} is not this user's alone")


def opened(environ: Mapping[str, str]) -> Folder | None:
    """Return the user's folder for this installation, or None where there can be none.

    `PRATIQUE_CACHE` names another place than `~/.cache/pratique`; empty, it switches the cache off.
    """
    chosen = environ.get("PRATIQUE_CACHE")
    if chosen == "":
        return None
    base = environ.get("XDG_CACHE_HOME") or f"{environ['HOME']}/.cache" if "HOME" in environ else ""
    if not (chosen or base):
        return None
    root = Path(chosen) if chosen else Path(base) / "pratique"
    path = root / f"rego-{_build()}"
    try:
        if not path.exists():
            _forget(root, keep=_ENGINES - 1)
        found = Folder(path)
        os.utime(path)
    except OSError:
        return None
    return found


def _forget(root: Path, *, keep: int) -> None:
    """Remove the folders of other engines, but for the `keep` of them that were used last."""
    ours = [each for each in root.glob("rego-*") if _FOLDER.fullmatch(each.name) and each.is_dir()]
    for folder in sorted(ours, key=lambda each: each.stat().st_mtime, reverse=True)[keep:]:
        shutil.rmtree(folder, ignore_errors=True)


def _build() -> str:
    """Return what tells this installation's engine from one whose code differs but whose version does not."""
    package = Path(__file__).parent / "rego"
    found = hashlib.sha256()
    for file in sorted(package.rglob("*.py")):
        about = file.stat()
        found.update(f"{file.relative_to(package)} {about.st_size} {about.st_mtime_ns}\n".encode())
    return found.hexdigest()[:16]
