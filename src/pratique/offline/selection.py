"""Which suites, tests and cases run: the argument and the `--run` of `gator verify` (gatekeeper.md 6.2).

In: a suite file, a folder or `folder/...`, and an expression. Out: paths, and a `Filter`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pratique.errors import InputError, NotFoundError
from pratique.offline.suitefile import GROUP, read
from pratique.rego import BuiltinError
from pratique.rego.builtins import patterns

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
    try:
        return patterns.compiled(text)
    except BuiltinError as error:
        raise InputError(f"invalid regular expression: {error.message}") from None


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
        isinstance(found, dict) and found.get("kind") == "Suite" and _group(found.get("apiVersion")) == GROUP
    )


def _group(version: Any) -> str:
    """Return the group of an `apiVersion`, which has exactly one slash."""
    group, mark, rest = version.partition("/") if isinstance(version, str) else ("", "", "")
    return group if mark and "/" not in rest else ""
