"""Texts made where objects are judged: those of `gator`'s reports, whatever is in the files and however it is asked."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.offline.test_check import MAP, policy
from tests.offline.test_judging import many

from pratique.errors import PratiqueError
from pratique.offline import Sources, check, ordering, report, suppression
from pratique.offline.check import Texts, texts
from pratique.offline.telling import Asking

TODAY = date(2026, 11, 27)
NOTE = "  annotations:\n    allow.pratique.dev/owner: {value}\n"
MUTATOR = """\
apiVersion: mutations.gatekeeper.sh/v1
kind: AssignMetadata
metadata: {name: noted}
spec:
  match: {kinds: [{apiGroups: ["*"], kinds: [ConfigMap]}], name: "m1*"}
  location: metadata.annotations."allow.pratique.dev/owner"
  parameters: {assign: {value: "until 2030-01-01: by a mutator"}}
"""
EXPANSION = """\
apiVersion: expansion.gatekeeper.sh/v1beta1
kind: ExpansionTemplate
metadata: {name: maps}
spec:
  applyTo: [{groups: [""], versions: [v1], kinds: [Maker]}]
  templateSource: spec.template
  generatedGVK: {group: "", version: v1, kind: ConfigMap}
---
apiVersion: v1
kind: Maker
metadata: {name: maker, namespace: shop}
spec: {template: {metadata: {name: made}}}
"""
ODD = """\
{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a\\u0001\\"b\\u0000", "namespace": "kube-system"}}
"""


def told(folder: Path, asking: Asking) -> tuple[str, Texts, list[str]]:
    said: list[str] = []
    found = texts(Sources.of([str(folder)]), asking, say=said.append)
    return "".join(report.framed(asking.format, found.texts, found.first)), found, said


def expected(folder: Path, asking: Asking) -> tuple[str, bool, int, list[str], list[str]]:
    said: list[str] = []
    found = check(Sources.of([str(folder)]), say=said.append)
    found = [one for one in found if asking.exempt.isdisjoint(one.subject.namespaces)]
    problems: list[Any] = []
    if asking.today:
        found, problems = suppression.apply(found, asking.today)
    shown = [one for one in found if not one.accepted and (one.denies or not asking.deny_only)]
    denied = any(one.denies for one in found)
    accepted = sum(one.accepted for one in found)
    return (
        report.FORMATS[asking.format](shown),
        denied,
        accepted,
        [problem.render() for problem in problems],
        said,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    many(tmp_path, 30)
    (tmp_path / "warned.yaml").write_text(policy("warn").replace("name: owner", "name: second"))
    for name, value in {
        "n1": '"until 2026-12-01: soon"',
        "n2": '"until 2020-01-01: late"',
        "n3": "5",
    }.items():
        (tmp_path / f"{name}.yaml").write_text(MAP.format(name=name) + NOTE.format(value=value))
    (tmp_path / "odd.json").write_text(ODD)
    (tmp_path / "twice.yaml").write_text(
        MAP.format(name="m4") + "  namespace: ''\n---\n" + MAP.format(name="m5")
    )
    return tmp_path


@pytest.mark.parametrize("more", ["", MUTATOR, EXPANSION], ids=["plain", "mutated", "expanded"])
@pytest.mark.parametrize(
    "asking",
    [
        Asking(),
        Asking(today=TODAY),
        Asking(deny_only=True, today=TODAY),
        Asking(exempt=frozenset({"kube-system", "shop"})),
        Asking("json"),
        Asking("json", deny_only=True, today=TODAY),
        Asking("yaml"),
        Asking("yaml", deny_only=True, today=TODAY),
    ],
    ids=["all", "heeding", "denied", "exempt", "JSON", "denied JSON", "YAML", "denied YAML"],
)
@pytest.mark.parametrize("limit", [ordering.LIMIT, 100])
def test_lines_are_those_of_findings(
    folder: Path, monkeypatch: pytest.MonkeyPatch, more: str, asking: Asking, limit: int
) -> None:
    monkeypatch.setattr(ordering, "LIMIT", limit)
    (folder / "more.yaml").write_text(more)
    text, found, said = told(folder, asking)
    assert (text, found.denied, found.accepted, found.warnings, said) == expected(folder, asking)
    assert text.count("\n") > 10
    assert len(said) == 3


def test_only_what_is_shown_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(policy("dryrun") + "---\n" + MAP.format(name="x"))
    text, found, _ = told(tmp_path, Asking())
    assert text == 'v1/ConfigMap x: ["owner"] Message: "x says \\"who?\\""\n'
    assert not found.denied
    assert told(tmp_path, Asking(deny_only=True))[0] == ""
    assert told(tmp_path, Asking("json", deny_only=True))[0] == "null"
    assert told(tmp_path, Asking("yaml", deny_only=True))[0] == "[]\n"


def test_processes_tell_what_one_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = many(tmp_path, 600)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    several, _, _ = told(folder, Asking())
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    one, _, _ = told(folder, Asking())
    assert several == one
    assert one.count("\n") == 400


def test_nothing_and_mistakes_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("# nothing\n")
    with pytest.raises(PratiqueError, match="no input data"):
        told(tmp_path, Asking())
    (tmp_path / "b.yaml").write_text("kind: [\n")
    with pytest.raises(PratiqueError, match="not YAML"):
        told(tmp_path, Asking())
