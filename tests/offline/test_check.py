"""What `check` finds in files: order, places, warnings, and what it refuses."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from pratique.errors import InputError, NotFoundError, PratiqueError, SourceError
from pratique.offline import Finding, Sources, check, gator
from pratique.offline.entries import read_text

TEMPLATE = """\
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: mustowner}
spec:
  crd: {spec: {names: {kind: MustOwner}}}
  targets:
  - target: admission.k8s.gatekeeper.sh
    rego: |
      package mustowner
      violation[{"msg": msg, "details": {"field": "metadata.labels"}}] {
        not input.review.object.metadata.labels.owner
        msg := sprintf("%v says \\"who?\\"", [input.review.object.metadata.name])
      }
"""
CONSTRAINT = """\
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: MustOwner
metadata: {name: owner}
spec:
  enforcementAction: ACTION
  match: {kinds: [{apiGroups: [""], kinds: [ConfigMap]}], scope: SCOPE}
"""
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  labels:\n    team: a\n"


def judge(tmp_path: Path, **files: str) -> tuple[list[Finding], list[str]]:
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    said: list[str] = []
    return check(Sources.of([str(tmp_path)]), say=said.append, places=True), said


def policy(action: str = "deny", scope: str = '"*"') -> str:
    return TEMPLATE + "---\n" + CONSTRAINT.replace("ACTION", action).replace("SCOPE", scope)


def test_a_finding_knows_its_file_and_line(tmp_path: Path) -> None:
    objects = "# two\n---\n" + MAP.format(name="b") + "---\n" + MAP.format(name="a")
    found, said = judge(tmp_path, policy=policy(), maps=objects)
    assert said == []
    places = [(Path(at.file).name, at.line) for at in (finding.location() for finding in found)]
    # Sorted by message over all objects; the field is `metadata.labels`, which stands at its first label.
    assert places == [("maps.yaml", 15), ("maps.yaml", 8)]
    assert gator.line(found[0]) == r'v1/ConfigMap a: ["owner"] Message: "a says \"who?\""'


@pytest.mark.parametrize(("action", "denies"), [("deny", True), ("warn", False), ("dryrun", False)])
def test_only_deny_fails(tmp_path: Path, action: str, denies: bool) -> None:
    found, _ = judge(tmp_path, policy=policy(action), maps=MAP.format(name="a"))
    assert [finding.denies for finding in found] == [denies]


@pytest.mark.parametrize(("scope", "count"), [("Namespaced", 1), ("Cluster", 0)])
def test_a_cluster_scoped_object_is_asked_with_an_empty_namespace(
    tmp_path: Path, scope: str, count: int
) -> None:
    found, _ = judge(tmp_path, policy=policy(scope=scope), maps=MAP.format(name="a"))
    assert len(found) == count


def test_a_name_in_two_files_is_warned_of(tmp_path: Path) -> None:
    _, said = judge(tmp_path, a=MAP.format(name="x"), b=MAP.format(name="x"))
    assert len(said) == 1
    assert said[0].startswith('WARNING - Resource named "x" (from file: ')


def test_a_policy_may_stand_after_what_it_judges_and_hide_behind_an_escape(tmp_path: Path) -> None:
    hidden = policy().replace("templates.gatekeeper.sh/v1", '"templates.gate\\x6beeper.sh/v1"', 1)
    found, _ = judge(tmp_path, a=MAP.format(name="x"), b=hidden)
    assert len(found) == 1


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "no input data identified"),
        ({"a": "# nothing\n"}, "no input data identified"),
        ({"a": "a: [\n"}, "not YAML"),
        ({"a": "a: 1\n"}, "needs `kind`"),
        ({"a": "- 1\n"}, "needs `kind`"),
        ({"a": CONSTRAINT.replace("ACTION", "deny").replace("SCOPE", '"*"')}, "missing ConstraintTemplate"),
        ({"a": "apiVersion: expansion.gatekeeper.sh/v1beta1\nkind: ExpansionTemplate\n"}, "expansion"),
    ],
)
def test_what_cannot_be_judged_is_refused(tmp_path: Path, files: dict[str, str], words: str) -> None:
    with pytest.raises(InputError) as caught:
        judge(tmp_path, **files)
    assert words in caught.value.render()


def test_a_mistake_is_told_with_the_line_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as caught:
        judge(tmp_path, a=MAP.format(name="x") + "---\n\nkind: [\n")
    assert caught.value.location.line >= 9
    broken = policy().replace("msg := sprintf", "msg := nothing")
    with pytest.raises(SourceError) as caught:
        judge(tmp_path, a=broken)
    assert caught.value.location.text.lstrip().startswith("msg := nothing")


def test_a_file_may_be_large_or_come_in_pieces(tmp_path: Path) -> None:
    text = MAP.format(name="x") + "".join(f"  k{number}: v\n" for number in range(20_000))
    (tmp_path / "large.yaml").write_text(text)
    assert read_text(str(tmp_path / "large.yaml")) == text
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)

    def pieces() -> None:
        with open(pipe, "wb", buffering=0) as file:
            for start in range(0, len(text), 50_000):
                file.write(text[start : start + 50_000].encode())

    writer = threading.Thread(target=pieces)
    writer.start()
    assert read_text(str(pipe)) == text
    writer.join(30)


def test_names_are_files_folders_and_globs(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("b.yml", "a.json", "sub/c.yaml", "no.txt"):
        (tmp_path / name).write_text("{}")
    found = Sources.of([str(tmp_path)]).files
    assert [str(Path(name).relative_to(tmp_path)) for name in found] == ["a.json", "b.yml", "sub/c.yaml"]
    assert Sources.of([f"{tmp_path}/*.yml"]).files == (f"{tmp_path}/b.yml",)
    besides = Sources.of([str(tmp_path)], besides=[str(tmp_path / "sub" / ".." / "a.json")]).files
    assert [Path(name).name for name in besides] == ["b.yml", "c.yaml"]
    for missing in ("nothing", "*.nothing"):
        with pytest.raises(NotFoundError):
            Sources.of([f"{tmp_path}/{missing}"])
    with pytest.raises(PratiqueError, match="must be one of"):
        Sources.of([f"{tmp_path}/no.txt"])
