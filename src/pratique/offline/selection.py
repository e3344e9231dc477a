"""Which suites, tests and cases run: the argument and the `--run` of `gator verify` (gatekeeper.md 6.2).

In: a suite file, a folder or `folder/...`, and an expression. Out: paths, and a `Filter`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import re2
import yaml

from pratique.errors import InputError, NotFoundError
from pratique.offline.entries import read_text

GROUP: Final = "test.gatekeeper.sh"
RECURSIVE: Final = "..."
_EXTENSIONS: Final = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which tests and cases run: `test//case`, or one expression for either."""

    test: Any = None
    case: Any = None
    either: Any = None

    @classmethod
    def of(cls, expression: str) -> Filter:
        """Read a filter; raises `InputError`."""
        if not expression:
            return cls()
        parts = expression.split("//")
        if len(parts) > 2:
            raise InputError(
                f"a filter has at most one `//`: `{expression}`", hint="write `--run test//case`"
            )
        compiled = [pattern(part) if part else None for part in parts]
        return cls(either=compiled[0]) if len(parts) == 1 else cls(compiled[0], compiled[1])

    def wants_test(self, test: Mapping[str, Any]) -> bool:
        """Tell whether a test runs, with whichever of its cases."""
        name = test.get("name") or ""
        if self.either is not None:
            cases = test.get("cases") or ()
            return bool(self.either.search(name)) or any(
                self.either.search(case.get("name") or "") for case in cases
            )
        return self.test is None or bool(self.test.search(name))

    def wants_case(self, test: str, case: str) -> bool:
        """Tell whether a case of a test that runs, runs."""
        if self.either is not None:
            return bool(self.either.search(test) or self.either.search(case))
        return self.case is None or bool(self.case.search(case))


def pattern(text: str) -> Any:
    """Compile a regular expression; raises `InputError`."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(text, options)
    except re2.error as error:
        reason = error.args[0] if error.args else error
        reason = reason.decode() if isinstance(reason, bytes) else reason
        raise InputError(f"`{text}` is no regular expression: {reason}") from None


def find(target: str) -> list[str]:
    """Return the suite files that a target names.

    A file among them that is no YAML could be a suite that is never run, so it is refused.

    Raises `NotFoundError` and `InputError`.
    """
    recursive = os.path.basename(target) == RECURSIVE
    base = os.path.dirname(target) or "." if recursive else target
    if not os.path.exists(base):
        raise NotFoundError(f"there is no file or folder `{base}`")
    if os.path.isfile(base):
        if recursive:
            raise InputError(f"`{base}` is a file: `{RECURSIVE}` follows a folder")
        if not base.endswith(_EXTENSIONS):
            raise InputError(f"`{base}` is no suite: the name must end with .yaml or .yml")
        return [base]
    # A name begins as the person wrote the folder.
    lead = "" if base == "." else f"{base.rstrip('/')}/"
    found = (
        f"{lead}{path.relative_to(base)}"
        for path in Path(base).glob("**/*" if recursive else "*")
        if path.suffix in _EXTENSIONS and path.is_file()
    )
    return sorted((path for path in found if is_suite(read(path))), key=os.path.abspath)


def is_suite(found: Any) -> bool:
    """Tell whether a document is a suite, of whatever version."""
    return (
        isinstance(found, dict)
        and found.get("kind") == "Suite"
        and str(found.get("apiVersion") or "").partition("/")[0] == GROUP
    )


class _Loader(yaml.CBaseLoader):
    """Reads every scalar as text: `yes` and `no` are text in suites, and nothing else is needed."""


def read(path: str) -> Any:
    """Return the first document of a file with all its scalars as text, None when it has none.

    Raises `InputError` when it is no YAML, or not a mapping.
    """
    try:
        found = next(iter(yaml.load_all(read_text(path), Loader=_Loader)), None)  # makes texts only
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise InputError(f"{path}{line}: not YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not YAML: {str(error).splitlines()[0]}") from None
    except RecursionError:
        raise InputError(f"{path}: nested too deeply") from None
    if not isinstance(found, dict) and found not in (None, ""):
        raise InputError(f"{path}: a mapping is wanted here, as every Kubernetes object is one")
    return found
