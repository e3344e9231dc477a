"""Suites: tests of policies as `gator verify` reads and runs them (gatekeeper.md 6.2), and of mutators.

In: a suite file. Out: results, one a suite, with one a test and one a case in it.
Every case gets a library of its own. The reader takes `yes` and `no` for text, as yaml.v3 does.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from pratique import codecache
from pratique.constraint import GATOR, ConstraintError, Library, Programs, Review
from pratique.constraint.expansion import GENERATED, imply, is_template
from pratique.errors import InputError, PratiqueError, SourceError
from pratique.kube import yaml
from pratique.kube.match import group_kind
from pratique.mutation import MutationSystem, MutatorError, is_mutator
from pratique.offline import gator, mutated, selection, suitefile
from pratique.offline.entries import Entry, read_text, split
from pratique.offline.generator import Generator
from pratique.offline.mutated import Said
from pratique.offline.printed import Printed
from pratique.offline.selection import Filter, is_suite
from pratique.offline.suitefile import GROUP

_CONSTRAINTS: Final = "constraints.gatekeeper.sh"


@dataclass(frozen=True, slots=True)
class Case:
    """What one case came to; an empty failure is a pass."""

    name: str
    failure: str = ""
    skipped: bool = False
    seconds: float = 0.0
    printed: str = ""
    trace: str | None = None
    line: int = 1  # of the suite's file, where it begins


@dataclass(frozen=True, slots=True)
class Test:
    """What one test came to: its own failure, or those of its cases."""

    name: str
    failure: str = ""
    skipped: bool = False
    seconds: float = 0.0
    cases: tuple[Case, ...] = ()
    line: int = 1

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
    line: int = 1  # of what is wrong with the file

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
    said: Said = field(default_factory=Said)
    traces: list[str] | None = None

    @classmethod
    def of(cls, wanted: Filter, *, printing: bool = False, tracing: bool = False) -> Runner:
        """Return a runner; cases keep what their policies print, and how they are judged, if asked for."""
        printed, said = Printed() if printing else None, Said()
        traces: list[str] | None = [] if tracing else None
        trace = None if traces is None else traces.append
        store = codecache.opened(os.environ)
        programs = Programs(sink=printed, ask=said.ask, trace=trace, store=store)
        return cls(wanted, programs, printed, said, traces)

    def take_trace(self) -> str | None:
        """Return the trace of what was judged since the last time, None without tracing."""
        if self.traces is None:
            return None
        text = "".join(f"DRIVER Rego:\n\n{trace}\n" for trace in self.traces)
        self.traces.clear()
        return f"Target: {gator.TARGET}\nTrace:\n{text}"


def run(path: str, runner: Runner | None = None) -> Suite:
    """Run a suite; whatever is wrong with it is part of the result."""
    began = time.perf_counter()
    try:
        found, places = suitefile.read_placed(path)
        if not is_suite(found):
            raise InputError(
                f"`{path}` is no suite", hint=f"write `apiVersion: {GROUP}/v1alpha1`, `kind: Suite`"
            )
        document = suitefile.checked(found, places)
        tests = document.get("tests") or []
        skipped = document.get("skip", False)
        done = () if skipped else tuple(_tests(Path(path).parent, tests, runner or Runner.of(Filter())))
    except PratiqueError as error:
        line = error.location.line if isinstance(error, SourceError) and error.location.file == path else 1
        return Suite(path, error.render(), seconds=time.perf_counter() - began, line=line)
    done = tuple(_placed(test, number, places) for number, test in enumerate(done))
    return Suite(path, skipped=skipped, seconds=time.perf_counter() - began, tests=done)


def _placed(test: Test, number: int, places: suitefile.Places) -> Test:
    """Return a test that knows where it and its cases begin."""
    at = ("tests", number)
    cases = tuple(
        replace(case, line=places.at((*at, "cases", index)).line) for index, case in enumerate(test.cases)
    )
    return replace(test, line=places.at(at).line, cases=cases)


def _tests(folder: Path, tests: list[dict[str, Any]], runner: Runner) -> Iterator[Test]:
    for test in tests:
        name = test.get("name") or ""
        if test.get("skip") or not runner.wanted.wants_test(test):
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
    invalid = test.get("invalid", False)
    try:
        _mutators(folder, test, runner.said)
        _library(folder, test, runner.programs)
    except MutatorError:
        if invalid:
            return ()
        raise
    except ConstraintError as error:
        if invalid and error.schema:
            return ()
        raise
    if invalid:
        what = "mutators should have been" if _only_mutates(test) else "constraint should have failed"
        rest = "refused, and are" if _only_mutates(test) else "schema validation, and is"
        raise CaseError(f"{what} {rest} accepted")
    _generator(folder, test)
    return tuple(
        _case(folder, test, case, runner)
        if not case.get("skip") and runner.wanted.wants_case(name, case.get("name") or "")
        else Case(case.get("name") or "", skipped=True)
        for case in test.get("cases") or ()
    )


def _library(folder: Path, test: dict[str, Any], programs: Programs) -> Library:
    library = Library(programs=programs)
    if _only_mutates(test):
        return library
    for key, put in (("template", _put_template), ("constraint", _put_constraint)):
        if not test.get(key):
            raise CaseError(f"invalid Suite: missing {key}")
        put(library, _join(folder, test[key]))
    return library


def _only_mutates(test: Mapping[str, Any]) -> bool:
    return bool(test.get("mutators")) and not test.get("template") and not test.get("constraint")


def _mutators(folder: Path, test: Mapping[str, Any], said: Said) -> MutationSystem | None:
    return mutated.system(_read(folder, test["mutators"]), said) if test.get("mutators") else None


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
    prefix = f'reading {what} from "{path}": ' if what else ""
    if os.path.isdir(path):
        raise CaseError(f"{prefix}read {path}: is a directory")
    if not os.path.exists(path):
        raise CaseError(f"{prefix}open {path}: no such file or directory")
    return read_text(path)


def _case(folder: Path, test: dict[str, Any], case: dict[str, Any], runner: Runner) -> Case:
    began = time.perf_counter()
    failure = ""
    if runner.printed is not None:
        runner.printed.take()
    try:
        runner.said.answers = mutated.answers(case)
        failure = _verdict(folder, test, case, runner)
    except PratiqueError as error:
        failure = error.render()
    printed = runner.printed.take() if runner.printed is not None else ""
    seconds = time.perf_counter() - began
    return Case(case.get("name") or "", failure, seconds=seconds, printed=printed, trace=runner.take_trace())


def _verdict(folder: Path, test: dict[str, Any], case: dict[str, Any], runner: Runner) -> str:
    """Return what is wrong with the case, or nothing."""
    if not case.get("object"):
        raise CaseError("invalid Case: must define object")
    assertions = case.get("assertions") or ()
    if not assertions and not case.get("expected"):
        raise CaseError("invalid Case: assertions must be non-empty")
    entry, found = _object(folder, case["object"])
    library = _library(folder, test, runner.programs)
    inventory = [one for name in case.get("inventory") or () for _, one in _objects(folder, name)]
    for one in inventory:
        library.put_inventory(one)
    about_object = [one for one in assertions if mutated.concerns(one)]
    mutators = _mutators(folder, test, runner.said)
    if mutators is not None:
        changed = mutated.Mutated(mutators, found, inventory, case)
        expected = _object(folder, case["expected"])[1] if case.get("expected") else None
        if failure := changed.failure(about_object, expected):
            return failure
        found = changed.review
    elif about_object or case.get("expected"):
        raise CaseError("the case is about mutation, and its test names no `mutators`")
    wanted = [one for one in assertions if not mutated.concerns(one)]
    if wanted and _only_mutates(test):
        raise CaseError("the case is about violations, and its test names no `template` and no `constraint`")
    messages = _messages(library, _generator(folder, test), entry, found) if wanted else []
    return next((failure for one in wanted if (failure := _failure(one, messages))), "")


def _object(folder: Path, name: str) -> tuple[Entry, dict[str, Any]]:
    """Return the one object of a file that a case names."""
    found = _objects(folder, name)
    if len(found) > 1:
        path = _join(folder, name)
        raise CaseError(f'object file must contain exactly one object: "{path}" defines {len(found)} objects')
    return found[0]


def _objects(folder: Path, name: str) -> list[tuple[Entry, dict[str, Any]]]:
    """Return the objects of a file that a case names; raises `CaseError` when there are none."""
    found = list(_read(folder, [name]))
    if not found:
        raise CaseError(f'missing objects: path "{_join(folder, name)}" defines no YAML objects')
    return found


def _messages(library: Library, generator: Generator, entry: Entry, found: dict[str, Any]) -> list[str]:
    """Return the messages of all violations of an object, and of what it would generate."""
    if group_kind(found) == ("admission.k8s.io", "AdmissionReview"):
        violations = library.review(_admission(found), GATOR)
    else:
        violations = library.review(Review.from_object(found, show_namespace=False), GATOR)
        for resultant in generator.expand(entry, found)[1]:
            review = Review.from_object(resultant.object, source=GENERATED, show_namespace=False)
            violations += imply(library.review(review, GATOR), resultant)
    return [violation.message for violation in violations]


def _generator(folder: Path, test: dict[str, Any]) -> Generator:
    if not test.get("expansion"):
        return Generator(())
    path = _join(folder, test["expansion"])
    _text(path, "ExpansionTemplate")
    found = list(_read(folder, [test["expansion"]]))
    # Mutators of what is generated are ours: gator takes only ExpansionTemplates.
    if not found or not all(is_template(one) or is_mutator(one) for _, one in found):
        raise CaseError(f'not an Expansion Template: "{path}"')
    return Generator([*found, *_read(folder, test.get("mutators") or ())])


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


def _texts_of(request: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield what of a request must be text, with its path; a part that should hold such texts and does not, itself."""
    for key in ("uid", "operation", "name", "namespace", "subResource", "requestSubResource"):
        yield key, request.get(key)
    for key in ("kind", "resource", "requestKind", "requestResource", "userInfo"):
        part = request.get(key) or {}
        if not isinstance(part, dict):
            yield key, part if not isinstance(part, str) else ()
            continue
        for name in ("group", "version", "kind", "resource", "username", "uid"):
            yield f"{key}.{name}", part.get(name)
    user = request.get("userInfo")
    groups = user.get("groups") if isinstance(user, dict) else None
    for group in groups if isinstance(groups, list) else (() if groups is None else ((),)):
        yield "userInfo.groups", group


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
    for key, value in _texts_of(request):
        if value is not None and not isinstance(value, str):
            raise CaseError(f"not a valid AdmissionReview object: `request.{key}` must be text")
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
    search = _search(pattern) if pattern else None
    count = sum(search is None or search(message) is not None for message in messages)
    wanted = assertion.get("violations", "yes")
    if wanted == "yes":
        holds, words = count > 0, "at least 1"
    elif wanted == "no":
        holds, words = count == 0, "none"
    elif isinstance(wanted, int) and wanted >= 0:
        holds, words = count == wanted, f"exactly {wanted}"
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


def _search(pattern: str) -> Callable[[str], Any]:
    try:
        found: Callable[[str], Any] = selection.pattern(pattern).search
    except InputError as error:
        raise CaseError(f"message contains {error.message}") from None
    return found
