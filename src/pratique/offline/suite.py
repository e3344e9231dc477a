"""Suites: tests of policies as `gator verify` reads and runs them (gatekeeper.md 6.2).

In: a suite file. Out: results, one a suite, with one a test and one a case in it.
Every case gets a library of its own. The reader takes `yes` and `no` for text, as yaml.v3 does.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pratique.constraint import GATOR, ConstraintError, Library, Programs, Review
from pratique.constraint.expansion import GENERATED, imply
from pratique.errors import InputError, PratiqueError, SourceError
from pratique.kube import yaml
from pratique.kube.match import group_kind
from pratique.offline import gator, selection
from pratique.offline.entries import Entry, read_text, split
from pratique.offline.generator import Generator
from pratique.offline.printed import Printed
from pratique.offline.selection import GROUP, Filter, is_suite

_CONSTRAINTS: Final = "constraints.gatekeeper.sh"


@dataclass(frozen=True, slots=True)
class Case:
    """What one case came to; an empty failure is a pass."""

    name: str
    failure: str = ""
    skipped: bool = False
    seconds: float = 0.0
    printed: str = ""


@dataclass(frozen=True, slots=True)
class Test:
    """What one test came to: its own failure, or those of its cases."""

    name: str
    failure: str = ""
    skipped: bool = False
    seconds: float = 0.0
    cases: tuple[Case, ...] = ()

    @property
    def failed(self) -> bool:
        """Tell whether it or one of its cases failed."""
        return bool(self.failure) or any(case.failure for case in self.cases)


@dataclass(frozen=True, slots=True)
class Suite:
    """What one suite came to."""

    path: str
    failure: str = ""
    skipped: bool = False
    seconds: float = 0.0
    tests: tuple[Test, ...] = field(default=())

    @property
    def failed(self) -> bool:
        """Tell whether anything in it failed."""
        return bool(self.failure) or any(test.failed for test in self.tests)


# The fields of an AdmissionRequest (admission.k8s.io/v1).
_REQUEST: Final = frozenset(
    ("uid", "kind", "resource", "subResource", "requestKind", "requestResource", "requestSubResource")
) | frozenset(("name", "namespace", "operation", "userInfo", "object", "oldObject", "dryRun", "options"))


class CaseError(InputError):
    """A case cannot be played as it is written."""


@dataclass(frozen=True, slots=True)
class Runner:
    """What all suites of one run share: which tests and cases are wanted, compiled policies, what they print."""

    wanted: Filter = field(default_factory=Filter)
    programs: Programs = field(default_factory=Programs)
    printed: Printed | None = None

    @classmethod
    def of(cls, wanted: Filter, *, printing: bool = False) -> Runner:
        """Return a runner; with `printing`, cases keep what their policies print."""
        printed = Printed() if printing else None
        return cls(wanted, Programs(sink=printed), printed)


def run(path: str, runner: Runner | None = None) -> Suite:
    """Run a suite; whatever is wrong with it is part of the result."""
    began = time.perf_counter()
    try:
        found = selection.read(path)
        if not is_suite(found):
            raise InputError(
                f"`{path}` is no suite", hint=f"write `apiVersion: {GROUP}/v1alpha1`, `kind: Suite`"
            )
        tests = _checked(found)
        skipped = _true(found, "skip")
        done = () if skipped else tuple(_tests(Path(path).parent, tests, runner or Runner()))
    except PratiqueError as error:
        return Suite(path, error.render(), seconds=time.perf_counter() - began)
    return Suite(path, skipped=skipped, seconds=time.perf_counter() - began, tests=done)


def _checked(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a suite's tests when everything in them has the type that it should have."""
    tests = _mappings(found.get("tests"), "tests")
    for test in tests:
        _texts(test, "name", "template", "constraint", "expansion")
        for case in _mappings(test.get("cases"), "cases"):
            _texts(case, "name", "object")
            names = case.get("inventory") or []
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise CaseError("`inventory` must be a list of files")
            for assertion in _mappings(case.get("assertions"), "assertions"):
                _texts(assertion, "violations", "message")
    return tests


