"""Constraints: refused in Gatekeeper's order and with its texts; defaults; enforcement actions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.constraint.test_template import made

from pratique.constraint import ConstraintError, Library, constraint, template
from pratique.kube import yaml

CASES = Path(__file__).parents[1] / "cases" / "constraint" / "refused.yaml"
SCHEMA = {
    "openAPIV3Schema": {
        "type": "object",
        "properties": {
            "labels": {"type": "array", "items": {"type": "string"}},
            "most": {"type": "integer", "default": 3},
        },
    }
}


@pytest.fixture(scope="module")
def library() -> Library:
    found = Library()
    found.put_template(made(validation=SCHEMA))
    return found


def spec(**fields: Any) -> dict[str, Any]:
    return {
        "apiVersion": "constraints.gatekeeper.sh/v1beta1",
        "kind": "Owner",
        "metadata": {"name": "a"},
        "spec": fields,
    }


@pytest.mark.parametrize("case", yaml.read_one(CASES.read_text()), ids=lambda case: case["message"])
def test_refused(library: Library, case: dict[str, Any]) -> None:
    # What the webhook looks at, or what is looked at when a constraint is taken in.
    take = library.put_constraint if case.get("added") else library.check_constraint
    with pytest.raises(ConstraintError) as caught:
        take(case["constraint"])
    assert case["message"] in caught.value.message
    assert caught.value.schema is case.get("schema", False)
    assert caught.value.http_code == (500 if case.get("action") else 422)
    if case.get("action"):
        # Only the webhook asks for the action (gatekeeper.md 1.5).
        library.check_constraint(case["constraint"], actions=False)


def test_defaults_are_filled_in(library: Library) -> None:
    found = library.check_constraint(spec(parameters={"labels": ["owner"]}))
    assert found.parameters == {"labels": ["owner"], "most": 3}
    assert found.enforcement_action == "deny"


def test_the_document_that_was_handed_in_is_not_changed(library: Library) -> None:
    given = spec(parameters={})
    library.check_constraint(given)
    assert given == spec(parameters={})


def _scoped(*entries: tuple[str, list[str]]) -> constraint.Constraint:
    actions = [
        {"action": action, "enforcementPoints": [{"name": point} for point in points]}
        for action, points in entries
    ]
    found = spec(enforcementAction="scoped", scopedEnforcementActions=actions)
    return constraint.read(found, template.read(made(validation=SCHEMA)))


@pytest.mark.parametrize(
    ("entries", "webhook", "audit"),
    [
        ([("deny", ["validation.gatekeeper.sh"])], ("deny",), ()),
        ([("warn", ["*"])], ("warn",), ("warn",)),
        ([("dryrun", ["*"]), ("deny", ["audit.gatekeeper.sh"])], ("dryrun",), ("deny", "dryrun")),
        (
            [("warn", ["validation.gatekeeper.sh"]), ("deny", ["validation.gatekeeper.sh"])],
            ("deny", "warn"),
            (),
        ),
        ([("deny", ["*"]), ("deny", ["audit.gatekeeper.sh"])], ("deny",), ("deny",)),
    ],
)
def test_scoped_actions(
    entries: list[tuple[str, list[str]]], webhook: tuple[str, ...], audit: tuple[str, ...]
) -> None:
    found = _scoped(*entries)
    assert found.actions("validation.gatekeeper.sh") == webhook
    assert found.actions("audit.gatekeeper.sh") == audit


def test_without_scoped_the_scoped_actions_are_ignored() -> None:
    found = spec(
        enforcementAction="warn",
        scopedEnforcementActions=[{"action": "deny", "enforcementPoints": [{"name": "*"}]}],
    )
    read = constraint.read(found, template.read(made(validation=SCHEMA)))
    assert read.actions("validation.gatekeeper.sh") == ("warn",)
