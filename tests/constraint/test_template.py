"""Templates: versions, forms of code, generated CRDs, and refusals with their place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pratique.constraint import AUDIT, Library, Review, TemplateError, template
from pratique.kube import yaml

CASES = Path(__file__).parents[1] / "cases" / "constraint" / "templates" / "refused.yaml"
REGO = 'package a\nviolation[{"msg": "x"}] { true }'


def made(version: str = "v1", validation: Any = None, **target: Any) -> dict[str, Any]:
    crd: dict[str, Any] = {"names": {"kind": "Owner", "shortNames": ["own"]}}
    if validation is not None:
        crd["validation"] = validation
    return {
        "apiVersion": f"templates.gatekeeper.sh/{version}",
        "kind": "ConstraintTemplate",
        "metadata": {"name": "owner", "labels": {"team": "web"}},
        "spec": {
            "crd": {"spec": crd},
            "targets": [{"target": "admission.k8s.gatekeeper.sh", **(target or {"rego": REGO})}],
        },
    }


@pytest.mark.parametrize("case", yaml.read_one(CASES.read_text()), ids=lambda case: case["name"])
def test_refused(case: dict[str, Any]) -> None:
    document = yaml.load(case["template"], file="template.yaml")[0]
    with pytest.raises(TemplateError) as caught:
        Library().put_template(document.value, document=document)
    error = caught.value
    assert error.status.startswith(case["status"])
    assert all(part in error.status for part in case.get("contains", ()))
    assert error.code == case["code"]
    assert (error.location.file, error.location.line) == ("template.yaml", case["line"])
    if "column" in case:
        assert error.location.column == case["column"]
    assert error.render()


def test_and_and_or_may_be_imported() -> None:
    rego = (
        'package a\nimport future.keywords.or\nviolation[{"msg": "x"}] { input.review.a or input.review.b }'
    )
    Library().put_template(made(rego=rego))


@pytest.mark.parametrize(
    ("what", "violations"),
    [("future.keywords", 0), ("future.keywords.in", 0), ("future.keywords.not", 1)],
)
def test_all_future_keywords_are_those_of_gatekeepers_opa(what: str, violations: int) -> None:
    # `not f(undefined)` is undefined in OPA 1.17 unless its new form is imported by name; gator 3.23 says the same.
    rego = f"""
        package a
        import {what}
        violation[{{"msg": "x"}}] {{ or := "a"; not startswith(input.review.object.nothing, or) }}
    """
    library = Library()
    library.put_template(made(rego=rego))
    library.put_constraint(
        {
            "apiVersion": "constraints.gatekeeper.sh/v1beta1",
            "kind": "Owner",
            "metadata": {"name": "all"},
        }
    )
    review = Review.from_object({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}})
    assert len(library.review(review, AUDIT)) == violations


def test_without_a_file_the_place_is_in_the_rego() -> None:
    with pytest.raises(TemplateError) as caught:
        Library().put_template(made(rego="package a\nviolation[x] { x := }"))
    assert (caught.value.location.file, caught.value.location.line) == ("template", 2)


@pytest.mark.parametrize(
    ("target", "rego", "version"),
    [
        ({"rego": "short"}, "short", "v0"),
        ({"code": [{"engine": "Rego", "source": {"rego": "long"}}]}, "long", "v0"),
        ({"code": [{"engine": "Rego", "source": {"rego": "long", "version": "v1"}}]}, "long", "v1"),
        ({"code": [{"engine": "Rego", "source": {"rego": "long", "version": "V1"}}]}, "long", "v0"),
        (
            {"rego": "short", "code": [{"engine": "Rego", "source": {"rego": "long", "version": "v1"}}]},
            "short",
            "v0",
        ),
        (
            {
                "code": [
                    {"engine": "K8sNativeValidation", "source": {}},
                    {"engine": "Rego", "source": {"rego": "r"}},
                ]
            },
            "r",
            "v0",
        ),
    ],
)
def test_which_rego_is_taken(target: dict[str, Any], rego: str, version: str) -> None:
    found = template.read(made(**target)).rego
    assert (found.rego, found.version) == (rego, version)


def test_cel_alone_is_refused_by_name() -> None:
    with pytest.raises(TemplateError, match="K8sNativeValidation, which is not supported yet"):
        template.read(made(code=[{"engine": "K8sNativeValidation", "source": {}}]))


LOOSE = {"openAPIV3Schema": {"properties": {"labels": {"items": {"type": "string"}}}}}


@pytest.mark.parametrize(
    ("version", "legacy", "accepted"),
    [
        ("v1", None, False),
        ("v1", True, True),
        ("v1", False, False),
        ("v1beta1", None, True),
        ("v1beta1", False, False),
        ("v1alpha1", None, True),
    ],
)
def test_loose_schemas_are_legacy(version: str, legacy: bool | None, accepted: bool) -> None:
    validation = dict(LOOSE) if legacy is None else {**LOOSE, "legacySchema": legacy}
    if accepted:
        schema = template.read(made(version, validation)).schema
        parameters = schema["properties"]["spec"]["properties"]["parameters"]
        assert parameters["x-kubernetes-preserve-unknown-fields"] is True
        assert parameters["properties"]["labels"]["items"] == {"type": "string"}
    else:
        with pytest.raises(TemplateError, match="Required value"):
            template.read(made(version, validation))


def test_a_legacy_array_without_items_takes_any() -> None:
    validation = {"legacySchema": True, "openAPIV3Schema": {"properties": {"labels": {"type": "array"}}}}
    parameters = template.read(made("v1", validation)).schema["properties"]["spec"]["properties"][
        "parameters"
    ]
    assert parameters["properties"]["labels"]["items"] == {"x-kubernetes-preserve-unknown-fields": True}


@pytest.mark.parametrize("version", ["v1beta1", "v1alpha1"])
def test_old_versions_without_validation_take_any_parameter(version: str) -> None:
    spec = template.read(made(version)).schema["properties"]["spec"]["properties"]
    assert spec["parameters"]["x-kubernetes-preserve-unknown-fields"] is True


def test_an_engine_without_source_is_refused() -> None:
    with pytest.raises(TemplateError, match="no language driver"):
        template.read(made(code=[{"engine": "Rego"}]))


def test_the_generated_crd() -> None:
    found = made(validation={"openAPIV3Schema": {"type": "object", "properties": {"n": {"type": "integer"}}}})
    found["metadata"]["uid"] = "u"
    crd = template.read(found).crd()
    assert crd["metadata"]["name"] == "owner.constraints.gatekeeper.sh"
    assert crd["metadata"]["labels"] == {"team": "web", "gatekeeper.sh/constraint": "yes"}
    assert crd["metadata"]["ownerReferences"] == [
        {
            "apiVersion": "templates.gatekeeper.sh/v1beta1",
            "kind": "ConstraintTemplate",
            "name": "owner",
            "uid": "u",
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    assert crd["spec"]["scope"] == "Cluster"
    assert crd["spec"]["names"] == {
        "kind": "Owner",
        "listKind": "OwnerList",
        "plural": "owner",
        "singular": "owner",
        "shortNames": ["own"],
        "categories": ["constraint", "constraints"],
    }
    versions = crd["spec"]["versions"]
    assert [(one["name"], one["served"], one["storage"]) for one in versions] == [
        ("v1beta1", True, True),
        ("v1alpha1", True, False),
    ]
    assert all(one["subresources"] == {"status": {}} for one in versions)
    assert [column["name"] for column in versions[0]["additionalPrinterColumns"]] == [
        "enforcement-action",
        "total-violations",
    ]
    spec = versions[0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    assert spec["enforcementAction"] == {"type": "string", "default": "deny"}
    assert spec["parameters"] == {"type": "object", "properties": {"n": {"type": "integer"}}}
    assert set(spec["match"]["properties"]) == {
        "kinds",
        "scope",
        "namespaces",
        "excludedNamespaces",
        "labelSelector",
        "namespaceSelector",
        "name",
        "source",
    }
