"""Path tests: what must or must not exist along a location before a mutator may act.

In: a location and `spec.parameters.pathTests`. Out: a condition for each depth of the location, checked for
contradictions (gatekeeper.md 1.9). Unlike Gatekeeper, whose check compares the order in which tests were
written, a required path below a forbidden one is found wherever it stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pratique.mutation.errors import MutatorError
from pratique.mutation.location import Location, LocationError, parse, show

MUST_EXIST: Final = "MustExist"
MUST_NOT_EXIST: Final = "MustNotExist"

Conditions = Mapping[int, str]


def read(tests: Any, location: Location, *, owner: str) -> Conditions:
    """Return the condition at each depth of `location`; raises `MutatorError`."""
    if tests is None:
        return {}
    if not isinstance(tests, list):
        raise MutatorError("`spec.parameters.pathTests` must be a list")
    return compile_tests([_test(test, owner) for test in tests], location)


def compile_tests(tests: Sequence[tuple[Location, str]], location: Location) -> Conditions:
    """Check tests against the location and against each other."""
    for path, _ in tests:
        if path != location[: len(path)]:
            raise MutatorError(
                "all subpaths must be a prefix of the `location` value of the mutation: "
                f'subpath "{show(path)}" is not a prefix of location "{show(location)}"'
            )
    found: dict[int, str] = {}
    for path, condition in tests:
        if found.setdefault(len(path) - 1, condition) != condition:
            raise MutatorError(
                f'conflicting path test conditions: path "{show(path)}" is marked both MustExist and '
                "MustNotExist"
            )
    forbidden = min((depth for depth, one in found.items() if one == MUST_NOT_EXIST), default=None)
    required = max((depth for depth, one in found.items() if one == MUST_EXIST), default=None)
    if forbidden is not None and required is not None and required > forbidden:
        raise MutatorError(
            f'conflicting path test conditions: path "{show(location[: required + 1])}" is marked MustExist '
            f'but parent "{show(location[: forbidden + 1])}" MustNotExist'
        )
    return found


def _test(test: Any, owner: str) -> tuple[Location, str]:
    if not isinstance(test, dict):
        raise MutatorError("each of `spec.parameters.pathTests` must be an object")
    text, condition = test.get("subPath", ""), test.get("condition")
    if not isinstance(text, str):
        raise MutatorError("`subPath` of a path test must be a string")
    if condition not in (MUST_EXIST, MUST_NOT_EXIST):
        raise MutatorError(
            f"{condition} is not a valid path test condition", hint=f"write {MUST_EXIST} or {MUST_NOT_EXIST}"
        )
    try:
        return parse(text), condition
    except LocationError as error:
        raise MutatorError(f"problem parsing sub path `{text}` for {owner}: {error.message}") from error
