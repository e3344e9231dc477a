"""The catalogue: what it has, and what it answers for a template's URL."""

from __future__ import annotations

from pathlib import Path

import pytest

from pratique import catalog
from pratique.catalog import STORE, Catalog
from pratique.errors import NotFoundError
from pratique.kube import yaml
from pratique.policy import Definition


def test_every_definition_is_one_and_brings_its_template() -> None:
    found = catalog.definitions()
    assert len(found) >= 5
    for document in found:
        definition = Definition.from_arm(document)
        assert definition.id == document["id"]
        assert definition.policy_type == "BuiltIn"
        assert definition.category == "Kubernetes"
        text = catalog.template(definition.template_url())
        assert text is not None, definition.template_url()
        template = yaml.read_one(text)
        declared = template["spec"]["crd"]["spec"]["validation"]["openAPIV3Schema"].get("properties", {})
        assert set(definition.details.get("values", {})) == set(declared)


def test_a_definition_is_found_by_id_guid_or_folder() -> None:
    guid = "46592696-4c7b-4bf3-9e45-6c2763bdc0a6"
    by_id = catalog.get(f"/providers/Microsoft.Authorization/policyDefinitions/{guid.upper()}")
    assert by_id is catalog.get(guid) is catalog.get("pod-enforce-labels")
    with pytest.raises(NotFoundError) as caught:
        catalog.get("nothing")
    assert "pod-enforce-labels" in caught.value.hint


def test_a_url_that_nobody_knows_is_refused_by_name() -> None:
    with pytest.raises(NotFoundError) as caught:
        catalog.fetch(f"{STORE}/selinux/v3/template.yaml")
    assert f"{STORE}/selinux/v3/template.yaml" in caught.value.message
    assert "selinux/template.yaml" in caught.value.hint
    with pytest.raises(NotFoundError):
        catalog.fetch("not a url")


def test_a_mirror_answers_for_what_the_catalogue_lacks(tmp_path: Path) -> None:
    (tmp_path / "selinux").mkdir()
    (tmp_path / "selinux" / "template.yaml").write_text("any version")
    (tmp_path / "selinux" / "v2").mkdir()
    (tmp_path / "selinux" / "v2" / "template.yaml").write_text("version two")
    (tmp_path / "pod-enforce-labels").mkdir()
    (tmp_path / "pod-enforce-labels" / "template.yaml").write_text("the mirror's")
    mirrored = Catalog(mirror=tmp_path)
    assert mirrored.fetch(f"{STORE}/selinux/v3/template.yaml") == "any version"
    assert mirrored.fetch(f"{STORE}/selinux/v2/template.yaml") == "version two"
    assert "K8sAzureV1PodEnforceLabels" in mirrored.fetch(f"{STORE}/pod-enforce-labels/v1/template.yaml")
    assert mirrored.fetch(f"{STORE}/pod-enforce-labels/v9/template.yaml") == "the mirror's"
    with pytest.raises(NotFoundError, match="has none either"):
        mirrored.fetch(f"{STORE}/other/v1/template.yaml")


def test_a_url_does_not_lead_out_of_the_mirror(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "template.yaml").write_text("secret")
    (tmp_path / "mirror").mkdir()
    mirrored = Catalog(mirror=tmp_path / "mirror")
    for url in (f"{STORE}/../secret/v1/template.yaml", f"{STORE}/..%2Fsecret/v1/template.yaml"):
        with pytest.raises(NotFoundError):
            mirrored.fetch(url)