def _texts(found: dict[str, Any], *keys: str) -> None:
    for key in keys:
        if not isinstance(found.get(key, ""), str):
            raise CaseError(f"`{key}` must be text, not a list or an object")


def _mappings(value: Any, name: str) -> list[dict[str, Any]]:
    if value in (None, ""):
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise CaseError(f"`{name}` must be a list of objects")
    return value


def _true(found: Mapping[str, Any], key: str) -> bool:
    return found.get(key) in ("true", "True", "TRUE")


def _tests(folder: Path, tests: list[dict[str, Any]], runner: Runner) -> Iterator[Test]:
    for test in tests:
        name = test.get("name") or ""
        if _true(test, "skip") or not runner.wanted.wants_test(test):
            yield Test(name, skipped=True)
            continue
        began = time.perf_counter()
        failure = ""
        cases: tuple[Case, ...] = ()
        try:
            cases = _play(folder, name, test, runner)
        except PratiqueError as error:
            failure = error.render()
        yield Test(name, failure, seconds=time.perf_counter() - began, cases=cases)


def _play(folder: Path, name: str, test: dict[str, Any], runner: Runner) -> tuple[Case, ...]:
    invalid = _true(test, "invalid")
    try:
        _library(folder, test, runner.programs)
    except ConstraintError as error:
        if invalid and error.schema:
            return ()
        raise
    if invalid:
        raise CaseError("constraint should have failed schema validation, and is accepted")
    _generator(folder, test)
    return tuple(
        _case(folder, test, case, runner)
        if not _true(case, "skip") and runner.wanted.wants_case(name, case.get("name") or "")
        else Case(case.get("name") or "", skipped=True)
        for case in _mappings(test.get("cases"), "cases")
    )


def _library(folder: Path, test: dict[str, Any], programs: Programs) -> Library:
    library = Library(programs=programs)
    for key, put in (("template", _put_template), ("constraint", _put_constraint)):
        if not test.get(key):
            raise CaseError(f"invalid Suite: missing {key}")
        put(library, _join(folder, test[key]))
    return library


def _join(folder: Path, name: str) -> str:
    """Return a file of a suite, without `..` where the suite's folder says what it means."""
    return os.path.normpath(folder / name)


def _put_template(library: Library, path: str) -> None:
    documents = yaml.load(_text(path, "ConstraintTemplate"), file=path)
    if not documents or not _is_template(documents[0].value):
        raise CaseError(f'path "{path}": not a ConstraintTemplate')
    library.put_template(documents[0].value, document=documents[0])


def _put_constraint(library: Library, path: str) -> None:
    found = yaml.read(_text(path, "Constraint"), file=path)
    if not found or not isinstance(found[0], dict) or group_kind(found[0])[0] != _CONSTRAINTS:
        raise CaseError("not a Constraint")
    library.put_constraint(found[0])


def _is_template(found: Any) -> bool:
    return isinstance(found, dict) and group_kind(found) == ("templates.gatekeeper.sh", "ConstraintTemplate")


def _text(path: str, what: str = "") -> str:
    try:
        return read_text(path)
    except InputError:
        if os.path.exists(path):
            raise
        prefix = f'reading {what} from "{path}": ' if what else ""
        raise CaseError(f"{prefix}open {path}: no such file or directory") from None


def _case(folder: Path, test: dict[str, Any], case: dict[str, Any], runner: Runner) -> Case:
    began = time.perf_counter()
    failure = ""
    if runner.printed is not None:
        runner.printed.take()
    try:
        failure = _verdict(folder, _library(folder, test, runner.programs), _generator(folder, test), case)
    except PratiqueError as error:
        failure = error.render()
    printed = runner.printed.take() if runner.printed is not None else ""
    return Case(case.get("name") or "", failure, seconds=time.perf_counter() - began, printed=printed)


