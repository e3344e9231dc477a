"""Our agent on a real API server: what people do with policies on a first day, with kubectl."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from tests.bed import Bed, need, observe, opened
from tests.bed.processes import until

TEMPLATE = """\
apiVersion: templates.gatekeeper.sh/v1
kind: ConstraintTemplate
metadata: {name: owned}
spec:
  crd:
    spec:
      names: {kind: Owned}
      validation: {openAPIV3Schema: {type: object, properties: {label: {type: string}}}}
  targets:
    - target: admission.k8s.gatekeeper.sh
      rego: |
        package owned
        violation[{"msg": msg}] {
          not input.review.object.metadata.labels[input.parameters.label]
          msg := sprintf("%v has no %v", [input.review.object.metadata.name, input.parameters.label])
        }
"""


def constraint(name: str, namespace: str, **spec: Any) -> str:
    match = {"kinds": [{"apiGroups": [""], "kinds": ["ConfigMap"]}], "namespaces": [namespace]}
    return yaml.safe_dump(
        {
            "apiVersion": "constraints.gatekeeper.sh/v1beta1",
            "kind": "Owned",
            "metadata": {"name": name},
            "spec": {"match": match, "parameters": {"label": "owner"}, **spec},
        }
    )


@pytest.fixture(scope="module")
def bed() -> Iterator[Bed]:
    need("real", "pratique")
    with opened(server="real", engine="pratique") as found:
        for name in ("denied", "warned", "changed", "audited"):
            assert not found.kubectl("create", "namespace", name).returncode
        assert not found.kubectl("create", "configmap", "old", "-n", "audited").returncode
        assert not found.kubectl("apply", "-f", "-", given=TEMPLATE).returncode
        assert not found.kubectl("wait", "--for=create", "crd/owned.constraints.gatekeeper.sh").returncode
        assert not found.kubectl(
            "wait", "--for=condition=Established", "crd/owned.constraints.gatekeeper.sh"
        ).returncode
        yield found


def put(bed: Bed, text: str) -> None:
    done = bed.kubectl("apply", "-f", "-", given=text)
    assert not done.returncode, done.stderr
    assert observe.settled(observe.wait(bed.api, yaml.safe_load(text)))


def test_deny(bed: Bed) -> None:
    put(bed, constraint("denies", "denied"))
    done = bed.kubectl("create", "configmap", "new", "-n", "denied")
    assert done.stderr == (
        'error: failed to create configmap: admission webhook "validation.gatekeeper.sh" denied the request:'
        " [denies] new has no owner\n"
    )
    labelled = json.dumps(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "new", "labels": {"owner": "me"}}}
    )
    assert not bed.kubectl("apply", "-n", "denied", "-f", "-", given=labelled).returncode
    done = bed.kubectl("label", "configmap", "new", "-n", "denied", "owner-")
    assert done.returncode and "[denies] new has no owner" in done.stderr


def test_warn(bed: Bed) -> None:
    put(bed, constraint("warns", "warned", enforcementAction="warn"))
    done = bed.kubectl("create", "configmap", "new", "-n", "warned")
    assert (done.returncode, done.stderr) == (0, "Warning: [warns] new has no owner\n")


def test_mutate(bed: Bed) -> None:
    put(
        bed,
        """\
apiVersion: mutations.gatekeeper.sh/v1
kind: AssignMetadata
metadata: {name: owner}
spec: {match: {namespaces: [changed]}, location: metadata.labels.owner, parameters: {assign: {value: me}}}
""",
    )
    assert not bed.kubectl("create", "configmap", "new", "-n", "changed").returncode
    found = json.loads(bed.kubectl("get", "configmap", "new", "-n", "changed", "-o", "json").stdout)
    assert found["metadata"]["labels"] == {"owner": "me"}


def test_audit(bed: Bed) -> None:
    put(bed, constraint("audits", "audited", enforcementAction="dryrun"))

    def total() -> str:
        return bed.kubectl("get", "owned", "audits", "-o", "jsonpath={.status.totalViolations}").stdout

    until(lambda: total() == "1", "the audit has found the old object", limit=30)
    rows = bed.kubectl("get", "owned", "audits").stdout.splitlines()
    assert rows[0].split() == ["NAME", "ENFORCEMENT-ACTION", "TOTAL-VIOLATIONS"]
    assert rows[1].split() == ["audits", "dryrun", "1"]
    assert not bed.kubectl("label", "configmap", "old", "-n", "audited", "owner=me").returncode
    until(lambda: total() == "0", "the audit has seen that it is mended", limit=30)


def test_a_broken_policy_says_where(bed: Bed) -> None:
    done = bed.kubectl(
        "apply",
        "-f",
        "-",
        given=TEMPLATE.replace("owned", "broken")
        .replace("Owned", "Broken")
        .replace("not input", "nott input"),
    )
    assert not done.returncode
    assert done.stderr.startswith("Warning: template:3:")


def test_a_template_that_goes_takes_its_policies_along(bed: Bed) -> None:
    put(bed, TEMPLATE.replace("owned", "leaving").replace("Owned", "Leaving"))
    text = constraint("leaves", "denied").replace("Owned", "Leaving")
    put(bed, text)
    assert not bed.kubectl("delete", "constrainttemplate", "leaving").returncode
    until(
        lambda: (
            bed.engine is not None
            and "[leaves]" not in bed.kubectl("create", "configmap", "x", "-n", "denied").stderr
        ),
        "it is not enforced any more",
        limit=30,
    )


def test_an_agent_that_starts_anew_enforces_what_is_there(bed: Bed) -> None:
    assert bed.engine is not None
    put(bed, constraint("stays", "denied"))
    bed.engine.stop()
    bed.engine.start()
    done = bed.kubectl("create", "configmap", "after", "-n", "denied")
    assert done.returncode and "[stays] after has no owner" in done.stderr
