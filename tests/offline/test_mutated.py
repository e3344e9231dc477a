"""Mutators in suites: what a case may say of an object, and in which words it fails."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.offline.test_check import policy
from tests.offline.test_suite import HEAD

from pratique.cli.main import pratique
from pratique.offline import suite

MUTATORS = """\
apiVersion: mutations.gatekeeper.sh/v1
kind: Assign
metadata: {name: pull}
spec:
  applyTo: [{groups: [""], versions: [v1], kinds: [Pod], operations: [CREATE]}]
  match: {namespaceSelector: {matchLabels: {team: a}}}
  location: "spec.containers[name: *].imagePullPolicy"
  parameters: {assign: {value: Always}}
---
apiVersion: mutations.gatekeeper.sh/v1
kind: AssignMetadata
metadata: {name: owner}
spec:
  location: metadata.labels.owner
  parameters: {assign: {externalData: {provider: people, dataSource: Username}}}
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: shop}
spec:
  priority: 3
  containers: [{name: a, image: a}, {name: b, image: b, imagePullPolicy: Never}]
"""
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop, labels: {team: a}}\n"
SAID = "externalData: {people: {dan: Dan, eve: {error: gone}}}, username: dan, inventory: [ns.yaml]"
EXPECTED = (
    POD.replace("namespace: shop", "namespace: shop, labels: {owner: Dan}")
    .replace("image: a}", "image: a, imagePullPolicy: Always}")
    .replace("Never", "Always")
)


def run(tmp_path: Path, case: str, test: str = "mutators: [m.yaml]", **files: str) -> suite.Suite:
    template, constraint = policy().split("---\n")
    written = {"m": MUTATORS, "pod": POD, "ns": NAMESPACE, "expected": EXPECTED, "t": template}
    written |= {"c": constraint.replace("ConfigMap", "Pod")} | files
    for name, text in written.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    (tmp_path / "suite.yaml").write_text(f"{HEAD}- name: t\n  {test}\n  cases:\n  - {{name: c, {case}}}\n")
    return suite.run(str(tmp_path / "suite.yaml"))


def failure(found: suite.Suite) -> str:
    texts = [found.failure, *(one.failure for one in found.tests)]
    return "\n".join([*texts, *(case.failure for one in found.tests for case in one.cases)]).strip()


@pytest.mark.parametrize(
    "case",
    [
        "expected: expected.yaml",
        "assertions: [{mutated: yes}]",
        "assertions: [{path: 'spec.containers[name: a].imagePullPolicy', value: Always}]",
        "assertions: [{path: 'spec.containers[name: *].imagePullPolicy', value: Always}]",
        "assertions: [{path: spec.priority, value: 3}, {path: metadata.labels, value: {owner: Dan}}]",
        "assertions: [{path: spec.nodeName, exists: no}, {path: spec.containers}]",
        "assertions: [{path: metadata.labels.owner, value: Dan, mutated: yes}], expected: expected.yaml",
    ],
)
def test_what_holds(tmp_path: Path, case: str) -> None:
    assert failure(run(tmp_path, f"object: pod.yaml, {SAID}, {case}")) == ""


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (
            "assertions: [{mutated: no}]",
            "the object should not be mutated, and is at /metadata/labels, /spec",
        ),
        ("assertions: [{path: spec.priority, value: '3'}]", 'spec.priority: got 3, want "3"'),
        ("assertions: [{path: spec.x, value: 1}]", "spec.x: got nothing, want 1"),
        ("assertions: [{path: spec.x}]", "spec.x: got nothing, want any"),
        ("assertions: [{path: spec.priority, exists: no}]", "spec.priority: got 3, want nothing"),
        (
            "assertions: [{path: 'spec.containers[name: *].image', value: a}]",
            'spec.containers[name: *].image: got "a", "b", want "a"',
        ),
        ("assertions: [{error: x}]", 'the mutation should fail with "x", and does not'),
        (
            "expected: pod.yaml",
            "the object is not what is expected:\n"
            '/metadata/labels: got {"owner": "Dan"}, want nothing\n'
            '/spec/containers/0/imagePullPolicy: got "Always", want nothing\n'
            '/spec/containers/1/imagePullPolicy: got "Always", want "Never"',
        ),
        ("assertions: [{value: 1}]", "an assertion about a value needs `path`"),
        ("assertions: [{path: 'a['}]", "`path: a[`: unexpected token"),
        ("assertions: [{path: a, exists: maybe}]", "`exists: maybe` is neither `yes` nor `no`"),
        (
            "assertions: [{error: '('}]",
            "invalid regular expression: error parsing regexp: missing closing ): `(`",
        ),
        ("assertions: []", "invalid Case: assertions must be non-empty"),
        ("assertions: [{violations: no}]", "its test names no `template`"),
        ("assertions: [{path: [a]}]", "`tests[0].cases[0].assertions[0].path` must be text, not a list"),
        ("operation: DELETE, assertions: [{mutated: no}]", "`DELETE` is no operation that mutates"),
        (
            "expected: ns.yaml, username: eve",
            "failed to retrieve external data item from provider people: gone",
        ),
        (
            "externalData: {people: {dan: {error: no}}}, assertions: [{mutated: no}]",
            "the `error` of `dan` must be text",
        ),
        ("externalData: [1], assertions: [{mutated: no}]", "`externalData` must say for each provider"),
    ],
)
def test_what_does_not_hold_is_said(tmp_path: Path, case: str, expected: str) -> None:
    said = SAID
    for key in ("username", "externalData"):
        if key in case:
            said = ", ".join(part for part in said.split(", ") if not part.startswith(f"{key}:"))
    if "externalData" in case:
        said = "inventory: [ns.yaml]"
    assert expected in failure(run(tmp_path, f"object: pod.yaml, {said}, {case}"))


def test_an_expected_failure(tmp_path: Path) -> None:
    case = "object: pod.yaml, assertions: [{error: failed to find external data provider people}]"
    assert failure(run(tmp_path, case)) == ""
    wrong = failure(run(tmp_path, "object: pod.yaml, assertions: [{error: other}]"))
    assert wrong.startswith('the mutation should fail with "other", and fails with: failed to resolve')


def test_operation_and_namespace_count(tmp_path: Path) -> None:
    case = "assertions: [{path: 'spec.containers[name: b].imagePullPolicy', value: Never}]"
    assert failure(run(tmp_path, f"object: pod.yaml, operation: UPDATE, {SAID}, {case}")) == ""
    without = SAID.replace(", inventory: [ns.yaml]", "")
    assert failure(run(tmp_path, f"object: pod.yaml, {without}, {case}")) == ""


def test_an_admission_review_is_mutated_as_it_asks(tmp_path: Path) -> None:
    pod = "\n".join(f"    {line}" for line in POD.splitlines())
    asked = (
        "apiVersion: admission.k8s.io/v1\nkind: AdmissionReview\nrequest:\n  operation: CREATE\n"
        f"  userInfo: {{username: dan}}\n  object:\n{pod}\n"
    )
    said = SAID.replace("username: dan, ", "")
    case = f"object: asked.yaml, {said}, expected: expected.yaml, assertions: [{{violations: no}}]"
    both = "{mutators: [m.yaml], template: t.yaml, constraint: c.yaml}"
    test = both.strip("{}").replace(", ", "\n  ").replace("[m.yaml]\n  ", "[m.yaml]\n  ")
    assert failure(run(tmp_path, case, test, asked=asked)) == ""


def test_policies_judge_what_became_of_it(tmp_path: Path) -> None:
    test = "mutators: [m.yaml]\n  template: t.yaml\n  constraint: c.yaml"
    for assertion, said in (("{violations: no}", SAID), ("{violations: 1}", SAID)):
        found = failure(run(tmp_path, f"object: pod.yaml, {said}, assertions: [{assertion}]", test))
        assert bool(found) is (assertion == "{violations: 1}")


@pytest.mark.parametrize(
    ("mutators", "invalid", "expected"),
    [
        (MUTATORS, "", ""),
        (MUTATORS, "\n  invalid: true", "mutators should have been refused, and are accepted"),
        (MUTATORS.replace("metadata.labels.owner", "metadata.name"), "\n  invalid: true", ""),
        (
            MUTATORS.replace("metadata.labels.owner", "metadata.name"),
            "",
            "invalid location for assignmetadata owner",
        ),
        (NAMESPACE, "", "cannot convert mutator of kind `Namespace`"),
        ("", "", "`mutators` names no mutator"),
        (
            MUTATORS + "---\n" + MUTATORS.split("---")[0].replace("pull}", "other}").replace("[name: *]", ""),
            "",
            "the following mutators have conflicting schemas",
        ),
    ],
)
def test_mutators_are_checked_first(tmp_path: Path, mutators: str, invalid: str, expected: str) -> None:
    case = f"object: pod.yaml, {SAID}, expected: expected.yaml"
    found = failure(run(tmp_path, case, f"mutators: [m.yaml]{invalid}", m=mutators))
    assert (expected in found) if expected else found == ""


def test_a_case_about_mutation_needs_mutators(tmp_path: Path) -> None:
    found = run(
        tmp_path, "object: pod.yaml, assertions: [{mutated: no}]", "template: t.yaml\n  constraint: c.yaml"
    )
    assert "its test names no `mutators`" in failure(found)


ASKS = """\
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: asks}
spec:
  crd: {spec: {names: {kind: Asks}}}
  targets:
  - target: admission.k8s.gatekeeper.sh
    rego: |
      package asks
      violation[{"msg": msg}] {
        said := external_data({"provider": "people", "keys": [input.review.object.metadata.name]})
        msg := sprintf("%v %v %v", [said.responses, said.errors, said.system_error])
      }
"""


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("{people: {p: {age: 3}}}", r'\[\["p", {"age": 3}\]\] \[\] $'),
        ("{people: {p: {error: gone}}}", r'\[\] \[\["p", "gone"\]\] $'),
        ("{}", "key is not found in provider cache: people"),
    ],
)
def test_policies_hear_what_providers_say(tmp_path: Path, said: str, message: str) -> None:
    constraint = "apiVersion: constraints.gatekeeper.sh/v1beta1\nkind: Asks\nmetadata: {name: asks}\n"
    case = f"object: pod.yaml, externalData: {said}, assertions: [{{violations: 1, message: '{message}'}}]"
    found = run(tmp_path, case, "template: asks.yaml\n  constraint: ask.yaml", asks=ASKS, ask=constraint)
    assert failure(found) == ""


def test_the_command(tmp_path: Path) -> None:
    run(tmp_path, f"object: pod.yaml, {SAID}, expected: pod.yaml")
    result = CliRunner().invoke(pratique, ["verify", str(tmp_path / "suite.yaml")])
    assert result.exit_code == 1
    assert '        /spec/containers/1/imagePullPolicy: got "Always", want "Never"' in result.stdout
