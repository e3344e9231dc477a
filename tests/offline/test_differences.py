"""Where `test`, `verify` and `expand` differ from gator's on purpose (docs/differences.md)."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.offline.test_check import MAP, judge, policy

from pratique.errors import PratiqueError
from pratique.offline import Sources, expand, selection, suite

SUITE = """kind: Suite
apiVersion: test.gatekeeper.sh/v1alpha1
tests:
- name: t
  template: t.yaml
  constraint: c.yaml
  cases: [{name: c, object: m.yaml, assertions: [{violations: 1, message: 'true 2020-01-02'}]}]
"""


def write(folder: Path, **files: str) -> str:
    for name, text in files.items():
        (folder / f"{name}.yaml").write_text(text)
    return str(folder)


def test_a_document_may_begin_on_the_line_of_its_mark(tmp_path: Path) -> None:
    one = "--- {apiVersion: v1, kind: ConfigMap, metadata: {name: NAME}}\n"
    found, _ = judge(tmp_path, p=policy(), m=one.replace("NAME", "a") + one.replace("NAME", "b"))
    assert [finding.subject.name for finding in found] == ["a", "b"]


def test_an_empty_action_denies(tmp_path: Path) -> None:
    found, _ = judge(tmp_path, p=policy("''"), m=MAP.format(name="m"))
    assert [finding.denies for finding in found] == [True]


@pytest.mark.parametrize(
    "text",
    [
        "{apiVersion: expansion.gatekeeper.sh/v9, kind: ExpansionTemplate, metadata: {name: e}}",
        "{apiVersion: mutations.gatekeeper.sh/v9, kind: Assign, metadata: {name: a}}",
    ],
)
def test_a_version_that_no_cluster_serves_is_refused(tmp_path: Path, text: str) -> None:
    folder = write(tmp_path, e=text, m=MAP.format(name="m"))
    with pytest.raises(PratiqueError, match="no matches for kind"):
        expand.expand(Sources.of([folder]))


def test_a_provider_that_no_cluster_takes_is_refused(tmp_path: Path) -> None:
    text = "{apiVersion: externaldata.gatekeeper.sh/v1beta1, kind: Provider, metadata: {name: p}, spec: {url: 5}}"
    with pytest.raises(PratiqueError, match="invalid provider url"):
        judge(tmp_path, e=text, m=MAP.format(name="m"))


def test_suites_read_objects_as_a_cluster_does(tmp_path: Path) -> None:
    template, constraint = policy().split("---\n")
    template = template.replace(
        "msg :=", 'spec := input.review.object.data; msg := sprintf("%v %v", [spec.a, spec.b]) #'
    )
    write(
        tmp_path,
        s=SUITE,
        t=template,
        c=constraint,
        m=MAP.format(name="m") + "data: {a: yes, b: 2020-01-02}\n",
    )
    result = suite.run(str(tmp_path / "s.yaml"))
    assert [case.failure for test in result.tests for case in test.cases] == [""], result


def test_an_empty_path_is_refused_and_one_with_dots_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    write(tmp_path / "a", s=SUITE)
    monkeypatch.chdir(tmp_path)
    assert [Path(path).name for path in selection.find("a/../a")] == ["s.yaml"]
    with pytest.raises(PratiqueError):
        selection.find("")
