"""`pratique sync test`: what is met, what is not, and what cannot be read; texts and codes are gator 3.23's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pratique.cli.main import pratique
from pratique.kube import yaml

INGRESS = {"groups": ["", "extensions"], "versions": ["v1", "v1beta1"], "kinds": ["Ingress"]}
NEW = {"groups": ["networking.k8s.io"], "versions": ["v1"], "kinds": ["Ingress"]}
POD = {"groups": [""], "versions": ["v1"], "kinds": ["Pod"]}
NEEDS = json.dumps([[INGRESS, NEW], [POD]])
INGRESS_SYNCED = {"group": "networking.k8s.io", "version": "v1", "kind": "Ingress"}
POD_SYNCED = {"group": "", "version": "v1", "kind": "Pod"}
UNMET = (
    "one:\n"
    "- /v1:Ingress OR /v1beta1:Ingress OR extensions/v1:Ingress OR extensions/v1beta1:Ingress OR "
    "networking.k8s.io/v1:Ingress\n"
    "- /v1:Pod\n"
)
OMITTED = (
    "ignoring absence of supported GVK manifest due to --force-omit-gvk-manifest flag; will assume all synced GVKs "
    "are supported by cluster\n"
)


def template(name: str = "one", needs: str = NEEDS, **crd: Any) -> dict[str, Any]:
    rego = 'package one\nviolation[{"msg": "m"}] { true }\n'
    annotations = {"metadata.gatekeeper.sh/requires-sync-data": needs}
    return {
        "apiVersion": "templates.gatekeeper.sh/v1",
        "kind": "ConstraintTemplate",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {
            "crd": {"spec": {"names": {"kind": name.title()}}} | crd,
            "targets": [{"target": "admission.k8s.gatekeeper.sh", "rego": rego}],
        },
    }


def sync_set(*gvks: dict[str, str]) -> dict[str, Any]:
    metadata = {"name": "s"}
    spec = {"gvks": list(gvks)}
    return {
        "apiVersion": "syncset.gatekeeper.sh/v1alpha1",
        "kind": "SyncSet",
        "metadata": metadata,
        "spec": spec,
    }


def config(*gvks: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "config.gatekeeper.sh/v1alpha1",
        "kind": "Config",
        "metadata": {"name": "config", "namespace": "gatekeeper-system"},
        "spec": {"sync": {"syncOnly": list(gvks)}},
    }


def manifest(groups: Any) -> dict[str, Any]:
    return {
        "apiVersion": "gvkmanifest.gatekeeper.sh/v1alpha1",
        "kind": "GVKManifest",
        "metadata": {"name": "m"},
        "spec": {"groups": groups},
    }


SERVED = manifest({"": {"v1": ["Pod"]}, "networking.k8s.io": {"v1": ["Ingress"]}})


def run(*documents: Any, omit: bool = False) -> Result:
    arguments = ["sync", "test", *(["-f"] if omit else [])]
    return CliRunner().invoke(pratique, arguments, input=yaml.dump_all(documents))


def test_all_is_there() -> None:
    both = (template(), sync_set(INGRESS_SYNCED), config(POD_SYNCED))
    served = run(*both, SERVED)
    assert (served.exit_code, served.output) == (0, "")
    omitted = run(*both, omit=True)
    assert (omitted.exit_code, omitted.output) == (0, OMITTED)
    quoted = run(template(needs=f'"{NEEDS}"\n'), *both[1:], SERVED)
    assert quoted.exit_code == 0


@pytest.mark.parametrize(
    ("documents", "unmet"),
    [
        ([template()], UNMET),
        ([template("two"), template()], UNMET + UNMET.replace("one:", "two:")),
        ([template(), config(POD_SYNCED)], UNMET.replace("- /v1:Pod\n", "")),
        (
            [template(), sync_set(POD_SYNCED, INGRESS_SYNCED | {"version": "v2"})],
            UNMET.replace("- /v1:Pod\n", ""),
        ),
    ],
)
def test_what_is_missing_is_listed(documents: list[Any], unmet: str) -> None:
    result = run(*documents, omit=True)
    assert (result.exit_code, result.stdout) == (1, OMITTED)
    assert result.stderr == f"the following requirements were not met: \n{unmet}\n"


def test_what_the_cluster_does_not_serve_is_not_synchronised() -> None:
    both = (template(), sync_set(INGRESS_SYNCED, POD_SYNCED))
    result = run(*both, manifest({"networking.k8s.io": {"v1": ["Ingress"]}}))
    assert (result.exit_code, result.stderr) == (
        1,
        "the following requirements were not met: \none:\n- /v1:Pod\n\n",
    )


@pytest.mark.parametrize(
    ("documents", "error"),
    [
        ([template()], "no GVK manifest found; please provide a manifest enumerating the GVKs supported by"),
        ([], "no input data identified"),
        ([config(), config()], "multiple configs found; Config is a singleton resource"),
        ([SERVED, SERVED], "multiple GVK manifests found; please provide one manifest"),
        ([manifest([{"name": "apps"}])], "`spec.groups` must be an object"),
        ([manifest({"apps": ["v1"]})], "`spec.groups.apps` must be an object"),
        ([manifest({"apps": {"v1": "Pod"}})], "`spec.groups.apps.v1` must be a list of kinds"),
        ([sync_set("Pod")], "`spec.gvks` must be a list of objects"),  # type: ignore[arg-type]
        ([sync_set({"kind": 3})], "`group`, `version` and `kind` in `spec.gvks` must be texts"),  # type: ignore[dict-item]
        ([config() | {"spec": {"sync": [1]}}], "`spec.sync` must be an object"),
        ([config() | {"spec": [1]}], "`spec` must be an object"),
        ([template(needs="[[{]")], "encountered errors parsing the following templates: \none:\n`metadata"),
        ([template(needs="{}")], "must be a list of lists of objects"),
        ([template(needs='[[{"groups": "x"}]]')], "has a `groups` that is no list of texts"),
        ([template(needs="[[3]]")], "has a `groups` that is no list of texts"),
        ([template(spec=3)], "encountered errors parsing the following templates: \none:\n"),
    ],
)
def test_what_cannot_be_read(documents: list[Any], error: str) -> None:
    result = run(*documents)
    assert result.exit_code == 1
    assert error in result.stderr


def test_other_objects_are_passed_over() -> None:
    result = run({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}, SERVED)
    assert result.exit_code == 0
    assert result.stdout == (
        'skipping unstructured "p" because it is not a syncset, config, gvk manifest, or template\n'
    )
