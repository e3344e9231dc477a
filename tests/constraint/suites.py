"""Runs gator suites through `Library`: what `gator verify` means (gatekeeper.md 6.2), for tests.

In: a suite file. Out: one `Result` a case. Expansion is not played; such tests are skipped by name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml as pyyaml

from pratique.constraint import GATOR, ConstraintError, Library, Programs, Review
from pratique.kube import yaml


@dataclass(frozen=True, slots=True)
class Result:
    """One case, and why it fails, if it does."""

    name: str
    failure: str = ""


class _Loader(pyyaml.CBaseLoader):
    """gator reads suites with yaml.v3, where `yes` and `no` are texts; so is all here."""


def run(suite: Path, programs: Programs) -> Iterator[Result]:
    """Run every case of a suite."""
    document = pyyaml.load(suite.read_text(), Loader=_Loader)
    folder = suite.parent
    for test in document["tests"]:
        library = Library(programs=programs)
        template = yaml.load((folder / test["template"]).read_text(), file=test["template"])[0]
        library.put_template(template.value, document=template)
        constraint = yaml.read_one((folder / test["constraint"]).read_text())
        if test.get("invalid") == "true":
            yield _invalid(test["name"], library, constraint)
            continue
        library.put_constraint(constraint)
        for case in test.get("cases") or ():
            yield Result(f"{test['name']}/{case['name']}", _case(folder, library, case))


def _invalid(name: str, library: Library, constraint: dict[str, Any]) -> Result:
    try:
        library.put_constraint(constraint)
    except ConstraintError as error:
        return Result(name, "" if error.schema else f"not a schema error: {error.message}")
    return Result(name, "the constraint should be invalid")


def _case(folder: Path, library: Library, case: dict[str, Any]) -> str:
    inventory = [
        found for path in case.get("inventory") or () for found in yaml.read((folder / path).read_text())
    ]
    for found in inventory:
        library.put_inventory(found)
    try:
        review = _review(yaml.read_one((folder / case["object"]).read_text()))
        messages = [violation.message for violation in library.review(review, GATOR)]
    finally:
        for found in inventory:
            library.remove_inventory(found)
    failures = [_assertion(entry, messages) for entry in case["assertions"]]
    return "; ".join(failure for failure in failures if failure)


def _review(found: dict[str, Any]) -> Review:
    if found.get("kind") == "AdmissionReview":
        return Review.from_admission(found["request"])
    return Review.from_object(found, show_namespace=False)


def _assertion(entry: dict[str, Any], messages: list[str]) -> str:
    pattern = entry.get("message") or ""
    count = sum(re.search(pattern, message) is not None for message in messages)
    wanted = entry.get("violations", "yes")
    holds = {"yes": count > 0, "no": count == 0}.get(wanted)
    if holds is None:
        holds = count == int(wanted)
    return "" if holds else f"{count} violations with `{pattern}`, not {wanted}: {messages}"
