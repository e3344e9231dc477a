"""Suites: tests of policies as `gator verify` reads and runs them (gatekeeper.md 6.2).

In: a suite file, a folder, or `folder/...`. Out: results, one a suite, with one a test and one a case in it.
Every case gets a library of its own. The reader takes `yes` and `no` for text, as yaml.v3 does.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import re2
import yaml as pyyaml

from pratique.constraint import GATOR, ConstraintError, Library, Programs, Review
from pratique.constraint.expansion import GENERATED, imply
from pratique.errors import InputError, NotFoundError, PratiqueError, SourceError
from pratique.kube import yaml
from pratique.offline.generator import Generator
from pratique.offline.sources import Entry, read_text, split

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
        try:
            compiled = [re2.compile(part) if part else None for part in parts]
        except re2.error as error:
            raise InputError(f"`{expression}` is no regular expression: {error}") from None
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


@dataclass(frozen=True, slots=True)
class Case:
    """What one case came to; an empty failure is a pass."""

    name: str
    failure: str = ""
    skipped: bool = False
    seconds: float = 0.0


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


class CaseError(InputError):
    """A case cannot be played as it is written."""


def find(target: str) -> list[str]:
    """Return the suite files that a target names.

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
    pattern = "**/*" if recursive else "*"
    found = (str(path) for path in Path(base).glob(pattern) if path.suffix in _EXTENSIONS and path.is_file())
    return sorted((path for path in found if _says_suite(path)), key=os.path.abspath)


def _says_suite(path: str) -> bool:
    """Tell whether a file is a suite; what cannot be read as one document is none."""
    try:
        text = read_text(path)
        return "Suite" in text and GROUP in text and _is_suite(_parsed(text))
    except (PratiqueError, pyyaml.YAMLError):
        return False


def _is_suite(found: Any) -> bool:
    return (
        isinstance(found, dict)
        and found.get("kind") == "Suite"
        and str(found.get("apiVersion") or "").partition("/")[0] == GROUP
    )


class _Loader(pyyaml.CBaseLoader):
    """Reads every scalar as text: `yes` and `no` are text in suites, and nothing else is needed."""


def _parsed(text: str) -> Any:
    return pyyaml.load(text, Loader=_Loader)  # noqa: S506  # makes texts, lists and dicts only


def run(path: str, wanted: Filter | None = None, *, programs: Programs | None = None) -> Suite:
    """Run a suite; whatever is wrong with it is part of the result."""
    began = time.perf_counter()
    try:
        found = _parsed(read_text(path))
        if not _is_suite(found):
            raise InputError(
                f"`{path}` is no suite", hint=f"write `apiVersion: {GROUP}/v1alpha1`, `kind: Suite`"
            )
        tests = _mappings(found.get("tests"), "tests")
        shared = programs or Programs()
        folder = Path(path).parent
        done = () if _true(found, "skip") else tuple(_tests(folder, tests, wanted or Filter(), shared))
        skipped = _true(found, "skip")
    except pyyaml.YAMLError as error:
        return Suite(path, f"not YAML: {error}", seconds=time.perf_counter() - began)
    except PratiqueError as error:
        return Suite(path, error.render(), seconds=time.perf_counter() - began)
    return Suite(path, skipped=skipped, seconds=time.perf_counter() - began, tests=done)


def _mappings(value: Any, name: str) -> list[dict[str, Any]]:
    if value in (None, ""):
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise CaseError(f"`{name}` must be a list of objects")
    return value


def _true(found: Mapping[str, Any], key: str) -> bool:
    return found.get(key) in ("true", "True", "TRUE")


def _tests(folder: Path, tests: list[dict[str, Any]], wanted: Filter, programs: Programs) -> Iterator[Test]:
    for test in tests:
        name = str(test.get("name") or "")
        if _true(test, "skip") or not wanted.wants_test(test):
            yield Test(name, skipped=True)
            continue
        began = time.perf_counter()
        failure = ""
        cases: tuple[Case, ...] = ()
        try:
            cases = _play(folder, name, test, wanted, programs)
        except PratiqueError as error:
            failure = error.render()
        yield Test(name, failure, seconds=time.perf_counter() - began, cases=cases)


def _play(
    folder: Path, name: str, test: dict[str, Any], wanted: Filter, programs: Programs
) -> tuple[Case, ...]:
    invalid = _true(test, "invalid")
    try:
        _library(folder, test, programs)
    except ConstraintError as error:
        if invalid and error.schema:
            return ()
        raise
    if invalid:
        raise CaseError("the constraint should be refused by the template's schema, and is accepted")
    _generator(folder, test)
    return tuple(
        _case(folder, test, case, wanted.wants_case(name, str(case.get("name") or "")), programs)
        for case in _mappings(test.get("cases"), "cases")
    )


def _library(folder: Path, test: dict[str, Any], programs: Programs) -> Library:
    library = Library(programs=programs)
    for key, put in (("template", _put_template), ("constraint", _put_constraint)):
        if not test.get(key):
            raise CaseError(f"the test names no {key}", hint=f"write `{key}: FILE`")
        put(library, folder / str(test[key]))
    return library


