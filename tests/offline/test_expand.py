"""Expansion offline: `pratique expand`, and what `test` and `verify` make of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.offline.test_check import judge, policy
from tests.offline.test_suite import HEAD

from pratique.cli.main import pratique
from pratique.errors import PratiqueError
from pratique.offline import selection, suite

FIXTURES = Path(__file__).parents[3] / "shared/conformance/gatekeeper/gator"
# Its output file is empty; gator 3.23 gives the Pod, as we do.
STALE = {"expand-with-missing-ns"}

SET = """\
apiVersion: g/v1
kind: MapSet
metadata: {name: set, namespace: default}
spec:
  template:
    metadata:
      labels: {team: a}
"""
EXPANSION = """\
apiVersion: expansion.gatekeeper.sh/v1beta1
kind: ExpansionTemplate
metadata: {name: sets}
spec:
  applyTo: [{groups: [g], versions: [v1], kinds: [MapSet]}]
  templateSource: spec.template
  generatedGVK: {group: "", version: v1, kind: ConfigMap}
"""
OWNER = """\
apiVersion: mutations.gatekeeper.sh/v1
kind: AssignMetadata
metadata: {name: owner}
spec:
  location: metadata.labels.owner
  match: {source: Generated}
  parameters: {assign: {value: me}}
"""


def expand(*arguments: str, text: str = "") -> Result:
    return CliRunner().invoke(pratique, ["expand", *arguments], input=text)


@pytest.mark.parametrize("name", sorted({path.name for path in FIXTURES.glob("expand/fixtures/*")} - STALE))
def test_gators_fixtures_to_the_byte(name: str) -> None:
    folder = FIXTURES / "expand/fixtures" / name
    result = expand("-n", str(folder / "input"))
    assert result.exit_code == 0
    # gator ends what it prints, though not what it writes to a file, with one more line.
    assert result.stdout.strip("\n") == (folder / "output/output.yaml").read_text().strip("\n")


def test_json_and_a_file(tmp_path: Path) -> None:
    text = "\n---\n".join([EXPANSION, SET, SET.replace("name: set,", "name: zet,")])
    printed = expand("-f", "json", text=text)
    assert [line for line in printed.stdout.splitlines() if "name" in line or line[0] in "{}"] == [
        "{",
        '        "name": "zet-configmap",',
        '        "namespace": "default",',
        '                "name": "zet",',
        "}---",
        "{",
        '        "name": "set-configmap",',
        '        "namespace": "default",',
        '                "name": "set",',
        "}",
    ]
    target = tmp_path / "made.yaml"
    written = expand("-o", str(target), text=text)
    assert written.stdout == f"Writing output to file: {target}\n"
    assert target.read_text().count("kind: ConfigMap\n") == 2


@pytest.mark.parametrize(
    ("text", "arguments", "error"),
    [
        ("", (), "no input data identified"),
        (SET, ("-f", "xml"), "unrecognized value for format flag: xml"),
        (SET, ("-o", "/nowhere/x"), "`/nowhere/x` cannot be written"),
        (SET, ("-n", "/nowhere"), "there is no file or folder `/nowhere`"),
        (
            EXPANSION + "---\n" + SET.replace("template:", "temple:"),
            (),
            'stdin:11:11: error expanding resource set: could not find source field "spec.template" in resource set',
        ),
        (
            OWNER.replace("labels.owner", "labels["),
            (),
            "stdin:3:11: invalid location format for AssignMetadata",
        ),
        (
            EXPANSION.replace("[{groups: [g]", "[{groups: ['']").replace("MapSet", "ConfigMap"),
            (),
            "generates GVK",
        ),
    ],
)
def test_what_is_refused(text: str, arguments: tuple[str, ...], error: str) -> None:
    result = expand(*arguments, text=text)
    assert result.exit_code == 1
    assert error in result.stderr
    assert "kind:" not in result.stdout


def test_what_will_be_generated_is_judged(tmp_path: Path) -> None:
    found, _ = judge(tmp_path, policy=policy(), sets=EXPANSION + "---\n" + SET)
    (finding,) = found
    assert finding.violation.message == '[Implied by sets] set-configmap says "who?"'
    assert (finding.object["kind"], finding.denies) == ("MapSet", True)
    # The template names `metadata.labels`, which the parent has at `spec.template.metadata.labels`.
    assert finding.location().line == 15


def test_the_template_decides_what_happens(tmp_path: Path) -> None:
    expansion = EXPANSION + "  enforcementAction: warn\n"
    found, _ = judge(tmp_path, policy=policy(), sets=expansion + "---\n" + SET)
    assert [finding.denies for finding in found] == [False]


def test_resultants_are_mutated_first(tmp_path: Path) -> None:
    found, _ = judge(tmp_path, policy=policy(), sets="---\n".join([EXPANSION, SET, OWNER]))
    assert found == []


@pytest.mark.parametrize(
    "wrong", [EXPANSION + "---\n" + EXPANSION.replace("sets", "back").replace("MapSet", "Q")]
)
def test_files_in_any_order(tmp_path: Path, wrong: str) -> None:
    found, _ = judge(tmp_path, a=SET, b=wrong, c=policy())
    assert len(found) == 1


def test_mutators_that_contradict_each_other_are_named(tmp_path: Path) -> None:
    one = OWNER.replace("AssignMetadata", "Assign").replace("metadata.labels.owner", "spec.a.b")
    one += "  applyTo: [{groups: [''], versions: [v1], kinds: [ConfigMap]}]\n"
    other = one.replace("spec.a.b", "'spec.a[name: x].b'").replace("name: owner", "name: other")
    with pytest.raises(PratiqueError, match="the following mutators have conflicting schemas"):
        judge(tmp_path, a=one, b=other)


@pytest.mark.parametrize(("expansion", "failed"), [("", True), ("  expansion: e.yaml\n", False)])
def test_suites_expand(tmp_path: Path, expansion: str, failed: bool) -> None:
    template, constraint = policy().split("---\n")
    files = {"template": template, "constraint": constraint, "e": EXPANSION, "set": SET}
    for name, text in files.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    test = f"- name: t\n  template: template.yaml\n  constraint: constraint.yaml\n{expansion}  cases:\n"
    case = "  - object: set.yaml\n    assertions: [{violations: 1, message: Implied by sets}]\n"
    (tmp_path / "suite.yaml").write_text(HEAD + test + case)
    assert suite.run(str(tmp_path / "suite.yaml")).failed is failed


def test_gators_suite_passes() -> None:
    assert [path for path in selection.find(f"{FIXTURES}/verify/...") if suite.run(path).failed] == []
