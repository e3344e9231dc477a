"""The bed itself: the real API server and the real Gatekeeper stand, and so do ours."""

import pytest
from tests.bed import need, observe, opened

TEMPLATE = {
    "apiVersion": "templates.gatekeeper.sh/v1",
    "kind": "ConstraintTemplate",
    "metadata": {"name": "never"},
    "spec": {
        "crd": {"spec": {"names": {"kind": "Never"}}},
        "targets": [
            {
                "target": "admission.k8s.gatekeeper.sh",
                "rego": 'package p\nviolation[{"msg": "never"}] { true }',
            }
        ],
    },
}
CONSTRAINT = {
    "apiVersion": "constraints.gatekeeper.sh/v1beta1",
    "kind": "Never",
    "metadata": {"name": "no-config-maps"},
    "spec": {"match": {"kinds": [{"apiGroups": [""], "kinds": ["ConfigMap"]}]}},
}
CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}}


# Not Gatekeeper on the embedded cluster: it runs outside of a pod here, and a cluster that collects garbage, as ours
# does and a real one with controllers, takes away the statuses of a pod that does not exist.
@pytest.mark.parametrize(
    ("server", "engine"), [("real", "gatekeeper"), ("real", "pratique"), ("embedded", "pratique")]
)
def test_a_policy_is_enforced(server: str, engine: str) -> None:
    need(server, engine)
    with opened(server=server, engine=engine) as bed:
        assert bed.api.create(TEMPLATE).good
        template = observe.wait(bed.api, TEMPLATE)
        assert template["status"]["created"]
        assert bed.api.create(CONSTRAINT).good
        constraint = observe.wait(bed.api, CONSTRAINT)
        assert constraint["status"]["byPod"][0]["enforced"]
        answer = bed.api.create(CONFIG_MAP)
        assert answer.code == 403
        assert answer.body["message"].endswith("denied the request: [no-config-maps] never")