def _put_template(library: Library, path: Path) -> None:
    documents = yaml.load(read_text(str(path)), file=str(path))
    if not documents:
        raise CaseError(f"`{path}` holds no template")
    library.put_template(documents[0].value, document=documents[0])


def _put_constraint(library: Library, path: Path) -> None:
    found = yaml.read(read_text(str(path)), file=str(path))
    if not found:
        raise CaseError(f"`{path}` holds no constraint")
    library.put_constraint(found[0])


def _case(folder: Path, test: dict[str, Any], case: dict[str, Any], wanted: bool, programs: Programs) -> Case:
    name = str(case.get("name") or "")
    if _true(case, "skip") or not wanted:
        return Case(name, skipped=True)
    began = time.perf_counter()
    failure = ""
    try:
        failure = _verdict(folder, _library(folder, test, programs), _generator(folder, test), case)
    except PratiqueError as error:
        failure = error.render()
    return Case(name, failure, seconds=time.perf_counter() - began)


def _verdict(folder: Path, library: Library, generator: Generator, case: dict[str, Any]) -> str:
    """Return what is wrong with the case, or nothing."""
    assertions = _mappings(case.get("assertions"), "assertions")
    if not assertions:
        raise CaseError("invalid Case: assertions must be non-empty")
    if not case.get("object"):
        raise CaseError("the case names no object", hint="write `object: FILE`")
    for _, found in _read(folder, case.get("inventory") or ()):
        library.put_inventory(found)
    objects = list(_read(folder, [case["object"]]))
    if len(objects) != 1:
        raise CaseError(f"`{folder / case['object']}` holds {len(objects)} objects, where one is wanted")
    entry, found = objects[0]
    violations = library.review(_review(found), GATOR)
    if found["kind"] != "AdmissionReview":
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
        path = str(folder / str(name))
        for entry in split(path, read_text(path)):
            found = entry.read()
            if found is None:
                continue
            if not isinstance(found, dict) or not isinstance(found.get("kind"), str):
                raise SourceError(
                    "a Kubernetes object needs `kind`", entry.locate(), hint="write `kind: ...`"
                )
            yield entry, found


def _review(found: dict[str, Any]) -> Review:
    if found.get("kind") != "AdmissionReview":
        return Review.from_object(found, show_namespace=False)
    request = found.get("request")
    if not isinstance(request, dict):
        raise CaseError("the AdmissionReview has no `request`")
    return Review.from_admission(request)


def _failure(assertion: Mapping[str, Any], messages: list[str]) -> str:
    """Return why an assertion does not hold, in gator's words, or nothing."""
    pattern = assertion.get("message") or ""
    try:
        search = re2.compile(pattern).search if pattern else None
    except re2.error as error:
        raise CaseError(f"`{pattern}` is no regular expression: {error}") from None
    count = sum(search is None or search(message) is not None for message in messages)
    wanted = assertion.get("violations", "yes")
    if wanted == "yes":
        holds, words = count > 0, "at least 1"
    elif wanted == "no" or re.fullmatch("[0-9]+", str(wanted)):
        number = 0 if wanted == "no" else int(wanted)
        holds, words = count == number, f"exactly {number}"
    else:
        raise CaseError(
            f"`violations: {wanted}` is not understood", hint="write `yes`, `no` or a number of violations"
        )
    if holds:
        return ""
    about = f' containing "{pattern}"' if pattern else ""
    return (
        f"unexpected number of violations: got {count} violations{about} but want {words}: "
        f"got messages [{' '.join(messages)}]"
    )


def text(suite: Suite, *, verbose: bool) -> str:
    """Return a suite's result as gator prints it."""
    lines: list[str] = []
    for test in suite.tests:
        lines += _test_lines(test, verbose=verbose)
    if suite.skipped:
        lines.append(f"===SKIP\t{suite.path}")
    elif suite.failed:
        if suite.failure:
            lines.append(suite.failure)
        lines.append(f"FAIL\t{suite.path}\t{suite.seconds:.3f}s")
    else:
        lines.append(f"ok\t{suite.path}\t{suite.seconds:.3f}s")
    return "".join(f"{one}\n" for one in lines)


def _test_lines(test: Test, *, verbose: bool) -> list[str]:
    if test.skipped:
        return [f"=== SKIP  {test.name}"] if verbose else []
    lines = [f"=== RUN   {test.name}"] if verbose else []
    for case in test.cases:
        if verbose:
            lines.append(f"    === {'SKIP ' if case.skipped else 'RUN  '} {case.name}")
        if case.failure:
            lines.append(f"    --- FAIL: {case.name}\t({case.seconds:.3f}s)")
            lines += [f"        {line}" for line in case.failure.split("\n")]
        elif verbose and not case.skipped:
            lines.append(f"    --- PASS: {case.name}\t({case.seconds:.3f}s)")
    if test.failed:
        lines.append(f"--- FAIL: {test.name}\t({test.seconds:.3f}s)")
        lines += [f"  {line}" for line in test.failure.split("\n") if line]
    elif verbose:
        lines.append(f"--- PASS: {test.name}\t({test.seconds:.3f}s)")
    return lines
