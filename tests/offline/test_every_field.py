"""Whatever a field of whatever resource holds, it is judged or refused in words: no field gives a traceback.

`tests/cases/offline/resources.yaml` has an object of each kind; each of its fields in turn is left out and given values
of every type, and the whole is tested, expanded and checked for what it synchronises.
"""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pratique.errors import PratiqueError
from pratique.offline import Sources, check, expand, synctest
from pratique.offline.entries import split
from pratique.offline.loading import objects
from pratique.offline.report import FORMATS

RESOURCES = list(yaml.safe_load_all((Path(__file__).parents[1] / "cases/offline/resources.yaml").read_text()))
VALUES: list[Any] = [None, -1, "x[", [None], {"a": None}]
MISSING = object()


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    for step, item in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(item, (dict, list)):
            yield from paths(item, (*path, step))
        else:
            yield (*path, step)


def changed(found: Any, path: tuple[Any, ...], value: Any) -> Any:
    found = copy.deepcopy(found)
    inner = found
    for step in path[:-1]:
        inner = inner[step]
    if value is MISSING:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return found


def play(documents: list[Any]) -> None:
    text = "\n---\n".join(map(json.dumps, documents))
    sources = Sources.of([], more=split("all.yaml", text))
    with contextlib.suppress(PratiqueError):
        findings = check(sources, say=lambda _: None, places=True)
        for name in ("json", "yaml", "sarif", "policyreport"):
            FORMATS[name](findings)
    with contextlib.suppress(PratiqueError):
        expand.expand(sources)
    with contextlib.suppress(PratiqueError):
        synctest.read(objects(sources), say=lambda _: None).missing()


def test_the_resources_as_they_are_give_findings() -> None:
    whole = "\n---\n".join(map(json.dumps, RESOURCES[:-1]))
    assert check(Sources.of([], more=split("all.yaml", whole)), say=lambda _: None)


@pytest.mark.parametrize(
    "index", range(len(RESOURCES)), ids=lambda index: f"{index}-{RESOURCES[index]['kind']}"
)
def test_every_field(index: int) -> None:
    others = [found for number, found in enumerate(RESOURCES[:-1]) if number != index]
    for path in paths(RESOURCES[index]):
        for value in (MISSING, *VALUES):
            try:
                play([*others, changed(RESOURCES[index], path, value)])
            except Exception as error:
                raise AssertionError(f"{path} as {value!r}") from error