def _verdict(folder: Path, library: Library, generator: Generator, case: dict[str, Any]) -> str:
    """Return what is wrong with the case, or nothing."""
    if not case.get("object"):
        raise CaseError("invalid Case: must define object")
    assertions = case.get("assertions") or ()
    if not assertions:
        raise CaseError("invalid Case: assertions must be non-empty")
    objects = list(_read(folder, [case["object"]]))
    if not objects:
        raise CaseError(f'missing objects: path "{_join(folder, case["object"])}" defines no YAML objects')
    if len(objects) > 1:
        raise CaseError(
            f'object file must contain exactly one object: "{_join(folder, case["object"])}" '
            f"defines {len(objects)} objects"
        )
    for _, found in _read(folder, case.get("inventory") or ()):
        library.put_inventory(found)
    entry, found = objects[0]
    asked = group_kind(found) == ("admission.k8s.io", "AdmissionReview")
    review = _admission(found) if asked else Review.from_object(found, show_namespace=False)
    violations = library.review(review, GATOR)
    if not asked:
        for resultant in generator.expand(entry, found)[1]:
            review = Review.from_object(resultant.object, source=GENERATED, show_namespace=False)
            violations += imply(library.review(review, GATOR), resultant)
    messages = [violation.message for violation in violations]
    for assertion in assertions:
        if failure := _failure(assertion, messages):
            return failure
    return ""


def _generator(folder: Path, test: dict[str, Any]) -> Generator:
    return Generator(_read(folder, [test["expansion"]] if test.get("expansion") else ()))


def _read(folder: Path, names: Iterable[Any]) -> Iterator[tuple[Entry, dict[str, Any]]]:
    """Yield the objects of files that a suite names."""
    for name in names:
        path = _join(folder, name)
        for entry in split(path, _text(path)):
            found = entry.read()
            if found is None:
                continue
            if not isinstance(found, dict) or not isinstance(found.get("kind"), str):
                raise SourceError(
                    "a Kubernetes object needs `kind`", entry.locate(), hint="write `kind: ...`"
                )
            yield entry, found


def _admission(found: dict[str, Any]) -> Review:
    """Return the question that an AdmissionReview is, held to what the API server would send."""
    request = found.get("request")
    if not isinstance(request, dict):
        raise CaseError(
            "missing an AdmissionRequest object: request did not actually pass in an AdmissionRequest"
        )
    unknown = sorted(set(request) - _REQUEST)
    if unknown:
        raise CaseError(
            "not a valid AdmissionReview object: unable to convert to an AdmissionReview object, error: "
            f'strict decoding error: unknown field "request.{unknown[0]}"'
        )
    objects = [request[key] for key in ("object", "oldObject") if request.get(key) is not None]
    if not objects:
        raise CaseError(
            'no object or oldObject found to review: AdmissionRequest does not contain an "object" or '
            '"oldObject" to review'
        )
    for one in objects:
        if not isinstance(one, dict) or not isinstance(one.get("kind"), str):
            shown = json.dumps(one, separators=(",", ":"), ensure_ascii=False)
            raise CaseError(
                f"object or oldObject cannot be unmarshalled: Object 'Kind' is missing in '{shown}'"
            )
    return Review.from_admission(request)


def _failure(assertion: Mapping[str, Any], messages: list[str]) -> str:
    """Return why an assertion does not hold, in gator's words, or nothing."""
    pattern = assertion.get("message")
    search = selection.pattern(pattern).search if pattern else None
    count = sum(search is None or search(message) is not None for message in messages)
    wanted = assertion.get("violations", "yes")
    if wanted == "yes":
        holds, words = count > 0, "at least 1"
    elif wanted == "no":
        holds, words = count == 0, "none"
    elif re.fullmatch("[0-9]{1,9}", wanted):
        holds, words = count == int(wanted), f"exactly {int(wanted)}"
    else:
        raise CaseError(
            'invalid yaml: assertion.violation, if set, must be a nonnegative integer, "yes", or "no": '
            f"got messages [{' '.join(messages)}]"
        )
    if holds:
        return ""
    about = "" if pattern is None else f" containing {gator.quote(pattern)}"
    return (
        f"unexpected number of violations: got {count} violations{about} but want {words}: "
        f"got messages [{' '.join(messages)}]"
    )
