"""No document, however malformed, gives anything but a policy error."""

from __future__ import annotations

import contextlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pratique.policy import Assignment, Definition, PolicyError, Scope, expressions, parameters, rule

LEAF = st.sampled_from(
    [
        "",
        "Microsoft.Kubernetes.Data",
        "[parameters('a')]",
        "[concat('a', 1)]",
        "String",
        "Array",
        "Audit",
        "type",
    ]
) | (st.none() | st.booleans() | st.integers() | st.text(max_size=6))
KEYS = st.sampled_from(
    [
        "if",
        "then",
        "effect",
        "details",
        "field",
        "equals",
        "in",
        "allOf",
        "not",
        "count",
        "value",
        "where",
        "type",
        "defaultValue",
        "allowedValues",
        "templateInfo",
        "sourceType",
        "content",
        "url",
        "kinds",
        "apiGroups",
        "a",
    ]
)
JSON = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=10,
)
NAMES = [
    "mode",
    "displayName",
    "metadata",
    "parameters",
    "policyRule",
    "policyDefinitionId",
    "notScopes",
    "enforcementMode",
    "nonComplianceMessages",
]
PROPERTIES = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, JSON))
ID = "/subscriptions/s/providers/Microsoft.Authorization/policyAssignments/a"


@settings(deadline=None, max_examples=80)
@given(PROPERTIES)
def test_documents(properties: dict[str, Any]) -> None:
    for read in (Definition.from_arm, Assignment.from_arm):
        with contextlib.suppress(PolicyError):
            read({"properties": properties}, identifier=ID)


@settings(deadline=None, max_examples=80)
@given(st.dictionaries(KEYS, JSON, max_size=4), JSON)
def test_rules(condition: dict[str, Any], resource: Any) -> None:
    with contextlib.suppress(PolicyError):
        rule.check(condition, target="if")
        rule.evaluate(condition, rule.Subject(resource={"type": "x/y", "properties": resource}))


@settings(deadline=None, max_examples=80)
@given(JSON, JSON)
def test_parameters(declared: Any, given_values: Any) -> None:
    with contextlib.suppress(PolicyError):
        found = parameters.read({"a": declared})
        parameters.resolve(found, parameters.values({"a": {"value": given_values}}))


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet="[]()'.,a01 parmetsconi", max_size=30))
def test_expressions(text: str) -> None:
    with contextlib.suppress(PolicyError):
        expressions.resolve(f"[{text}]", expressions.Context(parameters={"a": [1]}))


@settings(deadline=None, max_examples=80)
@given(st.text(alphabet="/subcriptonGv.MS -", max_size=40))
def test_scopes(text: str) -> None:
    with contextlib.suppress(PolicyError):
        Scope.parse("/subscriptions/s" + text)
