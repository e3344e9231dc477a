"""Programs: compiled once by content, and with a store once for good."""

from __future__ import annotations

from typing import Any

import pytest

from pratique import rego
from pratique.constraint import AUDIT, Library, Programs, Review, TemplateError

OWNER = """
package owner

import data.lib.named

violation[{"msg": msg}] {
  missing := {label | label := input.parameters.labels[_]; not input.review.object.metadata.labels[label]}
  count(missing) > 0
  msg := sprintf("%v needs %v", [named.name, missing])
}
"""
NAMED = "package lib.named\n\nname = input.review.object.metadata.name\n"
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "namespace": "shop"}}


def template(text: str, libs: list[str]) -> dict[str, Any]:
    target = {"target": "admission.k8s.gatekeeper.sh", "rego": text, "libs": libs}
    return {
        "apiVersion": "templates.gatekeeper.sh/v1beta1",
        "kind": "ConstraintTemplate",
        "metadata": {"name": "owner"},
        "spec": {"crd": {"spec": {"names": {"kind": "Owner"}, "validation": {}}}, "targets": [target]},
    }


def answers(programs: Programs) -> list[str]:
    library = Library(programs=programs)
    library.put_template(template(OWNER, [NAMED]))
    library.put_constraint(
        {
            "apiVersion": "constraints.gatekeeper.sh/v1beta1",
            "kind": "Owner",
            "metadata": {"name": "owners"},
            "spec": {"parameters": {"labels": ["owner"]}},
        }
    )
    return [violation.message for violation in library.review(Review.from_object(POD), AUDIT)]


def test_a_second_start_compiles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    store: dict[str, bytes] = {}
    first = answers(Programs(store=store))

    def compiled(*_: Any, **__: Any) -> None:
        raise AssertionError("compiled")

    monkeypatch.setattr(rego, "compile", compiled)
    monkeypatch.setattr(rego, "parse_module", compiled)
    assert answers(Programs(store=store)) == first == ['web needs {"owner"}']


def test_what_another_build_has_left_is_written_anew() -> None:
    store: dict[str, bytes] = {}
    first = answers(Programs(store=store))
    spoilt = {name: value if name.endswith("entrypoint") else b"other" for name, value in store.items()}
    assert answers(Programs(store=spoilt)) == first
    assert len([name for name, value in spoilt.items() if value == store[name]]) == len(store) - 1


READER = """
package reader

violation[{"msg": "taken"}] {
  other := data.inventory.namespace[_][_].Service[_]
  other.spec.port == input.review.object.spec.port
}
"""


def test_what_is_read_of_the_inventory_is_stored_too(monkeypatch: pytest.MonkeyPatch) -> None:
    store: dict[str, bytes] = {}

    def kinds() -> set[tuple[str, str]]:
        library = Library(programs=Programs(store=store))
        library.put_template(template(READER, []))
        return library.read_inventory()

    assert kinds() == {("*", "Service")}
    (key,) = [name for name in store if name.endswith("-inventory")]
    store[key] = b"other"
    assert kinds() == {("*", "Service")}
    monkeypatch.setattr(rego, "parse_module", None)
    assert kinds() == {("*", "Service")}


def test_what_is_refused_is_not_stored() -> None:
    store: dict[str, bytes] = {}
    library = Library(programs=Programs(store=store))
    for _ in range(2):
        with pytest.raises(TemplateError):
            library.put_template(template("package bad\nviolation[{", []))
    assert store == {}
